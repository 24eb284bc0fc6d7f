//! The SDK against a live network over HTTP: publish, buy, follow, verify, be paid; replies lost on the way.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod client_support;

use std::time::Duration;

use candid::Nat;
use client_support::{BALANCE, Live, LossyProxy, PRICE, run};
use ddsx_client::{
    AllowanceChange, Appender, CallError, CreditRule, Cursor, Folder, FollowOptions, GovernedChange, LineSplitter,
    Network, NetworkError, Payment, PullFailure, Puller, Purchase, Registry, RootKey, RootKeyError, SplitLimits,
};
use ddsx_client::{ConnectError, VerificationError};
use ddsx_tests::ledger::FEE;
use ddsx_tests::user;
use ddsx_types::Account;
use ddsx_types::stream_registry::{AppendError, BuyError, Credit, NewChunk, PullError, QuoteArgs};
use serde_bytes::ByteBuf;

/// Lines of both contributors, two of three by `uw`.
fn lines(count: usize) -> String {
    let line = |n: usize| {
        format!(
            "{{\"n\":{n},\"net\":\"{}\"}}\n",
            if n.is_multiple_of(3) { "ak" } else { "uw" }
        )
    };
    (0..count).map(line).collect::<Vec<_>>().concat()
}

fn chunks(text: &str, records: u64) -> Vec<NewChunk> {
    let limits = SplitLimits {
        records,
        ..SplitLimits::default()
    };
    LineSplitter::new(text.as_bytes(), CreditRule::Field("net".into()), limits, 0, 0)
        .map(|chunk| {
            let chunk = chunk.unwrap();
            let number = |label: &str| u32::from(label == "ak");
            let mut credits: Vec<Credit> = chunk
                .records
                .iter()
                .map(|(label, records)| Credit {
                    contributor: number(label),
                    records: *records,
                })
                .collect();
            credits.sort_by_key(|credit| credit.contributor);
            NewChunk {
                payload: ByteBuf::from(chunk.payload),
                provider_timestamp: ddsx_client::now_ns(),
                credits,
            }
        })
        .collect()
}

async fn publish(registry: &Registry, stream: u64, text: &str, records: u64) {
    let mut appender = Appender::open(registry.clone(), stream).await.unwrap();
    for batch in Appender::batches(chunks(text, records)) {
        appender.append(batch).await.unwrap();
    }
}

async fn buy(registry: &Registry, plan: u64) -> u64 {
    let ledger = registry.network().ledger(ledger_of(registry, plan).await);
    let quote = registry
        .quote(QuoteArgs {
            plan,
            ledger: Some(ledger.id()),
        })
        .await
        .unwrap();
    let me = Account::from(registry.network().principal());
    ledger
        .ensure_allowance(me, registry.id().into(), &quote.allowance)
        .await
        .unwrap();
    let purchase = Purchase::new(registry, &quote, None, None);
    let licence = purchase.complete(registry, Duration::from_mins(1)).await.unwrap();
    licence.id
}

async fn ledger_of(registry: &Registry, plan: u64) -> candid::Principal {
    let streams = registry
        .list_streams(ddsx_types::stream_registry::Page::default())
        .await
        .unwrap();
    for stream in streams {
        for offered in registry.plans(stream.id).await.unwrap() {
            if offered.id == plan {
                return offered.prices[0].ledger;
            }
        }
    }
    panic!("no plan {plan}");
}

