//! Bookkeeping of the journal itself; its behaviour towards ledgers is in `crate::tests`.

use super::*;
use crate::asset::Asset;
use crate::intent::{Direction, Failure, Kind, Order, Outcome};
use crate::verdict::Answer;
use ddsx_types::{Account, Hash};
use ic_stable_structures::VectorMemory;

fn journal() -> Journal<VectorMemory> {
    let memory = VectorMemory::default;
    let memories = Memories {
        counters: memory(),
        intents: memory(),
        index: memory(),
        requests: memory(),
        ledgers: memory(),
    };
    Journal::init(memories, Limits::default())
}

const OWN: Principal = Principal::from_slice(&[9]);
const LEDGER: Principal = Principal::from_slice(&[1]);
const HOUR: u64 = 3_600_000_000_000;

fn order() -> Order {
    Order {
        kind: Kind::Pull {
            from: Account {
                owner: LEDGER,
                subaccount: Some([3; 32]),
            },
            to_subaccount: Some([4; 32]),
        },
        asset: Asset {
            ledger: LEDGER,
            fee: 10,
            window_ns: 24 * HOUR,
            dedup_first: true,
        },
        amount: 100,
        purpose: b"why".to_vec(),
        caller: LEDGER,
    }
}

fn begun(journal: &mut Journal<VectorMemory>, now: u64) -> u64 {
    match journal.begin(now, OWN, order(), None, now) {
        Ok(Begun::New(id)) => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn should_store_what_the_ledger_will_see() {
    let mut journal = journal();
    let key = RequestKey {
        id: vec![1; 16],
        arguments: Hash([2; 32]),
    };
    assert_eq!(
        journal.begin(50, OWN, order(), Some(key.clone()), 60),
        Ok(Begun::New(0))
    );
    let intent = journal.intent(0).unwrap();
    assert_eq!(
        intent.to,
        Account {
            owner: OWN,
            subaccount: Some([4; 32])
        }
    );
    assert_eq!(intent.from.subaccount, Some([3; 32]));
    assert_eq!((intent.amount, intent.fee, intent.created_at_time), (100, 10, 50));
    assert_eq!(intent.window_ends_at, 50 + 24 * HOUR);
    assert_eq!(intent.memo(), [0; 8]);
    assert_eq!(journal.next_due(), Some(60));
    assert_eq!(journal.lookup(LEDGER, &key), Ok(Some(Status::Pending { id: 0 })));
    assert_eq!(journal.lookup(OWN, &key), Ok(None));
}

#[test]
fn should_send_a_push_from_its_own_account() {
    let mut journal = journal();
    let to = Account {
        owner: LEDGER,
        subaccount: None,
    };
    let kind = Kind::Push {
        from_subaccount: Some([5; 32]),
        to,
    };
    assert_eq!(
        journal.begin(1, OWN, Order { kind, ..order() }, None, 1),
        Ok(Begun::New(0))
    );
    let intent = journal.intent(0).unwrap();
    assert_eq!(
        (intent.from, intent.to),
        (
            Account {
                owner: OWN,
                subaccount: Some([5; 32])
            },
            to
        )
    );
    assert_eq!(intent.direction, Direction::Push);
    assert_eq!((journal.totals().open_pulls, journal.totals().open_pushes), (0, 1));
}

#[test]
fn should_settle_once_by_compare_and_set() {
    let mut journal = journal();
    let id = begun(&mut journal, 0);
    let attempt = journal.start(id, 1).unwrap();
    assert!(journal.start(id, 1).is_none(), "one attempt at a time");
    assert_eq!(attempt.number, 1);
    let settled = journal.conclude(id, 1, Answer::Paid { block: 7 }, 2).unwrap();
    assert_eq!(settled.outcome, Outcome::Paid { block: 7 });
    assert_eq!(settled.intent.purpose, b"why");
    assert_eq!(journal.conclude(id, 1, Answer::Paid { block: 7 }, 3), None);
    assert_eq!(journal.conclude(id, 1, Answer::Refused(Failure::TooOld), 3), None);
    assert_eq!(journal.end_window(id, 25 * HOUR), None);
    assert_eq!(journal.intent(id).unwrap().purpose, b"");
    assert_eq!(journal.totals().contradictions, 0);
    assert_eq!(journal.next_due(), None);
}

#[test]
fn should_count_what_contradicts_an_outcome() {
    let mut journal = journal();
    let id = begun(&mut journal, 0);
    let attempt = journal.start(id, 1).unwrap();
    assert!(journal.conclude(id, 1, Answer::Unknown, 25 * HOUR).is_none());
    drop(attempt);
    assert!(matches!(journal.status(id), Some(Status::Quarantined { .. })));
    journal.settle_by_evidence(id, Evidence::Unpaid, 26 * HOUR).unwrap();
    assert_eq!(journal.conclude(id, 1, Answer::Paid { block: 7 }, 27 * HOUR), None);
    assert_eq!(journal.totals().contradictions, 1);
}

#[test]
fn should_not_take_want_of_means_for_proof_while_a_later_attempt_is_under_way() {
    let mut journal = journal();
    let id = begun(&mut journal, 0);
    let poor = Answer::Refused(Failure::InsufficientFunds { balance: 0 });
    drop(journal.start(id, 1).unwrap());
    drop(journal.start(id, 2).unwrap());
    assert_eq!(
        journal.conclude(id, 1, poor.clone(), 3),
        None,
        "the second may still be executed"
    );
    assert_eq!(journal.intent(id).unwrap().doubtful, 1);
    assert!(journal.conclude(id, 2, poor, 4).is_some());
}

#[test]
fn should_keep_index_and_counters_in_step() {
    let mut journal = journal();
    for now in 0..4 {
        begun(&mut journal, now);
    }
    let paid = journal.start(0, 5).unwrap();
    journal.conclude(0, paid.number, Answer::Paid { block: 1 }, 6).unwrap();
    let failed = journal.start(1, 5).unwrap();
    journal
        .conclude(1, failed.number, Answer::Refused(Failure::TooOld), 6)
        .unwrap();
    let lost = journal.start(2, 5).unwrap();
    journal.conclude(2, lost.number, Answer::Unknown, 25 * HOUR);
    let expected = Counters {
        next_id: 4,
        open_pulls: 2,
        open_pushes: 0,
        quarantined: 1,
        failed_kept: 1,
        paid_kept: 1,
        paid: 1,
        failed: 1,
        attempts: 3,
        contradictions: 0,
    };
    assert_eq!(journal.totals(), expected);
    // One due, one quarantined, one failed, one paid.
    assert_eq!(journal.index.len(), 4);
    let open = Open {
        pulls: 1,
        pushes: 0,
        quarantined: 1,
    };
    assert_eq!(journal.open_at(LEDGER), open);
    journal.prune(u64::MAX, 10);
    assert_eq!((journal.intents.len(), journal.index.len()), (2, 2));
    assert_eq!((journal.totals().failed_kept, journal.totals().paid_kept), (0, 0));
}

#[test]
fn should_keep_what_the_handler_gave_back_up_to_its_limit() {
    let mut journal = journal();
    let id = begun(&mut journal, 0);
    let attempt = journal.start(id, 1).unwrap();
    journal
        .conclude(id, attempt.number, Answer::Paid { block: 7 }, 2)
        .unwrap();
    journal.keep_result(id, vec![8; 100]);
    assert_eq!(
        journal.status(id),
        Some(Status::Paid {
            id,
            block: 7,
            result: vec![8; 64]
        })
    );
}

#[test]
fn should_go_on_with_what_an_earlier_release_stored() {
    let mut journal = journal();
    // As version 1 wrote it: by caller in the index, nowhere by ledger.
    let id = begun(&mut journal, 0);
    let stored = journal.intent(id).unwrap();
    journal.replace(Some(&stored), None);
    let old = Intent {
        by_ledger: false,
        ..stored
    };
    journal.replace(None, Some(old));
    let key = IndexKey::Open { caller: LEDGER, id };
    assert!(journal.index.contains_key(&key));
    assert_eq!(journal.open_at(LEDGER), Open::default());
    let new = begun(&mut journal, 1);
    for id in [id, new] {
        let attempt = journal.start(id, 2).unwrap();
        journal
            .conclude(id, attempt.number, Answer::Paid { block: id.into() }, 3)
            .unwrap();
    }
    assert!(!journal.index.contains_key(&key));
    assert_eq!(
        (journal.open_at(LEDGER), journal.totals().open_pulls),
        (Open::default(), 0)
    );
    assert_eq!(journal.ledgers.len(), 0);
}

#[test]
fn should_give_each_ledger_limits_of_its_own() {
    let mut journal = journal();
    journal.limits.pulls = 2;
    journal.limits.quarantined = 1;
    let at = |ledger: u8| {
        let asset = Asset {
            ledger: Principal::from_slice(&[ledger]),
            ..order().asset
        };
        Order { asset, ..order() }
    };
    for id in 0..2 {
        assert_eq!(journal.begin(0, OWN, at(1), None, 0), Ok(Begun::New(id)));
    }
    assert_eq!(
        journal.begin(0, OWN, at(1), None, 0),
        Err(BeginError::TooManyPending { max: 2 })
    );
    assert_eq!(journal.begin(0, OWN, at(2), None, 0), Ok(Begun::New(2)));
    // What is quarantined makes room, up to a limit of its own.
    let attempt = journal.start(0, 1).unwrap();
    journal.conclude(0, attempt.number, Answer::Unknown, 25 * HOUR);
    assert!(matches!(journal.status(0), Some(Status::Quarantined { .. })));
    let full = Err(BeginError::TooManyQuarantined { max: 1 });
    assert_eq!(journal.begin(0, OWN, at(1), None, 0), full);
    journal.limits.quarantined = 2;
    assert_eq!(journal.begin(0, OWN, at(1), None, 0), Ok(Begun::New(3)));
    drop(attempt);
    journal
        .settle_by_evidence(0, Evidence::Paid { block: 3 }, 26 * HOUR)
        .unwrap();
    assert_eq!(journal.open_at(LEDGER).quarantined, 0);
}
