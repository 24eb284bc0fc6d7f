//! Random calls, time moving and state reloaded in between, against a model made of plain maps; compared at every step.
//! The model is written from the standards and from the order of checks in [`super::super`], not from the code.

use std::collections::BTreeMap;

use candid::{Nat, Principal};
use ic_stable_structures::VectorMemory;
use icrc_ledger_types::icrc::generic_value::{ICRC3Map, ICRC3Value};
use icrc_ledger_types::icrc1::account::{Account, Subaccount};
use icrc_ledger_types::icrc1::transfer::TransferArg;
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use icrc_ledger_types::icrc2::transfer_from::TransferFromArgs;
use proptest::prelude::*;
use proptest::sample::select;

use crate::block::decode;
use crate::ledger::test_support::{FEE, MAX_SUPPLY, NOW, account, args, user};
use crate::ledger::{Ledger, PERMITTED_DRIFT_NS, TRANSACTION_WINDOW_NS};

const MEMO_LIMIT: usize = 32;
const USERS: u8 = 4;

#[derive(Clone, Debug)]
enum Call {
    Transfer(TransferArg),
    Approve(ApproveArgs),
    TransferFrom(TransferFromArgs),
}

/// Times are offsets from the ledger's time when the step runs.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly every step is a call")]
enum Step {
    Call {
        caller: Principal,
        call: Call,
        created: Option<i64>,
        expires: Option<i64>,
    },
    /// The `n`th last call again, to the letter.
    Repeat(usize),
    Advance(u64),
    Reload,
    Prune,
}

/// What a call answers: the block's index or the error's name with its figure.
type Answer = Result<u64, String>;

#[derive(Default)]
struct Model {
    balances: BTreeMap<Account, u128>,
    allowances: BTreeMap<(Account, Account), (u128, Option<u64>)>,
    /// Identity of every executed call with `created_at_time`.
    seen: BTreeMap<String, u64>,
    blocks: u64,
}

fn error(name: &str, figure: &impl ToString) -> Answer {
    Err(format!("{name} {}", figure.to_string().replace('_', "")))
}

fn small(amount: &Nat) -> Option<u128> {
    amount.0.to_string().parse().ok()
}

impl Model {
    fn balance(&self, account: &Account) -> u128 {
        self.balances.get(account).copied().unwrap_or(0)
    }

    fn allowance(&self, owner: &Account, spender: &Account, now: u64) -> (u128, Option<u64>) {
        let found = self.allowances.get(&(*owner, *spender)).copied();
        found
            .filter(|(_, expiry)| expiry.is_none_or(|expiry| expiry > now))
            .unwrap_or((0, None))
    }

    fn supply(&self) -> u128 {
        self.balances.values().sum()
    }

    fn window(&self, created: Option<u64>, identity: &str, now: u64) -> Result<(), String> {
        let Some(created) = created else { return Ok(()) };
        if created + TRANSACTION_WINDOW_NS + PERMITTED_DRIFT_NS < now {
            return Err("TooOld ".into());
        }
        if created > now + PERMITTED_DRIFT_NS {
            return Err(format!("CreatedInFuture {now}"));
        }
        match self.seen.get(identity) {
            Some(block) => Err(format!("Duplicate {block}")),
            None => Ok(()),
        }
    }

    #[allow(clippy::unnecessary_wraps, reason = "every operation of the model ends with it")]
    fn done(&mut self, created: Option<u64>, identity: String) -> Answer {
        if created.is_some() {
            self.seen.insert(identity, self.blocks);
        }
        self.blocks += 1;
        Ok(self.blocks - 1)
    }

    fn apply(&mut self, caller: Principal, call: &Call, now: u64) -> Answer {
        if caller == Principal::anonymous() {
            return error("Generic", &1);
        }
        match call.clone() {
            Call::Transfer(args) => {
                let from = Account {
                    owner: caller,
                    subaccount: args.from_subaccount,
                };
                self.transfer(
                    TransferFromArgs {
                        spender_subaccount: None,
                        from,
                        to: args.to,
                        amount: args.amount,
                        fee: args.fee,
                        memo: args.memo,
                        created_at_time: args.created_at_time,
                    },
                    None,
                    now,
                )
            }
            Call::TransferFrom(args) => {
                let spender = Account {
                    owner: caller,
                    subaccount: args.spender_subaccount,
                };
                self.transfer(args, Some(spender), now)
            }
            Call::Approve(args) => self.approve(caller, args, now),
        }
    }