#[test]
fn should_publish_buy_follow_verify_and_pay_the_contributors() {
    let live = Live::start();
    let (uw, ak) = (user(1), user(2));
    run(async {
        let (stream, plan) = live.stream([uw, ak]).await;
        let provider = live.registry_as(&live.provider).await;
        let text = lines(900);
        publish(&provider, stream, &text, 50).await;

        let buyer = live.registry_as(&live.buyer).await;
        let refused = Puller::new(buyer.clone(), stream).pull().await.unwrap_err();
        let PullFailure::Call(refused) = refused else {
            panic!("{refused}")
        };
        assert_eq!(refused.refusal(), Some(&PullError::NoLicence));

        let licence = buy(&buyer, plan).await;
        let proved = buyer.verified_licence(licence).await.unwrap().unwrap();
        assert_eq!((proved.stream, proved.owner.owner), (stream, live.buyer.principal));
        assert_eq!(buyer.verified_licence(licence + 1).await.unwrap(), None);

        let head = buyer.verified_head(stream).await.unwrap();
        assert_eq!(head.head.tree_size, 18);

        let home = tempfile::tempdir().unwrap();
        let cursor = home.path().join("cursor.json");
        let folder = Folder::open(&home.path().join("quakes"), &buyer, stream).unwrap();
        let mut follower = Puller::new(buyer.clone(), stream).follow(FollowOptions {
            interval: Duration::from_millis(100),
            ..FollowOptions::default()
        });
        let mut pulled = Vec::new();
        let more = lines(90);
        let growth = publish(&provider, stream, &more, 30);
        let follow = async {
            while pulled.len() < text.len() + more.len() {
                let batch = follower.next().await.unwrap();
                folder.write(&batch).unwrap();
                follower.puller().cursor().save(&cursor).unwrap();
                pulled.extend(batch.chunks.into_iter().flat_map(|chunk| chunk.payload));
            }
        };
        tokio::join!(growth, follow);
        assert_eq!(String::from_utf8(pulled).unwrap(), format!("{text}{more}"));
        assert_eq!(folder.verify(&buyer).await.unwrap().chunks, 21);

        let resumed = Puller::resume(buyer.clone(), stream, Cursor::load(&cursor).unwrap().unwrap());
        let batch = resumed.unwrap().pull().await.unwrap();
        assert!(batch.chunks.is_empty() && batch.first == 21);
        let from_middle = Puller::new(buyer.clone(), stream).starting_at(5).pull().await.unwrap();
        assert_eq!((from_middle.first, from_middle.next), (5, 21));

        // 10 DST: 2.5 % to the protocol, 30 % of the rest to the provider, the others' 70 % as 2 : 1.
        let ledger = buyer.network().ledger(live.ledger);
        let shares = [(uw, 455_000_000_u64), (ak, 227_500_000), (live.treasury, 25_000_000)];
        for _ in 0..100 {
            let arrived = ledger.balance_of(ak.into()).await.unwrap();
            if arrived > 0u8 && ledger.balance_of(live.treasury.into()).await.unwrap() > 0u8 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        for (payee, share) in shares {
            // What is below one unit of a share stays with the registry, carried to the next payment.
            let arrived = ledger.balance_of(payee.into()).await.unwrap() + FEE;
            assert!(
                arrived == share || arrived == share - 1,
                "{payee}: {arrived} of {share}"
            );
        }
        let spent = Nat::from(BALANCE - PRICE - 2 * FEE);
        assert_eq!(ledger.balance_of(live.buyer.principal.into()).await.unwrap(), spent);
        assert!(buyer.audit(live.ledger).await.unwrap().unwrap().conserved);
    });
}

#[test]
fn should_execute_once_what_is_sent_again_after_a_lost_reply() {
    let live = Live::start();
    let proxy = LossyProxy::start(&live.url);
    run(async {
        let (stream, plan) = live.stream([user(1), user(2)]).await;
        let provider = live.registry_at(&proxy.url, &live.provider).await;
        let mut appender = Appender::open(provider.clone(), stream).await.unwrap();
        proxy.lose(2);
        let batch = chunks(&lines(30), 10);
        let appended = appender.append(batch.clone()).await.unwrap();
        assert_eq!(proxy.lost(), 2);
        assert_eq!(
            (
                appended.first_sequence,
                appended.head.tree_size,
                appended.already_stored
            ),
            (0, 3, false)
        );

        // The same batch in a new message, as after a crash: answered with what is there.
        let again = Appender::at(provider.clone(), stream, 0)
            .append(batch.clone())
            .await
            .unwrap();
        assert!(again.already_stored && again.head.tree_size == 3);
        let mut other = batch;
        other[0].payload = ByteBuf::from(b"{}\n".to_vec());
        other[0].credits = vec![Credit {
            contributor: 0,
            records: 1,
        }];
        let refused = Appender::at(provider.clone(), stream, 0)
            .append(other.clone())
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("chunk 0 is stored already"), "{refused}");
        let refused = provider
            .append(&ddsx_types::stream_registry::AppendArgs {
                stream,
                expected_sequence: 9,
                chunks: other,
            })
            .await
            .unwrap_err();
        assert_eq!(refused.refusal(), Some(&AppendError::WrongSequence { expected: 3 }));

        let buyer = live.registry_at(&proxy.url, &live.buyer).await;
        let ledger = buyer.network().ledger(live.ledger);
        proxy.lose(1);
        ledger.pay(user(3).into(), 5u8.into(), None).await.unwrap();
        assert_eq!(ledger.balance_of(user(3).into()).await.unwrap(), Nat::from(5u8));
        let before = ledger.balance_of(live.buyer.principal.into()).await.unwrap();
        proxy.lose(3);
        buy(&buyer, plan).await;
        assert_eq!(proxy.lost(), 6);
        let after = ledger.balance_of(live.buyer.principal.into()).await.unwrap();
        assert_eq!(before - after, Nat::from(PRICE + 2 * FEE));
    });
}

