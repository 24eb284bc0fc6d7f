use super::*;
use crate::testing::*;
use candid::Nat;

#[test]
fn should_take_over_what_a_ledger_says_of_itself() {
    let mut storage = storage();
    enter(&mut storage, &listing()).unwrap();
    let facts = |fee: u128, decimals, has_icrc2| LedgerFacts {
        fee: Nat::from(fee),
        decimals,
        has_icrc2,
        minting_account: Some(holder(9)),
    };
    learn(&mut storage, LEDGER, &facts(25, 6, true));
    let asset = storage.asset(LEDGER).unwrap();
    assert_eq!((asset.fee, asset.decimals, asset.listed), (25, 6, true));
    assert_eq!(minting_accounts(&storage), [holder(9)]);
    learn(&mut storage, LEDGER, &facts(u128::MAX, 6, true));
    assert_eq!(
        storage.asset(LEDGER).unwrap().fee,
        25,
        "an absurd fee is not taken over"
    );
    learn(&mut storage, LEDGER, &facts(25, 6, false));
    assert!(
        !storage.asset(LEDGER).unwrap().listed,
        "without ICRC-2 nothing can be sold in it"
    );
    learn(&mut storage, LEDGER, &facts(25, 6, true));
    assert!(!storage.asset(LEDGER).unwrap().listed, "only governance lists");
}

#[test]
fn should_number_assets_and_limit_them() {
    let mut storage = storage();
    let ledger = |number: u32| Principal::from_slice(&number.to_be_bytes());
    // Number 0 is what every test's storage lists.
    for number in 1..MAX_ASSETS {
        enter(
            &mut storage,
            &AssetListing {
                ledger: ledger(number),
                ..listing()
            },
        )
        .unwrap();
        assert_eq!(storage.asset(ledger(number)).unwrap().number, number);
    }
    assert!(
        enter(
            &mut storage,
            &AssetListing {
                ledger: ledger(MAX_ASSETS),
                ..listing()
            }
        )
        .is_err()
    );
    let again = AssetListing {
        ledger: ledger(5),
        symbol: "NEW".to_owned(),
        ..listing()
    };
    enter(&mut storage, &again).unwrap();
    assert_eq!(storage.asset_numbered(5).unwrap().listing(), again);
    delist(&mut storage, ledger(5)).unwrap();
    assert!(delist(&mut storage, ledger(5)).is_err());
}