    fn transfer(&mut self, args: TransferFromArgs, spender: Option<Account>, now: u64) -> Answer {
        let minting = account(0);
        let (mint, burn) = (args.from == minting, args.to == minting);
        if mint && burn {
            return error("Generic", &3);
        }
        if mint && spender.is_some() {
            return error("Generic", &6);
        }
        let memo_length = args.memo.as_ref().map_or(0, |memo| memo.0.len());
        if memo_length > 80 {
            return error("Generic", &2);
        }
        let fee = if mint || burn { 0 } else { FEE };
        if args.fee.as_ref().is_some_and(|named| small(named).is_none()) {
            return error("BadFee", &fee);
        }
        let Some(amount) = small(&args.amount) else {
            return if mint {
                error("Generic", &4)
            } else {
                error("InsufficientFunds", &self.balance(&args.from))
            };
        };

        // What a mint's `from_subaccount`, a burn's `to` and the fee of both say cannot tell two calls apart.
        let mut identity = args.clone();
        if mint {
            identity.from.subaccount = None;
        }
        if burn {
            identity.to.subaccount = None;
        }
        if mint || burn {
            identity.fee = None;
        }
        let identity = format!("{spender:?} {identity:?}");
        self.window(args.created_at_time, &identity, now)?;
        if memo_length > MEMO_LIMIT {
            return error("Generic", &2);
        }
        if args.fee.is_some_and(|named| small(&named) != Some(fee)) {
            return error("BadFee", &fee);
        }
        if mint {
            if self.supply() + amount.min(MAX_SUPPLY + 1) > MAX_SUPPLY {
                return error("Generic", &4);
            }
            *self.balances.entry(args.to).or_default() += amount;
            return self.done(args.created_at_time, identity);
        }
        if burn && amount < FEE {
            return error("BadBurn", &FEE);
        }
        let total = amount.checked_add(fee);
        let drawn = spender.filter(|spender| *spender != args.from);
        if let Some(spender) = &drawn {
            let (allowed, _) = self.allowance(&args.from, spender, now);
            if total.is_none_or(|total| total > allowed) {
                return error("InsufficientAllowance", &allowed);
            }
        }
        let balance = self.balance(&args.from);
        let Some(total) = total.filter(|total| *total <= balance) else {
            return error("InsufficientFunds", &balance);
        };
        self.balances.insert(args.from, balance - total);
        if !burn {
            *self.balances.entry(args.to).or_default() += amount;
        }
        if let Some(spender) = drawn {
            let (allowed, expiry) = self.allowance(&args.from, &spender, now);
            self.set_allowance(args.from, spender, allowed - total, expiry);
        }
        self.done(args.created_at_time, identity)
    }

    fn approve(&mut self, caller: Principal, args: ApproveArgs, now: u64) -> Answer {
        let from = Account {
            owner: caller,
            subaccount: args.from_subaccount,
        };
        if from == account(0) {
            return error("Generic", &6);
        }
        if args.spender.owner == caller {
            return error("Generic", &5);
        }
        let memo_length = args.memo.as_ref().map_or(0, |memo| memo.0.len());
        if memo_length > 80 {
            return error("Generic", &2);
        }
        if args.fee.as_ref().is_some_and(|named| small(named).is_none()) {
            return error("BadFee", &FEE);
        }
        let (allowed, _) = self.allowance(&from, &args.spender, now);
        if args
            .expected_allowance
            .as_ref()
            .is_some_and(|expected| small(expected).is_none())
        {
            return error("AllowanceChanged", &allowed);
        }
        let amount = small(&args.amount).unwrap_or(u128::MAX);
        let identity = format!(
            "{from:?} {:?}",
            ApproveArgs {
                amount: amount.into(),
                ..args.clone()
            }
        );
        self.window(args.created_at_time, &identity, now)?;
        if memo_length > MEMO_LIMIT {
            return error("Generic", &2);
        }
        if args.fee.is_some_and(|named| small(&named) != Some(FEE)) {
            return error("BadFee", &FEE);
        }
        let balance = self.balance(&from);
        if balance < FEE {
            return error("InsufficientFunds", &balance);
        }
        if args.expires_at.is_some_and(|expiry| expiry <= now) {
            return error("Expired", &now);
        }
        if args
            .expected_allowance
            .is_some_and(|expected| small(&expected) != Some(allowed))
        {
            return error("AllowanceChanged", &allowed);
        }
        self.balances.insert(from, balance - FEE);
        self.set_allowance(from, args.spender, amount, args.expires_at);
        self.done(args.created_at_time, identity)
    }