#[test]
fn should_repeat_a_purchase_without_paying_again() {
    let live = Live::start();
    run(async {
        let (stream, plan) = live.stream([user(1), user(2)]).await;
        let buyer = live.registry_as(&live.buyer).await;
        let ledger = buyer.network().ledger(live.ledger);
        let me = Account::from(live.buyer.principal);
        let quote = buyer
            .quote(QuoteArgs {
                plan,
                ledger: Some(live.ledger),
            })
            .await
            .unwrap();

        let without = Purchase::new(&buyer, &quote, None, None);
        let failure = without.complete(&buyer, Duration::ZERO).await.unwrap_err();
        assert!(failure.is_final());
        let ddsx_client::PurchaseFailure::Call(CallError::Refused { error, .. }) = failure else {
            panic!("{failure}")
        };
        assert!(matches!(error, BuyError::InsufficientAllowance { .. }), "{error:?}");

        ledger
            .ensure_allowance(me, buyer.id().into(), &quote.allowance)
            .await
            .unwrap();
        let home = tempfile::tempdir().unwrap();
        let note = Purchase::note_path(home.path(), &buyer, plan);
        Purchase::new(&buyer, &quote, None, None).save(&note).unwrap();
        let purchase = Purchase::load(&note, &buyer).unwrap().unwrap();
        let licence = purchase.complete(&buyer, Duration::from_mins(1)).await.unwrap();
        let paid = ledger.balance_of(me).await.unwrap();
        // The crash came before the note was removed.
        let again = Purchase::load(&note, &buyer).unwrap().unwrap();
        assert_eq!(again.complete(&buyer, Duration::from_mins(1)).await.unwrap(), licence);
        assert_eq!(ledger.balance_of(me).await.unwrap(), paid);
        assert_eq!(licence.stream, stream);
    });
}

