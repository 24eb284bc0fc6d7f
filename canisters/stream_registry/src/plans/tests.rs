use super::*;
use crate::assets;
use crate::testing::*;
use candid::Nat;
use ddsx_types::stream_registry::Price;

const DAY: u64 = 86_400_000_000_000;

fn add_args(stream: u64, name: &str, kind: PlanKind, prices: &[(Principal, u128)]) -> AddPlanArgs {
    let prices = prices
        .iter()
        .map(|(ledger, amount)| Price {
            ledger: *ledger,
            amount: Nat::from(*amount),
        })
        .collect();
    AddPlanArgs {
        stream,
        name: name.to_owned(),
        kind,
        prices,
    }
}

#[test]
fn should_quote_what_a_purchase_costs() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let kind = PlanKind::Subscription { duration_ns: DAY };
    let plan = plan(&mut storage, id, kind, 1_000);
    let quote = quote(
        &storage,
        QuoteArgs {
            plan,
            ledger: Some(LEDGER),
        },
    )
    .unwrap();
    assert_eq!((quote.stream, quote.kind, quote.ledger), (id, kind, Some(LEDGER)));
    assert_eq!(
        (quote.price, quote.ledger_fee, quote.allowance),
        (nat(1_000), nat(FEE), nat(1_010))
    );
    let free = crate::testing::plan(&mut storage, id, PlanKind::Free, 0);
    let quote = super::quote(
        &storage,
        QuoteArgs {
            plan: free,
            ledger: None,
        },
    )
    .unwrap();
    assert_eq!((quote.price, quote.allowance), (nat(0), nat(0)));
}

#[test]
fn should_refuse_plans_that_make_no_sense() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    assets::enter(&mut storage, &listing()).unwrap();
    let subscription = |duration_ns| PlanKind::Subscription { duration_ns };
    let unlisted = Principal::from_slice(&[77]);
    let one = [(LEDGER, 5)];
    let table: [(&str, AddPlanArgs); 9] = [
        ("name", add_args(id, "", PlanKind::Perpetual, &one)),
        (
            "duration_ns",
            add_args(id, "p", subscription(MIN_DURATION_NS - 1), &one),
        ),
        (
            "duration_ns",
            add_args(id, "p", subscription(MAX_DURATION_NS + 1), &one),
        ),
        ("prices", add_args(id, "p", PlanKind::Perpetual, &[])),
        ("prices", add_args(id, "p", PlanKind::Free, &one)),
        ("prices", add_args(id, "p", PlanKind::Perpetual, &[(LEDGER, 0)])),
        ("prices", add_args(id, "p", PlanKind::Perpetual, &[(LEDGER, u128::MAX)])),
        (
            "prices",
            add_args(id, "p", PlanKind::Perpetual, &[(LEDGER, 5), (LEDGER, 6)]),
        ),
        ("prices", add_args(id, "p", PlanKind::Perpetual, &[(LEDGER, 5); 21])),
    ];
    for (field, args) in table {
        match add(&mut storage, OWNER, args.clone()) {
            Err(StreamError::InvalidField { field: named, .. }) => assert_eq!(named, field, "{args:?}"),
            other => panic!("{args:?}: {other:?}"),
        }
    }
    let mut huge = add_args(id, "p", PlanKind::Perpetual, &one);
    huge.prices[0].amount = Nat::from(u128::MAX) * 3_u8;
    assert!(matches!(
        add(&mut storage, OWNER, huge),
        Err(StreamError::InvalidField { .. })
    ));
    let foreign = add_args(id, "p", PlanKind::Perpetual, &[(unlisted, 5)]);
    assert_eq!(
        add(&mut storage, OWNER, foreign),
        Err(StreamError::AssetNotListed { ledger: unlisted })
    );
    assert_eq!(
        add(&mut storage, OTHER, add_args(id, "p", PlanKind::Free, &[])),
        Err(StreamError::NotOwner)
    );
    assert_eq!(storage.counters().plans, 0);
    add(&mut storage, OWNER, add_args(id, "p", PlanKind::Free, &[])).unwrap();
    let twice = add(&mut storage, OWNER, add_args(id, "p", PlanKind::Free, &[]));
    assert!(matches!(twice, Err(StreamError::InvalidField { .. })));
}

#[test]
fn should_open_the_stream_while_a_free_plan_is_offered() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let first = plan(&mut storage, id, PlanKind::Free, 0);
    let second = plan(&mut storage, id, PlanKind::Free, 0);
    let open = |storage: &Storage| storage.stream(id).unwrap().open_to_everyone();
    assert!(open(&storage));
    retire(
        &mut storage,
        OWNER,
        RetirePlanArgs {
            stream: id,
            plan: first,
        },
    )
    .unwrap();
    retire(
        &mut storage,
        OWNER,
        RetirePlanArgs {
            stream: id,
            plan: first,
        },
    )
    .unwrap();
    assert!(open(&storage), "the second is offered still");
    retire(
        &mut storage,
        OWNER,
        RetirePlanArgs {
            stream: id,
            plan: second,
        },
    )
    .unwrap();
    assert!(!open(&storage));
    assert_eq!(list(&storage, id).iter().filter(|plan| plan.offered).count(), 0);
    assert_eq!(
        quote(
            &storage,
            QuoteArgs {
                plan: first,
                ledger: None
            }
        ),
        Err(QuoteError::PlanNotOffered)
    );
    assert_eq!(
        retire(&mut storage, OWNER, RetirePlanArgs { stream: id, plan: 99 }),
        Err(StreamError::PlanNotFound)
    );
}

