use super::*;
use crate::limits::{DAY_NS, MONTH_NS, PERPETUAL_COVER_NS, UPKEEP_SHORT_PERIOD_NS};
use crate::purchase;
use crate::storage::records::Purchase;
use crate::testing::*;
use crate::{assets, log, plans, pull, revenue_book, streams};
use candid::Nat;
use ddsx_runtime::Runtime;
use ddsx_runtime::testing::TestRuntime;
use ddsx_types::Hash;
use ddsx_types::stream_registry::{
    PlanId, PlanKind, PullArgs, PullError, StorageQuoteArgs, StorageState, StreamStatus,
};

const DEPOSIT: u128 = 5_000;
/// A unit for each byte and 30 days.
const A_BYTE: u128 = 1 << 30;

/// A registry in which storage costs, and an owner with so much in its balance.
fn paid(balance: u128) -> Storage {
    let mut storage = storage();
    assets::set_storage_price(&mut storage, &storage_price(DEPOSIT, A_BYTE)).unwrap();
    if balance > 0 {
        storage.prepaid_mut().top_up(OWNER, 0, balance).unwrap();
    }
    storage
}

/// What a stream with three contributors costs at its creation.
fn creation_cost() -> u128 {
    DEPOSIT + u128::from((128 << 10) + 3 * 320_u64) * 120
}

/// What a chunk of so many bytes, credited to one contributor, costs for ever: leaf, credits, index entry, two nodes.
fn leaf_cost(storage: &Storage, stream: StreamId) -> u128 {
    let state = storage.stream(stream).unwrap();
    let place = storage.place(&state, 0).unwrap();
    let chunk = storage.chunk(place);
    (chunk.leaf.len() + chunk.credits.len() + 16 + 64) as u128 * 120
}

fn free(storage: &Storage) -> u128 {
    storage.prepaid().account(OWNER, 0).free
}

fn conserved(storage: &Storage) {
    let audit = revenue_book::audit(storage, LEDGER).unwrap();
    assert!(audit.conserved, "{audit:?}");
    let sum = audit.paid_out + audit.ledger_fees + audit.in_flight + audit.owed + audit.held + audit.carried;
    assert_eq!(audit.received, sum);
    revenue_book::check_exactly(storage);
}

/// Lets the timer work until a time, as often as it would.
fn run_until(storage: &mut Storage, now: u64) {
    while timer::run_slice(storage, now) {}
}

fn state_of(storage: &Storage, stream: StreamId) -> (StorageState, u64) {
    let info = streams::info(storage, stream).unwrap().storage.unwrap();
    (info.state, info.paid_until)
}

fn append_bytes(storage: &mut Storage, stream: StreamId, now: u64, length: usize) -> Result<(), AppendError> {
    let first = storage.stream(stream).unwrap().log.size();
    let batch = batch(stream, first, vec![chunk(&vec![7; length], &[(0, 1)])]);
    log::append(storage, OWNER, now, &batch).map(|_| ())
}

#[test]
fn should_have_a_price_in_dst_by_default_and_none_in_other_assets() {
    let mut storage = storage();
    let mut other = listing();
    other.ledger = OTHER;
    other.symbol = "ICP".to_owned();
    assets::enter(&mut storage, &other).unwrap();
    let mut dst = listing();
    dst.ledger = BUYER;
    assets::enter(&mut storage, &dst).unwrap();
    assert_eq!(storage.asset(OTHER).unwrap().storage, None);
    let tariff = storage.asset(BUYER).unwrap().storage.unwrap();
    assert_eq!(
        (tariff.deposit, tariff.gib_month, tariff.accepted),
        (100_000_000, 100_000_000, true)
    );
    assets::enter(&mut storage, &listing()).unwrap();
    let kept = storage.asset(LEDGER).unwrap().storage.unwrap();
    assert_eq!(kept.deposit, 0, "listed again, it keeps the price that governance set");
}

