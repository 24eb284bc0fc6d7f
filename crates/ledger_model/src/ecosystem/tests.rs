use super::*;

fn user(byte: u8) -> ICRC3Value {
    ICRC3Value::Array(vec![ICRC3Value::Blob(ByteBuf::from(vec![byte; 29]))])
}

fn who(byte: u8) -> Account {
    Account::from(Principal::from_slice(&[byte; 29]))
}

fn nat(number: u64) -> ICRC3Value {
    ICRC3Value::Nat(number.into())
}

fn written(text: &str) -> ICRC3Value {
    ICRC3Value::Text(text.into())
}

fn block<const N: usize>(top: &[(&str, ICRC3Value)], tx: [(&str, ICRC3Value); N]) -> ICRC3Value {
    let map = |fields: Vec<(&str, ICRC3Value)>| {
        ICRC3Value::Map(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    };
    let mut fields = vec![("ts", nat(1)), ("tx", map(tx.into()))];
    fields.extend(top.iter().cloned());
    map(fields)
}

fn mint(amount: u64) -> ICRC3Value {
    block(&[], [("op", written("mint")), ("to", user(1)), ("amt", nat(amount))])
}

fn refused(blocks: &[ICRC3Value]) -> String {
    Index::of(blocks.iter().cloned()).unwrap_err()
}

#[test]
fn should_take_every_kind_and_know_the_balances() {
    let log = [
        mint(1_000),
        block(
            &[("fee", nat(10)), ("phash", ICRC3Value::Blob(ByteBuf::from([3; 32])))],
            [
                ("op", written("xfer")),
                ("from", user(1)),
                ("to", user(2)),
                ("amt", nat(100)),
                ("memo", ICRC3Value::Blob(ByteBuf::from([1, 2]))),
                ("ts", nat(5)),
            ],
        ),
        block(
            &[("btype", written("107feecol"))],
            [
                ("mthd", written("107set_fee_collector")),
                ("caller", ICRC3Value::Blob(ByteBuf::from([9; 10]))),
                ("fee_collector", user(4)),
                ("ts", nat(5)),
            ],
        ),
        block(
            &[],
            [
                ("op", written("approve")),
                ("from", user(1)),
                ("spender", user(3)),
                ("amt", nat(500)),
                ("fee", nat(10)),
                ("expected_allowance", nat(0)),
                ("expires_at", nat(99)),
            ],
        ),
        block(
            &[("fee", nat(10))],
            [
                ("op", written("xfer")),
                ("from", user(1)),
                ("to", user(2)),
                ("spender", user(3)),
                ("amt", nat(50)),
            ],
        ),
        block(
            &[],
            [
                ("op", written("burn")),
                ("from", user(2)),
                ("amt", nat(20)),
                ("spender", user(3)),
            ],
        ),
        block(
            &[("btype", written("107feecol"))],
            [("mthd", written("107set_fee_collector"))],
        ),
        block(
            &[("fee", nat(10))],
            [
                ("op", written("xfer")),
                ("from", user(2)),
                ("to", user(2)),
                ("amt", nat(1)),
            ],
        ),
    ];
    let index = Index::of(log).unwrap();
    let balances = [1, 2, 3, 4].map(|byte| index.balance(&who(byte)));
    assert_eq!(balances, [1_000 - 110 - 10 - 60, 100 + 50 - 20 - 10, 0, 20]);
    assert_eq!(index.blocks, 8);
}

#[test]
fn should_stop_at_fields_that_it_does_not_know() {
    let transfer = |key: &'static str, value: ICRC3Value| {
        block(
            &[("fee", nat(10))],
            [
                ("op", written("xfer")),
                ("from", user(1)),
                ("to", user(2)),
                ("amt", nat(1)),
                (key, value),
            ],
        )
    };
    let table = [
        block(
            &[("btype", written("1mint"))],
            [("op", written("mint")), ("to", user(1)), ("amt", nat(1))],
        ),
        block(
            &[("minter", user(3))],
            [("op", written("mint")), ("to", user(1)), ("amt", nat(1))],
        ),
        transfer("caller", ICRC3Value::Blob(ByteBuf::from([9; 10]))),
        transfer("expires_at", nat(5)),
        transfer("mthd", written("other")),
        // A change of the fee collector as this ledger's older code wrote it.
        block(
            &[("btype", written("107feecol"))],
            [("op", written("107set_fee_collector")), ("fee_collector", user(4))],
        ),
    ];
    for unknown in table {
        let error = refused(&[mint(100), unknown]);
        assert!(error.starts_with("block 1 has unknown fields"), "{error}");
    }
}

#[test]
fn should_stop_at_what_is_missing_or_wrong() {
    let table = [
        (
            block(
                &[],
                [
                    ("op", written("xfer")),
                    ("from", user(1)),
                    ("to", user(2)),
                    ("amt", nat(1)),
                ],
            ),
            "no fee",
        ),
        (
            block(&[], [("op", written("burn")), ("from", user(1))]),
            "`amt` field required",
        ),
        (
            block(
                &[("fee", nat(1))],
                [("op", written("approve")), ("from", user(1)), ("amt", nat(1))],
            ),
            "`spender` field required",
        ),
        (
            block(&[], [("mthd", written("107set_fee_collector"))]),
            "no operation specified",
        ),
        (block(&[], [("op", written("other"))]), "unknown operation other"),
        (
            block(
                &[("fee", nat(1))],
                [
                    ("op", written("xfer")),
                    ("from", user(2)),
                    ("to", user(1)),
                    ("amt", nat(1)),
                ],
            ),
            "underflow",
        ),
    ];
    for (wrong, message) in table {
        let error = refused(&[mint(100), wrong]);
        assert!(error.contains(message), "{error} does not say: {message}");
    }
}