#[test]
fn should_refuse_quotes_in_other_assets() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let paid = plan(&mut storage, id, PlanKind::Perpetual, 5);
    let free = plan(&mut storage, id, PlanKind::Free, 0);
    let ask = |storage: &Storage, plan, ledger| quote(storage, QuoteArgs { plan, ledger });
    assert_eq!(ask(&storage, paid, None), Err(QuoteError::AssetNotAccepted));
    assert_eq!(ask(&storage, paid, Some(OTHER)), Err(QuoteError::AssetNotAccepted));
    assert_eq!(ask(&storage, free, Some(LEDGER)), Err(QuoteError::AssetNotAccepted));
    assert_eq!(ask(&storage, 99, None), Err(QuoteError::PlanNotFound));
    assets::delist(&mut storage, LEDGER).unwrap();
    assert_eq!(ask(&storage, paid, Some(LEDGER)), Err(QuoteError::AssetNotAccepted));
}

#[test]
fn should_bind_the_terms_to_everything_a_buyer_accepts() {
    let plan = PlanRecord {
        stream: 1,
        name: "p".to_owned(),
        kind: PlanKind::Perpetual,
        prices: vec![(LEDGER, 5)],
        offered: true,
    };
    let spdx = LicenceTerms::Spdx("MIT".to_owned());
    let hash = |owner: &Principal, id, plan: &PlanRecord, terms: &LicenceTerms, price| {
        terms_hash(owner, id, plan, terms, price)
    };
    let base = hash(&OWNER, 3, &plan, &spdx, Some((LEDGER, 5)));
    let other_stream = PlanRecord {
        stream: 2,
        ..plan.clone()
    };
    let other_kind = PlanRecord {
        kind: PlanKind::Subscription { duration_ns: DAY },
        ..plan.clone()
    };
    let others = [
        hash(&OTHER, 3, &plan, &spdx, Some((LEDGER, 5))),
        hash(&OWNER, 4, &plan, &spdx, Some((LEDGER, 5))),
        hash(&OWNER, 3, &other_stream, &spdx, Some((LEDGER, 5))),
        hash(&OWNER, 3, &other_kind, &spdx, Some((LEDGER, 5))),
        hash(
            &OWNER,
            3,
            &plan,
            &LicenceTerms::Text("MIT".to_owned()),
            Some((LEDGER, 5)),
        ),
        hash(&OWNER, 3, &plan, &spdx, Some((LEDGER, 6))),
        hash(&OWNER, 3, &plan, &spdx, Some((OTHER, 5))),
        hash(&OWNER, 3, &plan, &spdx, None),
    ];
    for (number, other) in others.iter().enumerate() {
        assert_ne!(*other, base, "case {number}");
    }
    let renamed = PlanRecord {
        name: "q".to_owned(),
        offered: false,
        ..plan
    };
    assert_eq!(hash(&OWNER, 3, &renamed, &spdx, Some((LEDGER, 5))), base);
    assert_eq!(
        base.to_string(),
        "49e5e2ef1682154a022f803fd94f50a28aee9312e99482d88d3dc9850c3dc11f",
        "the layout is fixed: docs/registry.md"
    );
}

/// What buyers' programs compute too (`crates/types/tests/vectors/terms.json`).
#[test]
fn should_hash_the_terms_as_the_shared_vectors_have_it() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../../crates/types/tests/vectors/terms.json")).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let number = |value: &serde_json::Value| text(value).parse::<u64>().unwrap();
        let principal = |value: &serde_json::Value| Principal::from_text(text(value)).unwrap();
        let kind = match case["kind"].as_str() {
            Some("Perpetual") => PlanKind::Perpetual,
            Some("Free") => PlanKind::Free,
            _ => PlanKind::Subscription {
                duration_ns: number(&case["kind"]["Subscription"]),
            },
        };
        let plan = PlanRecord {
            stream: number(&case["stream"]),
            name: "p".to_owned(),
            kind,
            prices: vec![],
            offered: true,
        };
        let terms = match case["terms"].get("Spdx") {
            Some(id) => LicenceTerms::Spdx(text(id)),
            None => LicenceTerms::Text(text(&case["terms"]["Text"])),
        };
        let price = (!case["ledger"].is_null()).then(|| {
            (
                principal(&case["ledger"]),
                text(&case["price"]).parse::<u128>().unwrap(),
            )
        });
        let hash = terms_hash(&principal(&case["owner"]), number(&case["plan"]), &plan, &terms, price);
        assert_eq!(hash.to_string(), text(&case["hash"]), "{}", case["name"]);
    }
}
