//! A block as the `Transaction` that index canisters serve.

use candid::{Nat, Principal};
use icrc_ledger_types::icrc::generic_value::{ICRC3Map, ICRC3Value};
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::Memo;
use icrc_ledger_types::icrc3::transactions::{Approve, Burn, FeeCollector, Mint, Transaction, Transfer};

use crate::amount::to_u64;
use crate::block::account_from_value;

/// One level of a block.
struct Fields<'a>(&'a ICRC3Map);

impl<'a> Fields<'a> {
    fn of(value: &'a ICRC3Value) -> Option<Self> {
        match value {
            ICRC3Value::Map(map) => Some(Self(map)),
            _ => None,
        }
    }

    fn nat(&self, key: &str) -> Option<Nat> {
        match self.0.get(key)? {
            ICRC3Value::Nat(number) => Some(number.clone()),
            _ => None,
        }
    }

    fn time(&self, key: &str) -> Option<u64> {
        to_u64(&self.nat(key)?)
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        match self.0.get(key)? {
            ICRC3Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn blob(&self, key: &str) -> Option<&'a [u8]> {
        match self.0.get(key)? {
            ICRC3Value::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn account(&self, key: &str) -> Option<Account> {
        account_from_value(self.0.get(key)?)
    }
}

/// What a block did, `None` if it is none of this ledger's blocks. The fee is the one paid, named by the caller or not.
pub(super) fn from_block(block: &ICRC3Value) -> Option<Transaction> {
    let block = Fields::of(block)?;
    let tx = Fields::of(block.0.get("tx")?)?;
    let timestamp = block.time("ts")?;
    let fee = block.nat("fee").or_else(|| tx.nat("fee"));
    let memo = tx.blob("memo").map(|memo| Memo::from(memo.to_vec()));
    let created_at_time = tx.time("ts");
    let spender = tx.account("spender");
    if block.text("btype") == Some("107feecol") {
        let collector = FeeCollector {
            fee_collector: tx.account("fee_collector"),
            caller: tx
                .blob("caller")
                .and_then(|caller| Principal::try_from_slice(caller).ok()),
            ts: created_at_time,
            // Older code wrote it as `op`.
            mthd: tx.text("mthd").or_else(|| tx.text("op")).map(str::to_owned),
        };
        return Some(Transaction::set_fee_collector(collector, timestamp));
    }
    Some(match tx.text("op")? {
        "mint" => Transaction::mint(
            Mint {
                amount: tx.nat("amt")?,
                to: tx.account("to")?,
                memo,
                created_at_time,
                fee,
            },
            timestamp,
        ),
        "burn" => Transaction::burn(
            Burn {
                amount: tx.nat("amt")?,
                from: tx.account("from")?,
                spender,
                memo,
                created_at_time,
                fee,
            },
            timestamp,
        ),
        "xfer" => Transaction::transfer(
            Transfer {
                amount: tx.nat("amt")?,
                from: tx.account("from")?,
                to: tx.account("to")?,
                spender,
                memo,
                fee,
                created_at_time,
            },
            timestamp,
        ),
        "approve" => Transaction::approve(
            Approve {
                from: tx.account("from")?,
                spender: spender?,
                amount: tx.nat("amt")?,
                expected_allowance: tx.nat("expected_allowance"),
                expires_at: tx.time("expires_at"),
                memo,
                fee,
                created_at_time,
            },
            timestamp,
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::{self, Block, Operation};

    fn owner(byte: u8) -> Account {
        Account {
            owner: Principal::from_slice(&[byte; 29]),
            subaccount: Some([byte; 32]),
        }
    }

    fn block(operation: Operation, fee: Option<u128>, named_fee: Option<u128>) -> Block {
        let approval = operation == Operation::Approve;
        Block {
            parent_hash: Some([1; 32]),
            timestamp: 50,
            fee,
            transaction: block::Transaction {
                operation,
                from: (operation != Operation::Mint).then(|| owner(1)),
                to: matches!(operation, Operation::Mint | Operation::Transfer).then(|| owner(2)),
                spender: (operation != Operation::Mint).then(|| owner(3)),
                amount: 7,
                fee: named_fee,
                memo: Some(vec![4, 5]),
                created_at_time: Some(40),
                expected_allowance: approval.then_some(6),
                expires_at: approval.then_some(60),
                caller: None,
            },
        }
    }

    fn read(block: &Block) -> Transaction {
        from_block(&block.to_value()).unwrap()
    }

    #[test]
    fn should_say_all_that_a_block_says() {
        let nat = |number: u8| Some(Nat::from(number));
        let memo = || Some(Memo::from(vec![4, 5]));
        let transfer = |fee| {
            Transaction::transfer(
                Transfer {
                    amount: 7_u8.into(),
                    from: owner(1),
                    to: owner(2),
                    spender: Some(owner(3)),
                    memo: memo(),
                    fee,
                    created_at_time: Some(40),
                },
                50,
            )
        };
        assert_eq!(read(&block(Operation::Transfer, Some(9), None)), transfer(nat(9)));
        assert_eq!(read(&block(Operation::Transfer, None, Some(8))), transfer(nat(8)));
        assert_eq!(read(&block(Operation::Transfer, None, None)), transfer(None));
        let mint = Mint {
            amount: 7_u8.into(),
            to: owner(2),
            memo: memo(),
            created_at_time: Some(40),
            fee: None,
        };
        assert_eq!(read(&block(Operation::Mint, None, None)), Transaction::mint(mint, 50));
        let burn = Burn {
            amount: 7_u8.into(),
            from: owner(1),
            spender: Some(owner(3)),
            memo: memo(),
            created_at_time: Some(40),
            fee: None,
        };
        assert_eq!(read(&block(Operation::Burn, None, None)), Transaction::burn(burn, 50));
        let approve = Approve {
            from: owner(1),
            spender: owner(3),
            amount: 7_u8.into(),
            expected_allowance: nat(6),
            expires_at: Some(60),
            memo: memo(),
            fee: nat(9),
            created_at_time: Some(40),
        };
        assert_eq!(
            read(&block(Operation::Approve, Some(9), None)),
            Transaction::approve(approve, 50)
        );
    }

    #[test]
    fn should_say_who_collects_the_fees() {
        for collector in [None, Some(owner(5))] {
            let caller = Principal::from_slice(&[9; 10]);
            let block = Block {
                transaction: block::Transaction::set_fee_collector(collector, Some(40), caller),
                ..block(Operation::Mint, None, None)
            };
            let expected = FeeCollector {
                fee_collector: collector,
                caller: Some(caller),
                ts: Some(40),
                mthd: Some("107set_fee_collector".into()),
            };
            assert_eq!(read(&block), Transaction::set_fee_collector(expected, 50));
        }
    }

    #[test]
    fn should_read_the_blocks_of_older_code() {
        let caller = Principal::from_slice(&[9; 10]);
        let set = Block {
            transaction: block::Transaction::set_fee_collector(Some(owner(5)), Some(40), caller),
            ..block(Operation::Mint, None, None)
        };
        let kinds = [
            Operation::Mint,
            Operation::Burn,
            Operation::Transfer,
            Operation::Approve,
        ];
        let blocks = kinds.map(|operation| block(operation, Some(9), None));
        for block in blocks.iter().chain([&set]) {
            let older = block::decode(&block.encode_by_older_code(7)).unwrap();
            assert_ne!(older, block.to_value());
            assert_eq!(from_block(&older).unwrap(), read(block));
        }
    }

    #[test]
    fn should_make_nothing_of_other_values() {
        assert_eq!(from_block(&ICRC3Value::Nat(1_u8.into())), None);
        let ICRC3Value::Map(whole) = block(Operation::Transfer, None, None).to_value() else {
            panic!("a block is a map")
        };
        for key in ["ts", "tx"] {
            let mut map = whole.clone();
            map.remove(key);
            assert_eq!(from_block(&ICRC3Value::Map(map)), None, "without {key}");
        }
    }
}