#[test]
fn should_connect_only_where_the_root_key_can_be_trusted() {
    let live = Live::start();
    run(async {
        let network = Network::connect(&live.url, RootKey::FromLoopback, ddsx_client::Anonymous)
            .await
            .unwrap();
        let key = network.root_key().to_vec();
        let given = Network::connect(&live.url, RootKey::Given(key.clone()), ddsx_client::Anonymous)
            .await
            .unwrap();
        assert_eq!(given.root_key(), key);
        given.registry(live.registry).parameters().await.unwrap();

        let elsewhere = Network::connect("http://192.0.2.1:4943", RootKey::FromLoopback, ddsx_client::Anonymous).await;
        assert!(matches!(
            elsewhere,
            Err(ConnectError::RootKey(RootKeyError::NotLoopback { .. }))
        ));

        // Mainnet's key on this network: nothing that it answers is proved.
        let (stream, _) = live.stream([user(1), user(2)]).await;
        let wrong = Network::connect(&live.url, RootKey::Mainnet, ddsx_client::Anonymous)
            .await
            .unwrap();
        let error = wrong.registry(live.registry).parameters().await.unwrap_err();
        assert!(matches!(error, NetworkError::Unproved { .. }), "{error}");
        let unsigned = wrong.with_query_signatures(false).unwrap().registry(live.registry);
        unsigned.parameters().await.unwrap();
        let failure = unsigned.verified_head(stream).await.unwrap_err();
        assert!(
            matches!(
                failure,
                PullFailure::Verification(
                    VerificationError::DelegationSignature | VerificationError::DelegationMissing
                )
            ),
            "{failure}"
        );
    });
}

#[test]
fn should_tell_governed_changes_to_voters_and_refuse_them_from_others() {
    let live = Live::start();
    run(async {
        let registry = live.registry_as(&live.buyer).await;
        let change = GovernedChange::SetProtocolFee(300);
        assert!(registry.validate(&change).await.unwrap().is_ok());
        assert!(
            registry
                .validate(&GovernedChange::SetProtocolFee(9_000))
                .await
                .unwrap()
                .is_err()
        );
        let error = registry.govern(&change).await.unwrap_err();
        assert!(matches!(error, NetworkError::Rejected { .. }), "{error}");
        assert_eq!(registry.parameters().await.unwrap().protocol_fee_bps, 250);
    });
}

#[test]
fn should_look_at_a_payment_whole_and_take_back_an_approval_that_came_to_nothing() {
    let live = Live::start();
    run(async {
        let (_, plan) = live.stream([user(1), user(2)]).await;
        let buyer = live.registry_as(&live.buyer).await;
        let asked = QuoteArgs {
            plan,
            ledger: Some(live.ledger),
        };
        let offer = buyer.agreed().offer(asked).await.unwrap();
        assert_eq!(
            offer.terms_hash(),
            Some(offer.quote.terms_hash),
            "the canister's hash is the client's"
        );
        assert_eq!(
            buyer.offer(asked).await.unwrap(),
            offer,
            "one honest node says the same"
        );

        let ledger = buyer.network().ledger(live.ledger).agreed();
        let me = Account::from(live.buyer.principal);
        let payment = Payment::look(ledger.clone(), buyer.id(), &offer.quote.price)
            .await
            .unwrap();
        assert_eq!(payment.total(), Nat::from(PRICE + 2 * FEE));
        payment.check_funds().unwrap();
        let raised = payment.approve().await.unwrap();
        assert!(matches!(raised, AllowanceChange::Raised { .. }));
        assert_eq!(
            payment.approve().await.unwrap(),
            AllowanceChange::Enough,
            "not paid for twice"
        );
        let spender = Account::from(buyer.id());
        assert_eq!(
            ledger.allowance(me, spender).await.unwrap().allowance,
            Nat::from(PRICE + FEE)
        );

        let said = payment.take_back().await;
        assert_eq!(
            said,
            "the approval cost 0.0001 DST, and it was taken back for 0.0001 DST more: no allowance is left"
        );
        assert_eq!(ledger.allowance(me, spender).await.unwrap().allowance, Nat::from(0_u8));
        assert_eq!(ledger.balance_of(me).await.unwrap(), Nat::from(BALANCE - 2 * FEE));
        let open = payment.take_back().await;
        assert!(open.contains("take it back: ddsx token approve"), "{open}");

        let dear = Payment::look(ledger, buyer.id(), &Nat::from(BALANCE)).await.unwrap();
        let short = dear.check_funds().unwrap_err().to_string();
        assert!(
            short.starts_with("the account holds 999.9998 DST, and 1000.0002 DST is needed"),
            "{short}"
        );
    });
}