    fn set_allowance(&mut self, owner: Account, spender: Account, amount: u128, expiry: Option<u64>) {
        if amount == 0 {
            self.allowances.remove(&(owner, spender));
        } else {
            self.allowances.insert((owner, spender), (amount, expiry));
        }
    }
}

/// Runs a call on the ledger and names its answer as the model does.
fn run(ledger: &mut Ledger<VectorMemory>, caller: Principal, call: &Call, now: u64) -> Answer {
    use icrc_ledger_types::icrc1::transfer::TransferError as T;
    use icrc_ledger_types::icrc2::approve::ApproveError as A;
    use icrc_ledger_types::icrc2::transfer_from::TransferFromError as F;
    match call.clone() {
        Call::Transfer(args) => ledger.transfer(caller, args, now).or_else(|failure| match failure {
            T::BadFee { expected_fee } => error("BadFee", &expected_fee),
            T::BadBurn { min_burn_amount } => error("BadBurn", &min_burn_amount),
            T::InsufficientFunds { balance } => error("InsufficientFunds", &balance),
            T::TooOld => error("TooOld", &""),
            T::CreatedInFuture { ledger_time } => error("CreatedInFuture", &ledger_time),
            T::TemporarilyUnavailable => error("TemporarilyUnavailable", &""),
            T::Duplicate { duplicate_of } => error("Duplicate", &duplicate_of),
            T::GenericError { error_code, .. } => error("Generic", &error_code),
        }),
        Call::TransferFrom(args) => ledger
            .transfer_from(caller, args, now)
            .or_else(|failure| match failure {
                F::BadFee { expected_fee } => error("BadFee", &expected_fee),
                F::BadBurn { min_burn_amount } => error("BadBurn", &min_burn_amount),
                F::InsufficientFunds { balance } => error("InsufficientFunds", &balance),
                F::InsufficientAllowance { allowance } => error("InsufficientAllowance", &allowance),
                F::TooOld => error("TooOld", &""),
                F::CreatedInFuture { ledger_time } => error("CreatedInFuture", &ledger_time),
                F::TemporarilyUnavailable => error("TemporarilyUnavailable", &""),
                F::Duplicate { duplicate_of } => error("Duplicate", &duplicate_of),
                F::GenericError { error_code, .. } => error("Generic", &error_code),
            }),
        Call::Approve(args) => ledger.approve(caller, args, now).or_else(|failure| match failure {
            A::BadFee { expected_fee } => error("BadFee", &expected_fee),
            A::InsufficientFunds { balance } => error("InsufficientFunds", &balance),
            A::AllowanceChanged { current_allowance } => error("AllowanceChanged", &current_allowance),
            A::Expired { ledger_time } => error("Expired", &ledger_time),
            A::TooOld => error("TooOld", &""),
            A::CreatedInFuture { ledger_time } => error("CreatedInFuture", &ledger_time),
            A::TemporarilyUnavailable => error("TemporarilyUnavailable", &""),
            A::Duplicate { duplicate_of } => error("Duplicate", &duplicate_of),
            A::GenericError { error_code, .. } => error("Generic", &error_code),
        }),
    }
}

fn subaccount() -> impl Strategy<Value = Option<Subaccount>> {
    prop_oneof![6 => Just(None), 1 => Just(Some([0; 32])), 2 => Just(Some([1; 32]))]
}

fn any_account() -> impl Strategy<Value = Account> {
    (prop_oneof![1 => Just(0), 12 => 1..=USERS], subaccount()).prop_map(|(n, subaccount)| Account {
        subaccount,
        ..account(n)
    })
}

fn amount() -> impl Strategy<Value = Nat> {
    prop_oneof![
        8 => (0..10 * FEE).prop_map(Nat::from),
        3 => select(vec![0, 1, FEE - 1, FEE, FEE + 1, 3 * FEE]).prop_map(Nat::from),
        2 => (0..MAX_SUPPLY).prop_map(Nat::from),
        1 => select(vec![u128::MAX, u128::MAX - FEE, u128::MAX - FEE + 1, MAX_SUPPLY]).prop_map(Nat::from),
        1 => Just(Nat::from(u128::MAX) + 1_u8),
    ]
}