#[test]
fn should_take_deposit_and_price_before_a_stream_is_stored() {
    let mut storage = paid(creation_cost() - 1);
    let refused = streams::create(&mut storage, OWNER, NOW, create_args("quakes"));
    let Err(StreamError::InvalidField { field, reason }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(field, "payment");
    assert!(reason.contains("lacks 0.00000001 DST"), "{reason}");
    assert_eq!((storage.counters().streams, free(&storage)), (0, creation_cost() - 1));

    storage.prepaid_mut().top_up(OWNER, 0, 1).unwrap();
    let id = streams::create(&mut storage, OWNER, NOW, create_args("quakes")).unwrap();
    let account = storage.prepaid().account(OWNER, 0);
    assert_eq!((account.free, account.set_aside), (0, DEPOSIT));
    assert_eq!(account.charged, creation_cost() - DEPOSIT);
    let info = streams::info(&storage, id).unwrap().storage.unwrap();
    assert_eq!((info.deposit, info.paid_until), (Nat::from(DEPOSIT), NOW + MONTH_NS));
    conserved(&storage);
    let treasury = revenue_book::treasury_balance(&storage, LEDGER);
    assert_eq!(
        treasury.due,
        Nat::from(creation_cost() - DEPOSIT),
        "it goes to the treasury"
    );
}

#[test]
fn should_take_no_asset_without_a_storage_price() {
    let mut storage = paid(1 << 40);
    let mut price = storage_price(1, 1);
    price.accepted = false;
    assets::set_storage_price(&mut storage, &price).unwrap();
    let refused = streams::create(&mut storage, OWNER, NOW, create_args("quakes"));
    assert!(matches!(refused, Err(StreamError::InvalidField { .. })), "{refused:?}");
}

#[test]
fn should_take_what_a_batch_costs_before_it_is_stored() {
    let mut storage = paid(creation_cost());
    let id = stream(&mut storage, "quakes");
    let refused = append_bytes(&mut storage, id, NOW, 100);
    let Err(AppendError::LimitReached { limit, max: 0 }) = refused else {
        panic!("{refused:?}")
    };
    assert!(limit.contains("the prepaid balance lacks"), "{limit}");
    assert_eq!(
        (storage.stream(id).unwrap().log.size(), storage.counters().bytes),
        (0, 0)
    );

    storage.prepaid_mut().top_up(OWNER, 0, 1_000_000).unwrap();
    // Half of the period is over: half of it is paid.
    append_bytes(&mut storage, id, NOW + MONTH_NS / 2, 100).unwrap();
    assert_eq!(free(&storage), 1_000_000 - leaf_cost(&storage, id) - 50);
    conserved(&storage);
}

#[test]
fn should_charge_contributors_once() {
    let mut storage = paid(creation_cost() + 320 * 120);
    let id = stream(&mut storage, "quakes");
    let add = |storage: &mut Storage, label: &str| {
        let args = ddsx_types::stream_registry::AddContributorsArgs {
            stream: id,
            contributors: vec![ddsx_types::stream_registry::NewContributor {
                label: label.to_owned(),
                account: None,
            }],
        };
        crate::contributors::add(storage, OWNER, NOW, &args)
    };
    assert_eq!(add(&mut storage, "d"), Ok(3));
    assert_eq!(free(&storage), 0);
    assert!(matches!(add(&mut storage, "e"), Err(StreamError::InvalidField { .. })));
    assert_eq!(storage.stream(id).unwrap().contributors, 4);
}

#[test]
fn should_quote_exactly_what_is_then_taken() {
    let mut storage = paid(1 << 30);
    let args = StorageQuoteArgs {
        ledger: LEDGER,
        stream: None,
        contributors: 3,
        chunks: 0,
        bytes: 0,
    };
    let quoted = quote(&storage, OWNER, NOW, args).unwrap();
    assert_eq!(quoted.total, Nat::from(creation_cost()));
    assert_eq!(quoted.comes_back, Nat::from(DEPOSIT));
    assert_eq!((quoted.missing, quoted.ledger_fee), (Nat::from(0_u8), Nat::from(0_u8)));
    let newcomer = quote(&storage, OTHER, NOW, args).unwrap();
    assert_eq!(
        (newcomer.missing, newcomer.ledger_fee),
        (Nat::from(creation_cost()), Nat::from(FEE))
    );
    let before = free(&storage);
    let id = stream(&mut storage, "quakes");
    assert_eq!(Nat::from(before - free(&storage)), quoted.total);
    let args = StorageQuoteArgs {
        stream: Some(id),
        contributors: 0,
        chunks: 1,
        bytes: 100,
        ..args
    };
    assert_eq!(quote(&storage, OTHER, NOW, args), Err(StreamError::NotOwner));
    let quoted = quote(&storage, OWNER, NOW + 5, args).unwrap();
    let before = free(&storage);
    append_bytes(&mut storage, id, NOW + 5, 100).unwrap();
    assert_eq!(Nat::from(before - free(&storage)), quoted.total);
    assert_eq!(
        (quoted.paid_until, quoted.comes_back),
        (NOW + MONTH_NS, Nat::from(0_u8))
    );
}

#[test]
fn should_take_period_after_period_until_the_balance_ends_then_give_notice_and_drop() {
    let mut storage = paid(1 << 30);
    let id = stream(&mut storage, "quakes");
    append_bytes(&mut storage, id, NOW, 3_000).unwrap();
    // Two more periods and ten single days.
    let left = 3_000 * 2 + 100 * 10;
    let spare = free(&storage) - left;
    storage.prepaid_mut().charge(OWNER, 0, spare).unwrap();
    // Charged in this test beside the books: what the treasury got is not compared here.
    let mut ends = NOW + MONTH_NS;
    for _ in 0..2 {
        run_until(&mut storage, ends - UPKEEP_NOTICE_NS - 1);
        assert_eq!(
            state_of(&storage, id),
            (StorageState::Paid, ends),
            "not before it is time"
        );
        run_until(&mut storage, ends - UPKEEP_NOTICE_NS);
        ends += MONTH_NS;
        assert_eq!(state_of(&storage, id), (StorageState::Paid, ends));
    }
    let mut now = ends - UPKEEP_NOTICE_NS;
    while now < ends {
        run_until(&mut storage, now);
        now += DAY_NS;
    }
    ends += 10 * UPKEEP_SHORT_PERIOD_NS;
    assert_eq!(free(&storage), 0);
    run_until(&mut storage, ends - 5 * DAY_NS);
    assert_eq!(state_of(&storage, id), (StorageState::Expiring, ends), "with notice");
    let args = PullArgs {
        stream: id,
        from: 0,
        max_bytes: None,
        licence: None,
        with_left_frontier: true,
    };
    let runtime = TestRuntime::new(REGISTRY);
    runtime.set_caller(OWNER);
    assert_eq!(
        pull::pull(&storage, &runtime, args).unwrap().chunks.len(),
        1,
        "readable to the end"
    );
    run_until(&mut storage, ends);
    assert_eq!(state_of(&storage, id).0, StorageState::Dropped);
    assert_eq!(
        pull::pull(&storage, &runtime, args),
        Err(PullError::PayloadsDropped { kept_from: 1 })
    );
    let state = storage.stream(id).unwrap();
    let place = storage.place(&state, 0).unwrap();
    let leaf = ddsx_merkle_log::Leaf::decode(&storage.leaf(place)).unwrap();
    assert_eq!(
        leaf.payload_hash,
        ddsx_merkle_log::sha256(&[7; 3_000]),
        "the leaf stays"
    );
    assert_eq!(state.log.root(), ddsx_merkle_log::leaf_hash(&leaf.encode()));
    assert_eq!(state.upkeep.unwrap().deposit, DEPOSIT, "held: the stream is open");
}

#[test]
fn should_go_on_after_a_top_up_in_the_notice_and_after_a_drop() {
    let mut storage = paid(1 << 30);
    let id = stream(&mut storage, "quakes");
    append_bytes(&mut storage, id, NOW, 3_000).unwrap();
    let spare = free(&storage);
    storage.prepaid_mut().begin_withdrawal(OWNER, 0, spare).unwrap();
    let ends = NOW + MONTH_NS;
    run_until(&mut storage, ends - UPKEEP_NOTICE_NS);
    assert_eq!(state_of(&storage, id), (StorageState::Expiring, ends));
    storage.prepaid_mut().abort_withdrawal(OWNER, 0, spare).unwrap();
    run_until(&mut storage, ends - UPKEEP_NOTICE_NS + DAY_NS);
    assert_eq!(state_of(&storage, id), (StorageState::Paid, ends + MONTH_NS));
    let spare = free(&storage);
    storage.prepaid_mut().begin_withdrawal(OWNER, 0, spare).unwrap();
    for day in 0..60 {
        run_until(&mut storage, ends + day * DAY_NS);
    }
    assert_eq!(state_of(&storage, id).0, StorageState::Dropped);
    storage.prepaid_mut().abort_withdrawal(OWNER, 0, spare).unwrap();
    let now = ends + 60 * DAY_NS;
    append_bytes(&mut storage, id, now, 50).unwrap();
    assert_eq!(state_of(&storage, id), (StorageState::Paid, now + MONTH_NS));
    let info = streams::info(&storage, id).unwrap();
    assert_eq!((info.chunks, info.storage.unwrap().kept_from), (2, 1));
    run_until(&mut storage, now + MONTH_NS);
    assert_eq!(
        state_of(&storage, id),
        (StorageState::Paid, now + 2 * MONTH_NS),
        "the timer looks again"
    );
    conserved(&storage);
}

/// A sale at a price, as the journal settles it.
fn sell(storage: &mut Storage, plan: PlanId, now: u64) -> Result<(), ()> {
    let offer = plans::offer(storage, plan, Some(LEDGER)).unwrap();
    let (asset, price) = offer.payment.clone().unwrap();
    if !is_covered(storage, now, &offer.state, offer.plan.kind, Some((&asset, price))) {
        return Err(());
    }
    let purchase = Purchase {
        recipient: BUYER.into(),
        stream: offer.plan.stream,
        plan,
        kind: offer.plan.kind,
        terms_hash: Hash([0; 32]),
        payment: Some((LEDGER, 0, price)),
        protocol_fee_bps: 250,
    };
    purchase::grant(storage, now, &purchase);
    Ok(())
}

#[test]
fn should_set_the_storage_of_what_a_licence_covers_aside_from_its_price() {
    let mut storage = paid(1 << 30);
    let id = stream(&mut storage, "quakes");
    append_bytes(&mut storage, id, NOW, 1_000).unwrap();
    let year = plan(
        &mut storage,
        id,
        PlanKind::Subscription {
            duration_ns: 12 * MONTH_NS,
        },
        100_000,
    );
    let balance = free(&storage);
    sell(&mut storage, year, NOW).unwrap();
    // Of 100,000 the protocol has 2,500, the provider 30 % of the rest; eleven months are not paid yet.
    let income = storage.books().stream(id, 0).pool.provider().due();
    assert_eq!(income, 29_250 - 11_000);
    assert_eq!(free(&storage), balance, "the balance is not touched");
    let info = streams::info(&storage, id).unwrap().storage.unwrap();
    assert_eq!(
        (info.paid_until, info.covered_until),
        (NOW + 12 * MONTH_NS, Some(NOW + 12 * MONTH_NS))
    );
    assert_eq!(info.from_income, Nat::from(11_000_u32));
    // A second licence that ends at the same time costs the provider nothing more.
    sell(&mut storage, year, NOW).unwrap();
    assert_eq!(storage.books().stream(id, 0).pool.provider().due(), income + 29_250);
    // Whatever the balance, the payloads are there until the licence ends; a batch added pays as long.
    append_bytes(&mut storage, id, NOW + MONTH_NS, 1_000).unwrap();
    let spent = 2 * leaf_cost(&storage, id) - leaf_cost(&storage, id) + 11 * 1_000;
    let from_income = 29_250 + income - storage.books().stream(id, 0).pool.provider().due();
    assert_eq!(from_income, spent, "from the income that waits, first");
    conserved(&storage);
    let all = free(&storage);
    storage.prepaid_mut().begin_withdrawal(OWNER, 0, all).unwrap();
    run_until(&mut storage, NOW + 12 * MONTH_NS - 1);
    assert_ne!(state_of(&storage, id).0, StorageState::Dropped);
    conserved(&storage);
}

#[test]
fn should_sell_in_an_asset_without_storage_price_only_what_is_paid_ahead() {
    let mut storage = paid(1 << 30);
    let id = stream(&mut storage, "quakes");
    append_bytes(&mut storage, id, NOW, 1_000).unwrap();
    let icp = ddsx_types::AssetListing {
        ledger: OTHER,
        symbol: "ICP".to_owned(),
        ..listing()
    };
    assets::enter(&mut storage, &icp).unwrap();
    let number = storage.asset(OTHER).unwrap().number;
    let args = ddsx_types::stream_registry::AddPlanArgs {
        stream: id,
        name: "a year".to_owned(),
        kind: PlanKind::Subscription {
            duration_ns: 12 * MONTH_NS,
        },
        prices: vec![ddsx_types::stream_registry::Price {
            ledger: OTHER,
            amount: Nat::from(7_u8),
        }],
    };
    let year = plans::add(&mut storage, OWNER, args).unwrap();
    assert!(!cover::may_sell(&storage, NOW, year, Some(OTHER)));
    let ahead = ddsx_types::stream_registry::ExtendStorageArgs {
        stream: id,
        until: NOW + 12 * MONTH_NS,
    };
    extend(&mut storage, OWNER, NOW, ahead).unwrap();
    assert!(cover::may_sell(&storage, NOW, year, Some(OTHER)));
    // While its payment is on its way the stream grows, and the owner's balance is emptied: nothing is given to it.
    let sold = |storage: &mut Storage, now| {
        let purchase = Purchase {
            recipient: BUYER.into(),
            stream: id,
            plan: year,
            kind: PlanKind::Subscription {
                duration_ns: 12 * MONTH_NS,
            },
            terms_hash: Hash::default(),
            payment: Some((OTHER, number, 7)),
            protocol_fee_bps: 250,
        };
        purchase::grant(storage, now, &purchase);
    };
    sold(&mut storage, NOW + MONTH_NS);
    assert_eq!(state_of(&storage, id), (StorageState::Paid, NOW + 13 * MONTH_NS));
    let all = free(&storage);
    storage.prepaid_mut().begin_withdrawal(OWNER, 0, all).unwrap();
    sold(&mut storage, NOW + 2 * MONTH_NS);
    assert_eq!(state_of(&storage, id), (StorageState::Paid, NOW + 13 * MONTH_NS));
    conserved(&storage);
}

#[test]
fn should_not_sell_what_its_price_does_not_keep() {
    let mut storage = paid(1 << 30);
    let id = stream(&mut storage, "quakes");
    append_bytes(&mut storage, id, NOW, 1_000_000).unwrap();
    let cheap = plan(&mut storage, id, PlanKind::Perpetual, 100);
    let week = plan(
        &mut storage,
        id,
        PlanKind::Subscription {
            duration_ns: 7 * DAY_NS,
        },
        1,
    );
    assert_eq!(sell(&mut storage, cheap, NOW), Err(()));
    assert!(!may_sell(&storage, NOW, cheap, Some(LEDGER)));
    assert!(may_sell(&storage, NOW, week, Some(LEDGER)), "that long it is paid");
    // The owner pays ahead: a year after a sale.
    let until = NOW + PERPETUAL_COVER_NS;
    let args = ExtendStorageArgs { stream: id, until };
    assert_eq!(extend(&mut storage, OTHER, NOW, args), Err(StreamError::NotOwner));
    let before = free(&storage);
    extend(&mut storage, OWNER, NOW, args).unwrap();
    let time = until - NOW - MONTH_NS;
    let expected = (u128::from(time) * 1_000_000).div_ceil(u128::from(MONTH_NS));
    assert_eq!(before - free(&storage), expected);
    extend(&mut storage, OWNER, NOW, args).unwrap();
    assert_eq!(before - free(&storage), expected, "again costs nothing");
    sell(&mut storage, cheap, NOW).unwrap();
    let far = ExtendStorageArgs {
        until: NOW + 4_000 * DAY_NS,
        ..args
    };
    assert!(matches!(
        extend(&mut storage, OWNER, NOW, far),
        Err(StreamError::InvalidField { .. })
    ));
    conserved(&storage);
}

#[test]
fn should_give_the_deposit_back_to_the_unit() {
    let mut storage = paid(1 << 30);
    let empty = stream(&mut storage, "empty");
    let before = free(&storage);
    streams::close(&mut storage, OWNER, empty).unwrap();
    streams::close(&mut storage, OWNER, empty).unwrap();
    assert_eq!(free(&storage), before + DEPOSIT, "at once where nothing is stored");

    let id = stream(&mut storage, "quakes");
    for _ in 0..3 {
        append_bytes(&mut storage, id, NOW, 2_000).unwrap();
    }
    let month = plan(
        &mut storage,
        id,
        PlanKind::Subscription {
            duration_ns: 20 * DAY_NS,
        },
        10,
    );
    sell(&mut storage, month, NOW).unwrap();
    let refused = drop_payloads(&mut storage, OWNER, NOW, id);
    assert!(matches!(refused, Err(StreamError::InvalidField { .. })), "it is open");
    streams::close(&mut storage, OWNER, id).unwrap();
    let before = free(&storage);
    let refused = drop_payloads(&mut storage, OWNER, NOW + 20 * DAY_NS - 1, id);
    assert!(
        matches!(refused, Err(StreamError::InvalidField { .. })),
        "a licence covers it"
    );
    assert_eq!(
        drop_payloads(&mut storage, OTHER, NOW + 20 * DAY_NS, id),
        Err(StreamError::NotOwner)
    );
    drop_payloads(&mut storage, OWNER, NOW + 20 * DAY_NS, id).unwrap();
    drop_payloads(&mut storage, OWNER, NOW + 20 * DAY_NS, id).unwrap();
    run_until(&mut storage, NOW + 20 * DAY_NS);
    assert_eq!(free(&storage), before + DEPOSIT);
    assert_eq!(state_of(&storage, id).0, StorageState::Dropped);
    assert_eq!(
        streams::info(&storage, id).unwrap().storage.unwrap().deposit,
        Nat::from(0_u8)
    );
    conserved(&storage);
}

#[test]
fn should_drop_a_closed_stream_when_what_was_paid_is_over() {
    let mut storage = paid(1 << 30);
    let id = stream(&mut storage, "quakes");
    append_bytes(&mut storage, id, NOW, 2_000).unwrap();
    streams::close(&mut storage, OWNER, id).unwrap();
    let before = free(&storage);
    run_until(&mut storage, NOW + MONTH_NS - 1);
    assert_eq!(
        (state_of(&storage, id), free(&storage)),
        ((StorageState::Paid, NOW + MONTH_NS), before)
    );
    run_until(&mut storage, NOW + MONTH_NS);
    assert_eq!(
        (state_of(&storage, id).0, free(&storage)),
        (StorageState::Dropped, before + DEPOSIT)
    );
    assert_eq!(storage.upkeep_tasks(), 0, "nothing is left to look after");
    assert!(storage.counters().bytes < 2_000);
}

#[test]
fn should_let_governance_suspend_and_free() {
    let mut storage = paid(1 << 30);
    let id = stream(&mut storage, "quakes");
    append_bytes(&mut storage, id, NOW, 2_000).unwrap();
    let open = plan(&mut storage, id, PlanKind::Free, 0);
    let month = plan(
        &mut storage,
        id,
        PlanKind::Subscription {
            duration_ns: 20 * DAY_NS,
        },
        10,
    );
    sell(&mut storage, month, NOW).unwrap();
    let runtime = TestRuntime::new(REGISTRY);
    let pull = |storage: &Storage, who| {
        runtime.set_caller(who);
        let args = PullArgs {
            stream: id,
            from: 0,
            max_bytes: None,
            licence: None,
            with_left_frontier: true,
        };
        pull::pull(storage, &runtime, args).map(|pulled| pulled.chunks.len())
    };
    assert_eq!(pull(&storage, OTHER), Ok(1));
    suspend(&mut storage, NOW, id, true).unwrap();
    for plan in [open, month] {
        let ledger = (plan == month).then_some(LEDGER);
        let refused = plans::offer(&storage, plan, ledger).map(|_| ());
        assert_eq!(refused, Err(ddsx_types::stream_registry::QuoteError::PlanNotOffered));
    }
    assert_eq!(pull(&storage, OTHER), Err(PullError::NoLicence));
    let model = TestRuntime::new(REGISTRY);
    assert!(model.time() < NOW + 20 * DAY_NS, "the licence lasts");
    assert_eq!(pull(&storage, BUYER), Ok(1), "licensees read on");
    suspend(&mut storage, NOW, id, false).unwrap();
    assert_eq!(pull(&storage, OTHER), Ok(1));
    let before = free(&storage);
    super::free(&mut storage, NOW, id).unwrap();
    assert_eq!(pull(&storage, OTHER), Err(PullError::PayloadsDropped { kept_from: 1 }));
    run_until(&mut storage, NOW);
    assert_eq!(free(&storage), before + DEPOSIT);
    assert_eq!(streams::info(&storage, id).unwrap().status, StreamStatus::Closed);
    assert!(super::free(&mut storage, NOW, 99).is_err());
}

#[test]
fn should_leave_a_reserve_to_sales_and_payouts() {
    let mut storage = paid(1 << 40);
    let id = stream(&mut storage, "quakes");
    let month = plan(
        &mut storage,
        id,
        PlanKind::Subscription {
            duration_ns: 20 * DAY_NS,
        },
        10,
    );
    let used = storage.stable_bytes();
    storage.set_budget(used + RESERVE_FOR_SALES);
    let full = |error: &StreamError| matches!(error, StreamError::LimitReached { limit, .. } if limit == "bytes of stable memory");
    assert!(streams::create(&mut storage, OWNER, NOW, create_args("more")).is_err_and(|error| full(&error)));
    let refused = append_bytes(&mut storage, id, NOW, 100);
    assert!(matches!(refused, Err(AppendError::LimitReached { limit, .. }) if limit == "bytes of stable memory"));
    let args = ddsx_types::stream_registry::AddPlanArgs {
        stream: id,
        name: "more".to_owned(),
        kind: PlanKind::Free,
        prices: vec![],
    };
    assert!(plans::add(&mut storage, OWNER, args).is_err_and(|error| full(&error)));
    sell(&mut storage, month, NOW).unwrap();
    assert_eq!(storage.counters().licences, 1, "a sale under way is granted");
    storage.set_budget(used + (64 << 20) + RESERVE_FOR_SALES);
    append_bytes(&mut storage, id, NOW, 100).unwrap();
}

#[test]
fn should_take_streams_of_the_first_release_over_with_a_time_of_grace() {
    let mut storage = paid(1 << 30);
    let id = stream(&mut storage, "quakes");
    append_bytes(&mut storage, id, NOW, 2_000).unwrap();
    // As the first release left it.
    let mut state = storage.stream(id).unwrap();
    state.upkeep = None;
    storage.put_stream(id, state);
    let grace = NOW + crate::limits::LEGACY_GRACE_NS;
    storage.change_settings(|settings| {
        settings.legacy_paid_until = grace;
        settings.legacy_end = 1;
    });
    let before = free(&storage);
    run_until(&mut storage, NOW + 1);
    let info = streams::info(&storage, id).unwrap().storage.unwrap();
    assert_eq!(
        (info.paid_until, info.bytes, info.deposit),
        (grace, 2_000, Nat::from(0_u8))
    );
    assert_eq!(free(&storage), before, "the time of grace costs nothing");
    assert_eq!(storage.settings().legacy_next, 1);
    run_until(&mut storage, grace - UPKEEP_NOTICE_NS);
    assert_eq!(
        state_of(&storage, id),
        (StorageState::Paid, grace + MONTH_NS),
        "then it pays as others do"
    );
}

#[test]
fn should_drop_nothing_without_notice_after_a_pause() {
    let mut storage = paid(1 << 30);
    let id = stream(&mut storage, "quakes");
    append_bytes(&mut storage, id, NOW, 3_000).unwrap();
    let spare = free(&storage);
    storage.prepaid_mut().begin_withdrawal(OWNER, 0, spare).unwrap();
    storage.change_settings(|settings| settings.paused = true);
    let ends = NOW + MONTH_NS;
    run_until(&mut storage, ends + DAY_NS);
    assert_eq!(
        state_of(&storage, id),
        (StorageState::Paid, ends),
        "nothing happens while paused"
    );
    storage.change_settings(|settings| settings.paused = false);
    run_until(&mut storage, ends + DAY_NS);
    assert_eq!(state_of(&storage, id), (StorageState::Expiring, ends));
    run_until(&mut storage, ends + DAY_NS + UPKEEP_NOTICE_NS - 1);
    assert_eq!(state_of(&storage, id).0, StorageState::Expiring);
    run_until(&mut storage, ends + DAY_NS + UPKEEP_NOTICE_NS);
    assert_eq!(state_of(&storage, id).0, StorageState::Dropped);
}

#[test]
fn should_let_streams_of_the_first_release_grow_until_their_grace_ends() {
    let mut storage = paid(creation_cost());
    let id = stream(&mut storage, "quakes");
    let ends = NOW + MONTH_NS;
    storage.change_settings(|settings| {
        settings.legacy_end = id + 1;
        settings.legacy_paid_until = ends;
    });
    assert_eq!(free(&storage), 0);
    append_bytes(&mut storage, id, NOW, 1_000).unwrap();
    append_bytes(&mut storage, id, ends - 1, 1_000).unwrap();
    let mut large = storage.stream(id).unwrap();
    large.bytes = crate::limits::GRACE_BYTES - 1_000;
    storage.put_stream(id, large.clone());
    assert!(
        append_bytes(&mut storage, id, ends - 1, 500).is_err(),
        "two leaves and one more are above the bound"
    );
    large.bytes = 2_000;
    storage.put_stream(id, large);
    assert!(
        append_bytes(&mut storage, id, ends, 1_000).is_err(),
        "then it pays like any other"
    );
    let later = stream_of_now(&mut storage);
    assert!(append_bytes(&mut storage, later, NOW, 1).is_err());
    conserved(&storage);
}

/// A stream that was made after the upgrade, by an owner who has nothing left.
fn stream_of_now(storage: &mut Storage) -> StreamId {
    storage.prepaid_mut().top_up(OWNER, 0, creation_cost()).unwrap();
    stream(storage, "floods")
}

#[test]
fn should_drop_nothing_of_which_a_licence_is_being_bought() {
    let mut storage = paid(1 << 30);
    let id = stream(&mut storage, "quakes");
    append_bytes(&mut storage, id, NOW, 1_000).unwrap();
    streams::close(&mut storage, OWNER, id).unwrap();
    let selling = crate::selling::Selling::begin(id);
    let refused = drop_payloads(&mut storage, OWNER, NOW, id);
    assert!(
        matches!(&refused, Err(ddsx_types::stream_registry::StreamError::InvalidField { reason, .. })
            if reason.contains("being bought")),
        "{refused:?}"
    );
    drop(selling);
    drop_payloads(&mut storage, OWNER, NOW, id).unwrap();
}
