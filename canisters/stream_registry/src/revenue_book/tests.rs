use super::*;
use crate::testing::*;
use ddsx_types::stream_registry::{Page, PlanKind};

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
        &batch(id, 0, vec![chunk(b"x", &[(0, 1), (1, 1), (2, 1)])]),
    )
    .unwrap();
    for price in [1, 39, 40, 999_999, u128::MAX >> 8] {
        receive(&mut storage, id, 0, price, 250);
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
        receive(&mut storage, id, 0, 1_000_003, 250);
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
