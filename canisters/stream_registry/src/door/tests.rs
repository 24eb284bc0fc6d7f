use super::*;
use crate::testing::*;
use ddsx_types::stream_registry::{AppendError, NewChunk};

fn encoded(args: &AppendArgs) -> Vec<u8> {
    candid::encode_one(args).unwrap()
}

#[test]
fn should_read_the_stream_from_the_head_of_an_append() {
    let large: Vec<NewChunk> = vec![chunk(&[7; 300_000], &[(1, 2), (3, 4)])];
    for (stream, chunks) in [(0, vec![]), (u64::MAX, large), (77, vec![chunk(b"x", &[])])] {
        let bytes = encoded(&batch(stream, 5, chunks));
        assert_eq!(stream_of_append(&bytes), Some(stream));
    }
    for other in [
        candid::encode_one(7_u64).unwrap(),
        candid::encode_one("append").unwrap(),
        candid::encode_args(()).unwrap(),
        candid::encode_one(create_args("x")).unwrap(),
        b"DIDL".to_vec(),
        b"DIDL\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        vec![],
    ] {
        assert_eq!(stream_of_append(&other), None);
    }
}

#[test]
fn should_never_fail_on_what_is_no_candid() {
    let whole = encoded(&batch(3, 0, vec![chunk(b"x", &[(0, 1)])]));
    for end in 0..whole.len() {
        let _ = stream_of_append(&whole[..end]);
        let mut changed = whole.clone();
        changed[end] ^= 0xff;
        let _ = stream_of_append(&changed);
    }
}

#[test]
fn should_refuse_at_the_door_what_cannot_succeed() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    storage.change_settings(|settings| settings.governance = GOVERNANCE);
    let nobody = Principal::anonymous();
    let to = |stream| encoded(&batch(stream, 0, vec![chunk(b"x", &[])]));
    for (caller, method, argument, refused) in [
        (OWNER, "append", to(id), None),
        (OTHER, "append", to(id), Some("only the stream's owner")),
        (OWNER, "append", to(9), Some("no such stream")),
        (OTHER, "append", b"DIDL".to_vec(), None),
        (nobody, "create_stream", vec![], Some("sign in")),
        (OTHER, "create_stream", vec![], None),
        (OTHER, "pull", vec![], Some("is a query")),
        (OTHER, "list_streams", vec![], Some("is a query")),
        (OTHER, "stream", vec![], None),
        (OTHER, "set_paused", vec![], Some("only governance")),
        (OTHER, "free_stream", vec![], Some("only governance")),
        (GOVERNANCE, "set_paused", vec![], None),
    ] {
        let answer = refuse(&storage, caller, NOW, method, &argument);
        match refused {
            None => assert_eq!(answer, Ok(()), "{method}"),
            Some(words) => assert!(
                answer.clone().is_err_and(|text| text.contains(words)),
                "{method}: {answer:?}"
            ),
        }
    }
    storage.change_settings(|settings| settings.paused = true);
    assert!(refuse(&storage, OWNER, NOW, "append", &to(id)).is_err_and(|text| text.contains("paused")));
    assert_eq!(
        refuse(&storage, OWNER, NOW, "buy", &[]),
        Ok(()),
        "what became of a payment is told"
    );
    assert_eq!(refuse(&storage, GOVERNANCE, NOW, "set_paused", &[]), Ok(()));
}

#[test]
fn should_decode_nothing_large_for_a_caller_who_may_not_append() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let args = batch(id, 0, vec![chunk(&[7; 100_000], &[])]);
    let bytes = encoded(&args);
    assert_eq!(append_args(&storage, OWNER, NOW, &bytes), Some(args.clone()));
    let cut = append_args(&storage, OTHER, NOW, &bytes).unwrap();
    assert_eq!((cut.stream, cut.chunks.len()), (id, 0));
    // The method's own answer is the same as for the whole argument.
    for sent in [cut, args] {
        let refused = crate::log::append(&mut storage, OTHER, NOW, &sent);
        assert_eq!(refused, Err(AppendError::NotAPublisher));
    }
    let unknown = append_args(&storage, OWNER, NOW, &encoded(&batch(9, 0, vec![]))).unwrap();
    assert_eq!(
        crate::log::append(&mut storage, OWNER, NOW, &unknown),
        Err(AppendError::StreamNotFound)
    );
    assert_eq!(append_args(&storage, OWNER, NOW, b"DIDL"), None);
}

#[test]
fn should_not_work_for_ever_on_what_no_method_asks_for() {
    let wanted = batch(3, 0, vec![chunk(b"x", &[(0, 1)])]);
    let mut bytes = candid::encode_args((&wanted, vec![()])).unwrap();
    assert_eq!(decode_bounded(&bytes), Some(wanted.clone()));
    // 2^60 values of no size, claimed in nine bytes.
    assert_eq!(bytes.pop(), Some(1));
    bytes.extend([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]);
    assert_eq!(decode_bounded(&bytes), None);
    let large = batch(3, 0, vec![chunk(&vec![7; 1_900_000], &[])]);
    assert_eq!(decode_bounded(&encoded(&large)), Some(large));
}
