use std::time::Duration;

use super::*;
use crate::testing::{CANISTER, Keys, ModelRegistry, Shape, cbor};
use crate::{Folder, FolderError, FollowOptions};
use ddsx_merkle_log::VerifyError;
use ic_certification::{Certificate, HashTree};

const NOW: u64 = 1_700_000_000_000_000_000;

fn registry(chunks: u64) -> ModelRegistry {
    let registry = ModelRegistry::new(NOW);
    registry.append(0, chunks);
    registry
}

fn puller(registry: &ModelRegistry) -> Puller<ModelRegistry> {
    let clock = registry.clone();
    Puller::new(registry.clone(), 0)
        .with_clock(move || clock.now())
        .with_options(PullOptions {
            lagging_pause: Duration::from_millis(1),
            ..PullOptions::default()
        })
}

async fn refusal(puller: &mut Puller<ModelRegistry>) -> VerificationError {
    let before = puller.cursor();
    let failure = puller.pull().await.unwrap_err();
    assert_eq!(puller.cursor(), before, "a refused reply leaves nothing behind");
    match failure {
        PullFailure::Verification(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn should_pull_page_by_page_without_proof_bytes_and_across_growth() {
    let registry = registry(10);
    registry.set_page(4);
    let mut puller = puller(&registry);
    let mut sequences = Vec::new();
    for round in 0..6 {
        let batch = puller.pull().await.unwrap();
        sequences.extend(batch.chunks.iter().map(|chunk| chunk.leaf.sequence));
        assert_eq!(batch.next, sequences.len() as u64);
        assert_eq!(batch.records(), 3 * batch.chunks.len() as u64);
        if round == 1 {
            registry.append(0, 7);
        }
    }
    assert_eq!(sequences, (0..17).collect::<Vec<_>>());
    // After the growth the pull of [8, 12) passes through the size held, 10: no consistency proof is asked for.
    assert_eq!(registry.calls(), ["pull"; 6]);
    let batch = puller.pull().await.unwrap();
    assert!(batch.chunks.is_empty() && batch.reaches_head());
}

#[tokio::test]
async fn should_ask_for_a_consistency_proof_where_the_chunks_do_not_show_it() {
    let registry = registry(10);
    registry.set_page(2);
    let mut puller = puller(&registry);
    puller.pull().await.unwrap();
    registry.append(0, 1);
    puller.pull().await.unwrap();
    assert_eq!(registry.calls(), ["pull", "pull", "consistency_proof"]);
}

#[tokio::test]
async fn should_start_in_the_middle_and_stop_short_of_the_head() {
    let registry = registry(21);
    registry.set_page(3);
    for from in 0..=21 {
        let mut puller = puller(&registry).starting_at(from);
        let batch = puller.pull().await.unwrap();
        assert_eq!((batch.first, batch.next), (from, (from + 3).min(21)));
        assert_eq!(batch.left.end(), from);
        puller.pull().await.unwrap();
    }
}

#[tokio::test]
async fn should_resume_from_a_saved_cursor_and_refuse_a_foreign_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cursor.json");
    let registry = registry(10);
    registry.set_page(4);
    let mut first = puller(&registry);
    first.pull().await.unwrap();
    first.cursor().save(&path).unwrap();
    registry.append(0, 5);

    let cursor = Cursor::load(&path).unwrap().unwrap();
    assert_eq!((cursor.next(), cursor.stream()), (4, 0));
    let clock = registry.clone();
    let mut again = Puller::resume(registry.clone(), 0, cursor.clone())
        .unwrap()
        .with_clock(move || clock.now());
    assert_eq!(again.pull().await.unwrap().first, 4);

    assert!(matches!(
        Puller::resume(registry, 1, cursor.clone()),
        Err(CursorError::Foreign { what: "stream", .. })
    ));
    let text = std::fs::read_to_string(&path).unwrap();
    let other_registry = text.replace(&CANISTER.to_text(), "aaaaa-aa");
    let other = Cursor::decode(other_registry.as_bytes()).unwrap();
    let source = ModelRegistry::new(NOW);
    assert!(matches!(
        other.fits(&source, 0),
        Err(CursorError::Foreign { what: "registry", .. })
    ));
    assert_eq!(Cursor::load(&folder.path().join("none")).unwrap(), None);
}

#[tokio::test]
async fn should_refuse_a_damaged_cursor() {
    let registry = registry(8);
    let mut puller = puller(&registry);
    puller.pull().await.unwrap();
    let text = serde_json::to_string(&puller.cursor()).unwrap();
    let held = puller.cursor().held().unwrap().clone();
    let root = held.head.root.to_string();
    let other_root = format!("{}{}", if root.starts_with('0') { '1' } else { '0' }, &root[1..]);
    for (from, to) in [
        ("\"version\":1", "\"version\":2"),
        ("\"end\":8", "\"end\":9"),
        ("\"tree_size\":8", "\"tree_size\":7"),
        (root.as_str(), other_root.as_str()),
        ("{", ""),
    ] {
        let damaged = text.replacen(from, to, 1);
        assert_ne!(damaged, text);
        assert!(Cursor::decode(damaged.as_bytes()).is_err(), "{to}");
    }
}

/// What a forger may do to a reply, and what the refusal says.
type Row = (&'static str, Box<dyn Fn(&mut Pulled) + Send + Sync>, &'static str);

fn row(name: &'static str, forge: impl Fn(&mut Pulled) + Send + Sync + 'static, words: &'static str) -> Row {
    (name, Box::new(forge), words)
}

fn leaf_row(field: &'static str, offset: usize, words: &'static str) -> Row {
    row(field, move |reply| reply.chunks[2].leaf[offset] ^= 1, words)
}

fn forgeries() -> Vec<Row> {
    vec![
        row(
            "payload byte",
            |reply| reply.chunks[2].payload[3] ^= 1,
            "chunk 4: its payload was altered",
        ),
        row(
            "payload cut",
            |reply| reply.chunks[2].payload.truncate(3),
            "chunk 4: its payload has 3 bytes",
        ),
        row(
            "credits",
            |reply| *reply.chunks[2].credits.last_mut().unwrap() ^= 2,
            "chunk 4: its credits list",
        ),
        leaf_row("version", 0, "version 0, certified 1"),
        leaf_row("flags", 1, "its leaf was altered: flags"),
        leaf_row("stream", 9, "stream id 1, certified 0"),
        leaf_row("sequence", 17, "sequence number 5, certified 4"),
        leaf_row("provider time", 25, "provider's timestamp"),
        leaf_row("registry time", 33, "registry's timestamp"),
        leaf_row("content type", 35, "content type 3, certified 2"),
        leaf_row("records", 43, "record count 2, certified 3"),
        leaf_row("verdict", 44, "quality verdict 0, certified 1"),
        leaf_row("credits hash", 50, "credits hash"),
        leaf_row("payload length", 84, "payload length"),
        leaf_row("payload hash", 90, "its leaf was altered: payload hash"),
        row(
            "left frontier",
            |reply| reply.left_frontier[0].0[0] ^= 1,
            "a frontier hash was altered",
        ),
        row(
            "right frontier",
            |reply| reply.right_frontier[0].0[0] ^= 1,
            "a frontier hash was altered",
        ),
        row(
            "frontier hash missing",
            |reply| reply.right_frontier.truncate(1),
            "wrong right frontier",
        ),
        row(
            "left frontier missing",
            |reply| reply.left_frontier.clear(),
            "wrong left frontier",
        ),
        row(
            "head size",
            |reply| reply.head.head.tree_size -= 1,
            "head's size was altered: 19 chunks were given, 20 are certified",
        ),
        row(
            "head root",
            |reply| reply.head.head.root.0[5] ^= 1,
            "head's root was altered",
        ),
        row(
            "head timestamp",
            |reply| reply.head.head.timestamp -= 1,
            "head's timestamp was altered",
        ),
        row(
            "witness",
            forge_witness,
            "witness does not lead to the canister's certified data",
        ),
        row(
            "certificate missing",
            |reply| reply.head.certificate = None,
            "the reply has no certificate",
        ),
        row(
            "certificate signature",
            |reply| forge_certificate(reply, |it| it.signature[7] ^= 1),
            "certificate's signature is none",
        ),
        row("delegation range", forge_range, "delegation does not cover canister"),
        row(
            "delegation signature",
            forge_delegation,
            "delegation's signature is none",
        ),
        row("other canister", forge_canister, "certificate is not about canister"),
        row("dropped", |reply| drop(reply.chunks.remove(1)), "chunk 3 was dropped"),
        row("dropped, next adjusted", drop_and_adjust, "chunk 3 was dropped"),
        row(
            "last dropped",
            |reply| drop(reply.chunks.pop()),
            "chunks were dropped at its end",
        ),
        row(
            "last dropped, next adjusted",
            drop_last_and_adjust,
            "wrong right frontier",
        ),
        row(
            "swapped",
            |reply| reply.chunks.swap(1, 3),
            "chunks 3 and 5 were swapped",
        ),
        row(
            "twice",
            |reply| reply.chunks[3] = reply.chunks[1].clone(),
            "its leaf was altered: sequence number 3, certified 5",
        ),
        row("withheld", withhold, "the reply holds no chunk"),
    ]
}

fn forge_witness(reply: &mut Pulled) {
    *reply.head.witness.last_mut().unwrap() ^= 1;
}

fn forge_certificate(reply: &mut Pulled, forge: impl Fn(&mut Certificate)) {
    let bytes = reply.head.certificate.as_mut().unwrap();
    let mut certificate: Certificate = serde_cbor::from_slice(bytes).unwrap();
    forge(&mut certificate);
    **bytes = cbor(&certificate);
}

/// A certificate of the same content, signed by a subnet that another canister belongs to.
fn certificate_of(reply: &mut Pulled, shape: impl Fn(&mut Shape)) {
    let tree: HashTree = serde_cbor::from_slice(&reply.head.witness).unwrap();
    let mut made = Shape::new(log::Hash(tree.digest()), reply.head.head.timestamp);
    shape(&mut made);
    **reply.head.certificate.as_mut().unwrap() = Keys::new(1).certificate(&made);
}

fn forge_range(reply: &mut Pulled) {
    certificate_of(reply, |shape| {
        shape.ranges = vec![(crate::testing::OUTSIDE, crate::testing::OUTSIDE)];
    });
}

fn forge_canister(reply: &mut Pulled) {
    certificate_of(reply, |shape| {
        shape.canister = candid::Principal::from_slice(&[0, 0, 0, 0, 0, 16, 0, 9, 1, 1]);
    });
}

fn forge_delegation(reply: &mut Pulled) {
    forge_certificate(reply, |certificate| {
        let delegation = certificate.delegation.as_mut().unwrap();
        let mut inner: Certificate = serde_cbor::from_slice(&delegation.certificate).unwrap();
        inner.signature[0] ^= 1;
        delegation.certificate = cbor(&inner);
    });
}

fn drop_and_adjust(reply: &mut Pulled) {
    reply.chunks.remove(1);
    reply.next -= 1;
}

fn drop_last_and_adjust(reply: &mut Pulled) {
    reply.chunks.pop();
    reply.next -= 1;
}

fn withhold(reply: &mut Pulled) {
    let registry = registry(20);
    let whole = registry.answer_from(2);
    reply.chunks.clear();
    reply.next = 2;
    reply.right_frontier = whole;
}

#[tokio::test]
async fn should_refuse_every_forgery_with_its_own_words_and_hand_over_nothing() {
    for (name, forge, words) in forgeries() {
        let registry = registry(20);
        registry.set_page(8);
        let mut puller = puller(&registry).starting_at(2);
        registry.forge(forge);
        let said = refusal(&mut puller).await.to_string();
        assert!(said.contains(words), "{name}: {said}");
        registry.be_honest();
        assert_eq!(
            puller.pull().await.unwrap().chunks.len(),
            8,
            "{name}: the truth is still believed"
        );
    }
}

#[tokio::test]
async fn should_refuse_forgeries_without_asking_for_proofs_too() {
    for (name, forge, _) in forgeries() {
        let registry = registry(20);
        registry.set_page(8);
        let mut puller = puller(&registry).starting_at(2).with_options(PullOptions {
            diagnose: false,
            lagging_retries: 0,
            ..PullOptions::default()
        });
        registry.forge(forge);
        refusal(&mut puller).await;
        assert_eq!(registry.calls(), ["pull"], "{name}");
    }
}

#[tokio::test]
async fn should_refuse_another_streams_valid_reply() {
    let registry = registry(5);
    registry.create(1);
    registry.append(1, 5);
    let mut of_other = Puller::new(registry.clone(), 1).with_options(PullOptions::default());
    let clock = registry.clone();
    of_other = of_other.with_clock(move || clock.now());
    of_other.pull().await.unwrap();
    let reply = registry.raw_pull(1);
    registry.forge(move |forged| *forged = reply.clone());
    let error = refusal(&mut puller(&registry)).await;
    assert_eq!(error, VerificationError::WitnessOfOtherStream { stream: 0, shown: 1 });
}

#[tokio::test]
async fn should_refuse_a_valid_but_old_reply() {
    let registry = registry(5);
    let old = registry.raw_pull(0);
    registry.append(0, 5);
    let mut puller = puller(&registry);
    puller.pull().await.unwrap();
    registry.calls();
    let replayed = old.clone();
    registry.forge(move |reply| *reply = replayed.clone());
    // Younger than five minutes: what is held shows that it is old. An honest node may lag, so that it is asked again.
    let mut from_start = puller.clone().starting_at(0);
    let error = refusal(&mut from_start).await;
    assert!(
        matches!(
            error,
            VerificationError::Log(VerifyError::CertificateOlderThanHeld { .. })
        ),
        "{error}"
    );
    assert_eq!(registry.calls(), ["pull"; 4]);
    // Older than that: whoever holds nothing refuses it too.
    registry.pass(301);
    let mut newcomer = self::puller(&registry);
    let error = refusal(&mut newcomer).await;
    assert!(
        matches!(error, VerificationError::Log(VerifyError::CertificateTooOld { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn should_wait_for_a_lagging_node() {
    let registry = registry(5);
    let old = registry.raw_pull(0);
    registry.append(0, 5);
    let mut puller = puller(&registry);
    puller.pull().await.unwrap();
    registry.calls();
    let honest = registry.clone();
    let asked = std::sync::atomic::AtomicU32::new(0);
    registry.forge(move |reply| {
        if asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2 {
            *reply = old.clone();
        }
    });
    let mut again = puller.clone().starting_at(0);
    assert_eq!(again.pull().await.unwrap().next, 10);
    assert_eq!(honest.calls(), ["pull"; 3]);
}

#[tokio::test]
async fn should_refuse_a_rewritten_history() {
    let honest = registry(5);
    let mut puller = puller(&honest);
    puller.pull().await.unwrap();
    // The same keys, another history: what a controller's upgrade could do.
    let other = ModelRegistry::new(NOW + 1);
    other.append(0, 5);
    other.append(0, 5);
    let rewritten = Puller::resume(other.clone(), 0, puller.cursor()).unwrap();
    let clock = other.clone();
    let mut rewritten = rewritten.with_clock(move || clock.now());
    let said = refusal(&mut rewritten).await.to_string();
    assert!(said.contains("do not lead to the head's root"), "{said}");
}

#[tokio::test]
async fn should_not_believe_a_registry_with_other_keys() {
    let registry = registry(3);
    registry.forge(|reply| {
        let tree: HashTree = serde_cbor::from_slice(&reply.head.witness).unwrap();
        let shape = Shape::new(log::Hash(tree.digest()), reply.head.head.timestamp);
        **reply.head.certificate.as_mut().unwrap() = Keys::new(9).certificate(&shape);
    });
    assert_eq!(
        refusal(&mut puller(&registry)).await,
        VerificationError::DelegationSignature
    );
}

#[tokio::test]
async fn should_follow_growth_and_wait_out_a_network_that_is_away() {
    let registry = registry(2);
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = seen.clone();
    let mut follower = puller(&registry)
        .follow(FollowOptions {
            interval: Duration::from_millis(50),
            ..FollowOptions::default()
        })
        .on_trouble(move |_, pause| noted.lock().unwrap().push(pause.as_millis()));
    assert_eq!(follower.next().await.unwrap().next, 2);
    let growing = registry.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        growing.append(0, 3);
        growing.go_away(3);
    });
    let batch = follower.next().await.unwrap();
    assert_eq!((batch.first, batch.next), (2, 5));
    assert_eq!(*seen.lock().unwrap(), [50, 100, 200]);
}

#[tokio::test]
async fn should_give_up_on_a_network_that_stays_away() {
    let registry = registry(2);
    registry.go_away(1_000);
    let mut follower = puller(&registry).follow(FollowOptions {
        interval: Duration::from_millis(5),
        longest_pause: Duration::from_millis(20),
        give_up_after: Some(Duration::from_millis(100)),
    });
    assert!(follower.next().await.unwrap_err().is_transient());
    assert!(registry.calls().len() < 30);
}

#[tokio::test]
async fn should_write_a_folder_that_proves_itself_again() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("stream");
    let registry = registry(10);
    registry.set_page(4);
    let folder = Folder::open(&path, &registry, 0).unwrap();
    let mut puller = puller(&registry);
    registry.forge(|reply| reply.chunks[0].payload[0] ^= 1);
    assert!(puller.pull().await.is_err());
    assert!(!path.exists(), "nothing unverified is written");
    registry.be_honest();
    for _ in 0..3 {
        folder.write(&puller.pull().await.unwrap()).unwrap();
    }
    assert_eq!(
        std::fs::read(path.join("000000000007.jsonl")).unwrap(),
        b"{\"stream\":0,\"chunk\":7}\n"
    );
    registry.append(0, 2);

    let folder = Folder::open(&path, &registry, 0).unwrap().with_clock({
        let registry = registry.clone();
        move || registry.now()
    });
    let report = folder.verify(&registry).await.unwrap();
    assert_eq!(
        (report.chunks, report.records, report.first, report.end, report.log_size),
        (10, 30, 0, 10, 12)
    );

    std::fs::write(path.join("000000000007.jsonl"), b"{\"stream\":0,\"chunk\":8}\n").unwrap();
    let said = folder.verify(&registry).await.unwrap_err().to_string();
    assert!(said.contains("chunk 7: its payload was altered"), "{said}");
    assert!(matches!(
        Folder::open(&path, &registry, 1),
        Err(FolderError::Foreign { what: "stream", .. })
    ));
}

#[tokio::test]
async fn should_find_a_folder_whose_proofs_were_altered_with_its_files() {
    let home = tempfile::tempdir().unwrap();
    let registry = registry(6);
    let other = ModelRegistry::new(NOW + 5);
    other.append(0, 6);
    let clock = other.clone();
    let mut puller = Puller::new(other.clone(), 0).with_clock(move || clock.now());
    let folder = Folder::open(home.path(), &other, 0).unwrap();
    folder.write(&puller.pull().await.unwrap()).unwrap();
    let clock = registry.clone();
    let folder = Folder::open(home.path(), &registry, 0)
        .unwrap()
        .with_clock(move || clock.now());
    let error = folder.verify(&registry).await.unwrap_err();
    let FolderError::Verification(VerificationError::Log(VerifyError::Consistency { held: 6, got: 6, .. })) = error
    else {
        panic!("{error}");
    };
}

/// What verification costs beside hashing: run it alone, on an idle machine, with `--run-ignored only`.
#[tokio::test]
#[ignore = "a measurement, which other work on the machine disturbs"]
async fn should_verify_large_chunks_at_four_fifths_of_the_speed_of_hashing_or_faster() {
    const CHUNKS: u64 = 512;
    const BYTES: usize = 64 * 1024;
    let registry = ModelRegistry::new(NOW);
    registry.append_with(0, CHUNKS, |sequence| vec![u8::try_from(sequence % 251).unwrap(); BYTES]);
    let payload = vec![7; BYTES];
    let (mut hashing, mut verifying) = (Duration::MAX, Duration::MAX);
    for _ in 0..5 {
        let began = std::time::Instant::now();
        for _ in 0..CHUNKS {
            std::hint::black_box(log::sha256(std::hint::black_box(&payload)));
        }
        hashing = hashing.min(began.elapsed());
        let puller = puller(&registry);
        let reply = registry.raw_pull(0);
        let began = std::time::Instant::now();
        let verified = puller.verify(&reply, None).await.unwrap();
        verifying = verifying.min(began.elapsed());
        assert_eq!(verified.leaves.len() as u64, CHUNKS);
    }
    let percent = hashing.as_nanos() * 100 / verifying.as_nanos();
    println!("hashing {hashing:?}, verifying {verifying:?}: {percent} %");
    assert!(percent >= 80);
}
