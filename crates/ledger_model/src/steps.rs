//! Random calls, time that moves, and what happens in between.

use candid::{Nat, Principal};
use ddsx_types::dst_ledger::{MintArgs, SetMinterArgs};
use icrc_ledger_types::icrc1::account::{Account, Subaccount};
use icrc_ledger_types::icrc1::transfer::{Memo, TransferArg};
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use icrc_ledger_types::icrc2::transfer_from::TransferFromArgs;
use proptest::prelude::*;
use proptest::sample::select;

use crate::{FEE, MAX_SUPPLY, MEMO_LIMIT, USERS, account, user};

/// The transaction window: 24 h, in nanoseconds.
pub const WINDOW_NS: u64 = 24 * 60 * 60 * 1_000_000_000;
/// The drift permitted: 2 min, in nanoseconds.
pub const DRIFT_NS: u64 = 2 * 60 * 1_000_000_000;

/// A call that may change the ledger.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "named as the methods")]
pub enum Call {
    Transfer(TransferArg),
    Approve(ApproveArgs),
    TransferFrom(TransferFromArgs),
    Mint(MintArgs),
    SetFee(Nat),
    SetFeeCollector(Option<Account>),
    SetMinter(SetMinterArgs),
}

impl Call {
    /// Sets the times that the call names.
    pub fn set_times(&mut self, created_at_time: Option<u64>, expiry: Option<u64>) {
        match self {
            Self::Transfer(args) => args.created_at_time = created_at_time,
            Self::TransferFrom(args) => args.created_at_time = created_at_time,
            Self::Mint(args) => args.created_at_time = created_at_time,
            Self::Approve(args) => {
                args.created_at_time = created_at_time;
                args.expires_at = expiry;
            }
            Self::SetFee(_) | Self::SetFeeCollector(_) | Self::SetMinter(_) => {}
        }
    }
}

/// One step of a random run.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly every step is a call")]
pub enum Step {
    /// A call. Its times are offsets from the ledger's time when the step runs, nanoseconds.
    Call {
        /// Who calls.
        caller: Principal,
        /// What.
        call: Call,
        /// For `created_at_time`.
        created: Option<i64>,
        /// For `expires_at`.
        expires: Option<i64>,
    },
    /// The `n`th last call again, to the letter.
    Repeat(usize),
    /// Time moves by so many nanoseconds.
    Advance(u64),
    /// The ledger is taken down and opened again: an upgrade.
    Reload,
    /// The ledger keeps house.
    Prune,
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

fn memo() -> impl Strategy<Value = Option<Memo>> {
    let lengths = prop_oneof![6 => 0..=MEMO_LIMIT, 1 => select(vec![MEMO_LIMIT + 1, 80, 81, 3000])];
    prop::option::of(lengths.prop_map(|length| vec![1; length].into()))
}

fn caller() -> impl Strategy<Value = Principal> {
    prop_oneof![
        2 => Just(user(0)),
        20 => (1..=USERS).prop_map(user),
        1 => Just(Principal::anonymous())
    ]
}

fn transaction() -> impl Strategy<Value = Call> {
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
    let mint = (any_account(), amount(), memo()).prop_map(|(to, amount, memo)| {
        Call::Mint(MintArgs {
            to,
            amount,
            memo,
            created_at_time: None,
        })
    });
    prop_oneof![6 => transfer, 6 => approve, 8 => transfer_from, 2 => mint]
}

fn governed() -> impl Strategy<Value = (Principal, Call)> {
    let governor = || prop_oneof![6 => Just(user(0)), 1 => caller()];
    let fees = prop_oneof![
        3 => Just(Nat::from(FEE)),
        1 => select(vec![0, 1, FEE + 1, u128::MAX]).prop_map(Nat::from),
        1 => Just(Nat::from(u128::MAX) + 1_u8)
    ];
    let collector = prop_oneof![
        3 => any_account().prop_map(Some),
        2 => Just(None),
        1 => Just(Some(Account::from(Principal::anonymous())))
    ];
    let capped = (caller(), amount()).prop_map(|(minter, cap)| SetMinterArgs::Capped { minter, cap });
    let minter = prop_oneof![
        2 => any_account().prop_map(SetMinterArgs::MintingAccount),
        // Back to where it was, so that most steps mint and burn.
        2 => Just(SetMinterArgs::MintingAccount(account(0))),
        4 => capped
    ];
    prop_oneof![
        3 => (governor(), fees).prop_map(|(caller, fee)| (caller, Call::SetFee(fee))),
        2 => (governor(), collector).prop_map(|(caller, collector)| (caller, Call::SetFeeCollector(collector))),
        3 => (governor(), minter).prop_map(|(caller, minter)| (caller, Call::SetMinter(minter))),
    ]
}

#[allow(clippy::cast_possible_wrap, reason = "durations of a day fit")]
fn step() -> impl Strategy<Value = Step> {
    const MINUTE: i64 = 60_000_000_000;
    let edge = (WINDOW_NS + DRIFT_NS) as i64;
    let drift = DRIFT_NS as i64;
    let created = prop_oneof![
        3 => Just(None),
        3 => select(vec![0, -1, 1, -MINUTE]).prop_map(Some),
        1 => select(vec![drift, drift + 1, -edge, -edge - 1]).prop_map(Some),
    ];
    let expires = prop_oneof![4 => Just(None), 3 => select(vec![-1, 0, 1, MINUTE, i64::MAX]).prop_map(Some)];
    prop_oneof![
        32 => (caller(), transaction(), created, expires)
            .prop_map(|(caller, call, created, expires)| Step::Call { caller, call, created, expires }),
        1 => governed().prop_map(|(caller, call)| Step::Call { caller, call, created: None, expires: None }),
        6 => (0..6_usize).prop_map(Step::Repeat),
        4 => select(vec![1, 60_000_000_000, WINDOW_NS / 3, WINDOW_NS + DRIFT_NS])
            .prop_map(Step::Advance),
        2 => Just(Step::Reload),
        2 => Just(Step::Prune),
    ]
}

/// So many random steps.
pub fn steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), count)
}
