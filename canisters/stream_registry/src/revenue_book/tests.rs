use super::*;
use crate::testing::*;
use ddsx_types::stream_registry::PlanKind;

#[test]
fn should_know_nothing_of_unknown_streams_and_assets() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    plan(&mut storage, id, PlanKind::Perpetual, 5);
    let page = Page::default();
    assert_eq!(
        stream_revenue(
            &storage,
            StreamRevenueArgs {
                stream: id,
                ledger: LEDGER
            }
        ),
        None,
        "no income yet"
    );
    assert_eq!(
        stream_revenue(
            &storage,
            StreamRevenueArgs {
                stream: 9,
                ledger: LEDGER
            }
        ),
        None
    );
    assert_eq!(
        stream_revenue(
            &storage,
            StreamRevenueArgs {
                stream: id,
                ledger: OTHER
            }
        ),
        None
    );
    assert_eq!(
        contributor_revenue(
            &storage,
            ContributorRevenueArgs {
                stream: id,
                ledger: OTHER,
                page
            }
        ),
        []
    );
    assert_eq!(
        contributor_revenue(
            &storage,
            ContributorRevenueArgs {
                stream: 9,
                ledger: LEDGER,
                page
            }
        ),
        []
    );
    for (stream, ledger) in [(id, LEDGER), (9, LEDGER), (id, OTHER)] {
        assert_eq!(stream_income(&storage, StreamIncomeArgs { stream, ledger, page }), []);
    }
    assert_eq!(audit(&storage, OTHER), None);
    assert_eq!(treasury_balance(&storage, OTHER), Balance::default());
}

#[test]
fn should_divide_a_price_to_the_unit() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    plan(&mut storage, id, PlanKind::Perpetual, 5);
    crate::log::append(
        &mut storage,
        OWNER,
        NOW,
        &batch(id, 0, vec![chunk(b"xyz", &[(0, 1), (1, 1), (2, 1)])]),
    )
    .unwrap();
    for price in [1, 39, 40, 999_999, u128::MAX >> 8] {
        receive(&mut storage, NOW, id, 0, price, 250);
        check_exactly(&storage);
        assert!(audit(&storage, LEDGER).unwrap().conserved);
    }
    let total = 1 + 39 + 40 + 999_999 + (u128::MAX >> 8);
    assert_eq!(audit(&storage, LEDGER).unwrap().received, nat(total));
    assert_eq!(audit(&storage, LEDGER).unwrap().must_hold, nat(total));
}

#[test]
fn should_settle_contributors_when_their_weight_grows() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    plan(&mut storage, id, PlanKind::Perpetual, 5);
    for round in 0..6_u64 {
        let credits = [(0, round + 1), (1, 1)];
        let args = batch(id, round, vec![chunk(&round.to_be_bytes(), &credits)]);
        crate::log::append(&mut storage, OWNER, NOW, &args).unwrap();
        receive(&mut storage, NOW, id, 0, 1_000_003, 250);
        check_exactly(&storage);
    }
    let all = contributor_revenue(
        &storage,
        ContributorRevenueArgs {
            stream: id,
            ledger: LEDGER,
            page: Page::default(),
        },
    );
    assert_eq!(all.iter().map(|one| one.weight).collect::<Vec<_>>(), [21, 6, 0]);
    assert_eq!(all[2].balance.due, nat(0));
}

#[test]
fn should_tell_income_day_by_day() {
    const DAY: u64 = NOW / DAY_NS;
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let other = stream(&mut storage, "tides");
    plan(&mut storage, id, PlanKind::Perpetual, 5);
    // The last nanosecond of a day, the first of the next, and a day 150 days later.
    let midnight = (DAY + 1) * DAY_NS;
    for (now, price) in [
        (NOW, 5),
        (midnight - 1, u128::MAX >> 8),
        (midnight, 7),
        (midnight + 150 * DAY_NS, 11),
    ] {
        receive(&mut storage, now, id, 0, price, 250);
    }
    receive(&mut storage, NOW, other, 0, 3, 250);
    let days = |page| {
        stream_income(
            &storage,
            StreamIncomeArgs {
                stream: id,
                ledger: LEDGER,
                page,
            },
        )
    };
    let page = |start_after, limit| Page { start_after, limit };
    let day = |day, licences, received| DayOfIncome {
        day,
        licences,
        received,
    };
    let all = [
        day(DAY, 2, nat(u128::MAX >> 8) + nat(5)),
        day(DAY + 1, 1, nat(7)),
        day(DAY + 151, 1, nat(11)),
    ];
    assert_eq!(days(Page::default()), all);
    assert_eq!(days(page(None, Some(2))), all[..2]);
    assert_eq!(days(page(Some(DAY), None)), all[1..]);
    assert_eq!(days(page(Some(DAY + 1), Some(0))), [], "a page of nothing");
    assert_eq!(days(page(Some(u64::MAX), None)), []);
    assert_eq!(days(page(Some(u64::from(u32::MAX)), None)), []);
}

#[test]
fn should_page_through_many_days() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    plan(&mut storage, id, PlanKind::Perpetual, 5);
    for day in 0..250 {
        receive(&mut storage, NOW + day * DAY_NS, id, 0, 1 + u128::from(day), 250);
    }
    let mut seen = Vec::new();
    loop {
        let page = Page {
            start_after: seen.last().map(|last: &DayOfIncome| last.day),
            limit: None,
        };
        let args = StreamIncomeArgs {
            stream: id,
            ledger: LEDGER,
            page,
        };
        let next = stream_income(&storage, args);
        assert!(next.len() <= 100);
        if next.is_empty() {
            break;
        }
        seen.extend(next);
    }
    assert_eq!(seen.len(), 250);
    let sum: Nat = seen.into_iter().fold(nat(0), |sum, day| sum + day.received);
    assert_eq!(sum, nat(250 * 251 / 2));
}