fn fee() -> impl Strategy<Value = Option<Nat>> {
    prop_oneof![
        5 => Just(None),
        4 => Just(Some(Nat::from(FEE))),
        1 => Just(Some(Nat::from(0_u8))),
        1 => Just(Some(Nat::from(FEE + 1))),
        1 => Just(Some(Nat::from(u128::MAX) * 3_u8)),
    ]
}

fn memo() -> impl Strategy<Value = Option<icrc_ledger_types::icrc1::transfer::Memo>> {
    let lengths = prop_oneof![6 => 0..=MEMO_LIMIT, 1 => select(vec![MEMO_LIMIT + 1, 80, 81, 3000])];
    prop::option::of(lengths.prop_map(|length| vec![1; length].into()))
}

fn call() -> impl Strategy<Value = Call> {
    let transfer =
        (subaccount(), any_account(), amount(), fee(), memo()).prop_map(|(from_subaccount, to, amount, fee, memo)| {
            Call::Transfer(TransferArg {
                from_subaccount,
                to,
                fee,
                created_at_time: None,
                memo,
                amount,
            })
        });
    let expected = prop::option::weighted(0.3, prop_oneof![Just(Nat::from(0_u8)), amount()]);
    let approve = (subaccount(), any_account(), amount(), fee(), memo(), expected).prop_map(
        |(from_subaccount, spender, amount, fee, memo, expected_allowance)| {
            Call::Approve(ApproveArgs {
                from_subaccount,
                spender,
                amount,
                expected_allowance,
                expires_at: None,
                fee,
                memo,
                created_at_time: None,
            })
        },
    );
    let transfer_from = (subaccount(), any_account(), any_account(), amount(), fee(), memo()).prop_map(
        |(spender_subaccount, from, to, amount, fee, memo)| {
            Call::TransferFrom(TransferFromArgs {
                spender_subaccount,
                from,
                to,
                amount,
                fee,
                memo,
                created_at_time: None,
            })
        },
    );
    prop_oneof![3 => transfer, 3 => approve, 4 => transfer_from]
}

#[allow(clippy::cast_possible_wrap, reason = "durations of a day fit")]
fn step() -> impl Strategy<Value = Step> {
    const MINUTE: i64 = 60_000_000_000;
    let edge = (TRANSACTION_WINDOW_NS + PERMITTED_DRIFT_NS) as i64;
    let drift = PERMITTED_DRIFT_NS as i64;
    let caller = prop_oneof![
        2 => Just(user(0)),
        20 => (1..=USERS).prop_map(user),
        1 => Just(Principal::anonymous())
    ];
    let created = prop_oneof![
        3 => Just(None),
        3 => select(vec![0, -1, 1, -MINUTE]).prop_map(Some),
        1 => select(vec![drift, drift + 1, -edge, -edge - 1]).prop_map(Some),
    ];
    let expires = prop_oneof![4 => Just(None), 3 => select(vec![-1, 0, 1, MINUTE, i64::MAX]).prop_map(Some)];
    prop_oneof![
        16 => (caller, call(), created, expires)
            .prop_map(|(caller, call, created, expires)| Step::Call { caller, call, created, expires }),
        3 => (0..6_usize).prop_map(Step::Repeat),
        2 => select(vec![1, 60_000_000_000, TRANSACTION_WINDOW_NS / 3, TRANSACTION_WINDOW_NS + PERMITTED_DRIFT_NS])
            .prop_map(Step::Advance),
        1 => Just(Step::Reload),
        1 => Just(Step::Prune),
    ]
}

fn compare(model: &Model, ledger: &Ledger<VectorMemory>, now: u64) -> Result<(), TestCaseError> {
    ledger.invariants().map_err(TestCaseError::fail)?;
    prop_assert_eq!(model.supply(), ledger.total_supply());
    prop_assert_eq!(model.blocks, ledger.log_length());
    for (account, balance) in &model.balances {
        prop_assert_eq!(*balance, ledger.balance_of(account), "balance of {}", account);
    }
    for (owner, spender) in model.allowances.keys() {
        let expected = model.allowance(owner, spender, now);
        let args = icrc_ledger_types::icrc2::allowance::AllowanceArgs {
            account: *owner,
            spender: *spender,
        };
        let have = ledger.allowance(&args, now);
        prop_assert_eq!((Nat::from(expected.0), expected.1), (have.allowance, have.expires_at));
    }
    Ok(())
}

fn field<'a>(map: &'a ICRC3Map, key: &str) -> Option<&'a ICRC3Value> {
    map.get(key)
}

fn number(map: &ICRC3Map, key: &str) -> Option<u128> {
    match field(map, key)? {
        ICRC3Value::Nat(value) => small(value),
        other => panic!("{key} is {other}"),
    }
}

fn read_account(map: &ICRC3Map, key: &str) -> Option<Account> {
    let blob = |value: &ICRC3Value| match value {
        ICRC3Value::Blob(bytes) => bytes.to_vec(),
        other => panic!("{key} holds {other}"),
    };
    match field(map, key)? {
        ICRC3Value::Array(parts) => Some(Account {
            owner: Principal::from_slice(&blob(&parts[0])),
            subaccount: parts.get(1).map(|part| blob(part).try_into().unwrap()),
        }),
        other => panic!("{key} is {other}"),
    }
}

/// What an outsider does: follows the hashes from the tip's side and computes every balance from the blocks alone.
fn replay(ledger: &Ledger<VectorMemory>) -> BTreeMap<Account, u128> {
    let mut balances: BTreeMap<Account, u128> = BTreeMap::new();
    let mut parent = None;
    for index in 0..ledger.log_length() {
        let value = decode(&ledger.block(index).unwrap()).unwrap();
        let ICRC3Value::Map(block) = &value else {
            panic!("block {index} is no map")
        };
        let ICRC3Value::Map(tx) = &block["tx"] else {
            panic!("tx of block {index} is no map")
        };
        match (field(block, "phash"), parent) {
            (None, None) => {}
            (Some(ICRC3Value::Blob(hash)), Some(parent)) if hash[..] == parent => {}
            (have, expected) => panic!("phash of block {index} is {have:?}, not {expected:?}"),
        }
        let fee = number(block, "fee").or_else(|| number(tx, "fee")).unwrap_or(0);
        let amount = number(tx, "amt").unwrap();
        let moved = if tx["op"] == ICRC3Value::Text("approve".into()) {
            0
        } else {
            amount
        };
        if let Some(from) = read_account(tx, "from") {
            let balance = balances.get_mut(&from).unwrap();
            *balance = balance.checked_sub(moved + fee).unwrap();
        }
        if let Some(to) = read_account(tx, "to") {
            *balances.entry(to).or_default() += moved;
        }
        parent = Some(value.hash().to_vec());
    }
    assert_eq!(parent, ledger.tip_hash().map(Vec::from));
    balances
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn should_agree_with_the_model_at_every_step(steps in prop::collection::vec(step(), 300)) {
        let initial: Vec<_> = (1..=USERS).map(|n| (account(n), 100 * FEE)).collect();
        let memory = VectorMemory::default();
        let mut ledger = Ledger::install(memory.clone(), args(&initial), NOW).unwrap();
        let mut model = Model { balances: initial.iter().copied().collect(), blocks: USERS.into(), ..Model::default() };
        let mut now = NOW;
        let mut calls: Vec<(Principal, Call)> = Vec::new();
        for step in steps {
            match step {
                Step::Advance(by) => now += by,
                Step::Reload => ledger = Ledger::open(memory.clone(), None).map_err(TestCaseError::fail)?,
                Step::Prune => while ledger.prune(now, 3) {},
                Step::Call { caller, mut call, created, expires } => {
                    let at = |offset: i64| now.saturating_add_signed(offset);
                    match &mut call {
                        Call::Transfer(args) => args.created_at_time = created.map(at),
                        Call::TransferFrom(args) => args.created_at_time = created.map(at),
                        Call::Approve(args) => {
                            args.created_at_time = created.map(at);
                            args.expires_at = expires.map(at);
                        }
                    }
                    prop_assert_eq!(model.apply(caller, &call, now), run(&mut ledger, caller, &call, now), "{:?}", call);
                    calls.push((caller, call));
                }
                Step::Repeat(back) => if let Some((caller, call)) = calls.iter().rev().nth(back).cloned() {
                    prop_assert_eq!(model.apply(caller, &call, now), run(&mut ledger, caller, &call, now), "{:?}", call);
                }
            }
            compare(&model, &ledger, now)?;
        }
        let replayed = replay(&ledger);
        for (account, balance) in &model.balances {
            prop_assert_eq!(*balance, replayed.get(account).copied().unwrap_or(0));
        }
        prop_assert_eq!(replayed.values().sum::<u128>(), ledger.total_supply());
    }
}
