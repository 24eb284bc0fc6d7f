//! A model ledger for unit tests: it keeps balances and allowances, charges and burns its fee,
//! mints and burns as ICRC-1 says, deduplicates, and looks at things in the order in which real
//! ledgers do. It also errs, or is down, where a test wants it.

use crate::intent::Failure;
use candid::{CandidType, Decode, Encode, Nat, Principal};
use ddsx_runtime::testing::{Message, TestRuntime};
use ddsx_runtime::{CallError, RejectCode};
use ddsx_types::{Account, TimestampNs};
use icrc_ledger_types::icrc1::transfer::{TransferArg, TransferError};
use icrc_ledger_types::icrc2::allowance::{Allowance, AllowanceArgs};
use icrc_ledger_types::icrc2::transfer_from::{TransferFromArgs, TransferFromError};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// How far a ledger lets `created_at_time` lie in its future, and how much longer than its window it remembers: 2 minutes.
const DRIFT_NS: u64 = 120 * 1_000_000_000;

/// A transfer as the ledger sees it: two that are equal in all of this are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Who asked for it by an allowance; absent if the payer did.
    pub spender: Option<Principal>,
    /// Who pays.
    pub from: Account,
    /// Who receives.
    pub to: Account,
    /// How much arrives.
    pub amount: u128,
    /// The fee stated.
    pub fee: Option<u128>,
    /// The memo.
    pub memo: Vec<u8>,
    /// The sender's time.
    pub created_at_time: Option<TimestampNs>,
}

/// Who owns the minting account of a fresh model ledger.
pub const MINTER: Principal = Principal::from_slice(&[0xff, 0xfe]);

struct Inner {
    fee: u128,
    minting_account: Option<Account>,
    decimals: u8,
    window_ns: u64,
    dedup_first: bool,
    balances: BTreeMap<Account, u128>,
    allowances: BTreeMap<(Account, Principal), u128>,
    blocks: Vec<(TimestampNs, Transfer)>,
    minted: u128,
    burnt: u128,
    errors: VecDeque<Failure>,
    down: Option<RejectCode>,
}

/// As `icrc1_supported_standards` has it.
#[derive(CandidType)]
struct Standard {
    name: String,
    url: String,
}

/// A ledger; clones are the same one.
#[derive(Clone)]
pub struct ModelLedger(Rc<RefCell<Inner>>);

enum Refusal {
    Duplicate(usize),
    Failure(Failure),
}

impl ModelLedger {
    /// An empty ledger with a window of 24 hours, living at `id` in the world of `runtime`.
    pub fn install(runtime: &TestRuntime, id: Principal, fee: u128, dedup_first: bool) -> Self {
        let ledger = Self(Rc::new(RefCell::new(Inner {
            fee,
            minting_account: Some(MINTER.into()),
            decimals: 8,
            window_ns: crate::DEFAULT_WINDOW_NS,
            dedup_first,
            balances: BTreeMap::new(),
            allowances: BTreeMap::new(),
            blocks: Vec::new(),
            minted: 0,
            burnt: 0,
            errors: VecDeque::new(),
            down: None,
        })));
        let behaviour = ledger.clone();
        runtime.install(id, move |message| behaviour.0.borrow_mut().answer(message));
        ledger
    }

    /// Makes money.
    pub fn mint(&self, to: Account, amount: u128) {
        let mut inner = self.0.borrow_mut();
        *inner.balances.entry(to).or_default() += amount;
        inner.minted += amount;
    }

    /// Lets `spender` take up to `amount`, fees included.
    pub fn approve(&self, from: Account, spender: Principal, amount: u128) {
        self.0.borrow_mut().allowances.insert((from, spender), amount);
    }

    /// Changes the fee.
    pub fn set_fee(&self, fee: u128) {
        self.0.borrow_mut().fee = fee;
    }

    /// Changes the minting account.
    pub fn set_minting_account(&self, account: Option<Account>) {
        self.0.borrow_mut().minting_account = account;
    }

    /// The next transfer that reaches the ledger is refused with this, before it looks at anything.
    pub fn refuse_next(&self, failure: Failure) {
        self.0.borrow_mut().errors.push_back(failure);
    }

    /// From now on the ledger rejects every call with this code and executes none; with `None` it is up again.
    pub fn set_down(&self, down: Option<RejectCode>) {
        self.0.borrow_mut().down = down;
    }

    /// Forgets the errors asked for, and is up.
    pub fn calm(&self) {
        let mut inner = self.0.borrow_mut();
        inner.errors.clear();
        inner.down = None;
    }

    /// What an account holds.
    pub fn balance(&self, account: Account) -> u128 {
        self.0.borrow().balances.get(&account).copied().unwrap_or(0)
    }

    /// All transfers executed, in order; their places are the block numbers.
    pub fn transfers(&self) -> Vec<Transfer> {
        self.0
            .borrow()
            .blocks
            .iter()
            .map(|(_, transfer)| transfer.clone())
            .collect()
    }

    /// Blocks with this memo.
    pub fn find(&self, memo: &[u8]) -> Vec<u128> {
        let inner = self.0.borrow();
        (0..)
            .zip(&inner.blocks)
            .filter(|(_, (_, transfer))| transfer.memo == memo)
            .map(|(block, _)| block)
            .collect()
    }

    /// Whether what was minted is held or was burnt as fees, to the last unit.
    pub fn is_conserved(&self) -> bool {
        let inner = self.0.borrow();
        inner.balances.values().sum::<u128>() + inner.burnt == inner.minted
    }
}

impl Inner {
    fn answer(&mut self, message: &Message) -> Result<Vec<u8>, CallError> {
        if let Some(code) = self.down {
            return Err(CallError::Rejected {
                code,
                message: "the ledger is down".into(),
            });
        }
        let malformed = |error: candid::Error| CallError::Rejected {
            code: RejectCode::CanisterError,
            message: format!("trapped: {error}"),
        };
        let reply = match message.method.as_str() {
            "icrc1_fee" => Encode!(&Nat::from(self.fee)),
            "icrc1_decimals" => Encode!(&self.decimals),
            "icrc1_minting_account" => Encode!(&self.minting_account),
            "icrc1_supported_standards" => {
                let standard = |name: &str| Standard {
                    name: name.to_string(),
                    url: String::new(),
                };
                Encode!(&vec![standard("ICRC-1"), standard("ICRC-2")])
            }
            "icrc2_allowance" => {
                let arg = Decode!(&message.arguments, AllowanceArgs).map_err(malformed)?;
                let allowance = self.allowances.get(&(arg.account, arg.spender.owner));
                Encode!(&Allowance {
                    allowance: Nat::from(allowance.copied().unwrap_or(0)),
                    expires_at: None,
                })
            }
            "icrc1_balance_of" => {
                let account = Decode!(&message.arguments, Account).map_err(malformed)?;
                Encode!(&Nat::from(self.balances.get(&account).copied().unwrap_or(0)))
            }
            "icrc1_transfer" => {
                let transfer = Decode!(&message.arguments, TransferArg).map_err(malformed)?;
                Encode!(&self.transfer(message, transfer))
            }
            "icrc2_transfer_from" => {
                let transfer = Decode!(&message.arguments, TransferFromArgs).map_err(malformed)?;
                Encode!(&self.transfer_from(message, transfer))
            }
            other => {
                return Err(CallError::Rejected {
                    code: RejectCode::CanisterError,
                    message: format!("no method {other}"),
                });
            }
        };
        reply.map_err(malformed)
    }

    fn transfer(&mut self, message: &Message, arg: TransferArg) -> Result<Nat, TransferError> {
        let transfer = Transfer {
            spender: None,
            from: Account {
                owner: message.caller,
                subaccount: arg.from_subaccount,
            },
            to: arg.to,
            amount: small(&arg.amount),
            fee: arg.fee.as_ref().map(small),
            memo: arg.memo.map(|memo| memo.0.into_vec()).unwrap_or_default(),
            created_at_time: arg.created_at_time,
        };
        self.execute(message.time, transfer)
            .map(Nat::from)
            .map_err(|refusal| match refusal {
                Refusal::Duplicate(block) => TransferError::Duplicate {
                    duplicate_of: block.into(),
                },
                Refusal::Failure(failure) => push_error(failure),
            })
    }

    fn transfer_from(&mut self, message: &Message, arg: TransferFromArgs) -> Result<Nat, TransferFromError> {
        let transfer = Transfer {
            spender: Some(message.caller),
            from: arg.from,
            to: arg.to,
            amount: small(&arg.amount),
            fee: arg.fee.as_ref().map(small),
            memo: arg.memo.map(|memo| memo.0.into_vec()).unwrap_or_default(),
            created_at_time: arg.created_at_time,
        };
        self.execute(message.time, transfer)
            .map(Nat::from)
            .map_err(|refusal| match refusal {
                Refusal::Duplicate(block) => TransferFromError::Duplicate {
                    duplicate_of: block.into(),
                },
                Refusal::Failure(Failure::InsufficientAllowance { allowance }) => {
                    TransferFromError::InsufficientAllowance {
                        allowance: allowance.into(),
                    }
                }
                Refusal::Failure(failure) => pull_error(failure),
            })
    }

    fn execute(&mut self, now: TimestampNs, transfer: Transfer) -> Result<usize, Refusal> {
        if let Some(failure) = self.errors.pop_front() {
            return Err(Refusal::Failure(failure));
        }
        let is_minter = |account: Account| self.minting_account == Some(account);
        let (mint, burn) = (is_minter(transfer.from), is_minter(transfer.to));
        if mint && (burn || transfer.spender.is_some()) {
            let message = "the minting account cannot do this".to_string();
            return Err(Refusal::Failure(Failure::Generic { code: 0, message }));
        }
        let expected_fee = if mint || burn { 0 } else { self.fee };
        if transfer.fee.is_some_and(|fee| fee != expected_fee) {
            return Err(Refusal::Failure(Failure::BadFee { expected_fee }));
        }
        if burn && transfer.amount < self.fee {
            let min_burn_amount = self.fee;
            return Err(Refusal::Failure(Failure::BadBurn { min_burn_amount }));
        }
        let total = transfer.amount.checked_add(expected_fee).filter(|_| !mint);
        if self.dedup_first {
            self.deduplicate(now, &transfer)?;
            self.check_means(&transfer, mint, total)?;
        } else {
            self.check_means(&transfer, mint, total)?;
            self.deduplicate(now, &transfer)?;
        }
        let total = total.unwrap_or(0);
        if mint {
            self.minted += transfer.amount;
        } else {
            *self.balances.entry(transfer.from).or_default() -= total;
        }
        if burn {
            self.burnt += transfer.amount;
        } else {
            *self.balances.entry(transfer.to).or_default() += transfer.amount;
        }
        self.burnt += expected_fee;
        if let Some(spender) = transfer.spender {
            *self.allowances.entry((transfer.from, spender)).or_default() -= total;
        }
        self.blocks.push((now, transfer));
        Ok(self.blocks.len() - 1)
    }

    fn deduplicate(&self, now: TimestampNs, transfer: &Transfer) -> Result<(), Refusal> {
        let Some(created) = transfer.created_at_time else {
            return Ok(());
        };
        if created + self.window_ns < now {
            return Err(Refusal::Failure(Failure::TooOld));
        }
        if created > now + DRIFT_NS {
            return Err(Refusal::Failure(Failure::CreatedInFuture { ledger_time: now }));
        }
        let remembered = |at: TimestampNs| at + self.window_ns + DRIFT_NS >= now;
        match self
            .blocks
            .iter()
            .position(|(at, block)| remembered(*at) && block == transfer)
        {
            Some(block) => Err(Refusal::Duplicate(block)),
            None => Ok(()),
        }
    }

    /// Whether the payer has `total`; `None` is more than anybody has. A mint needs nothing.
    fn check_means(&self, transfer: &Transfer, mint: bool, total: Option<u128>) -> Result<(), Refusal> {
        if mint {
            return Ok(());
        }
        if let Some(spender) = transfer.spender {
            let allowance = self.allowances.get(&(transfer.from, spender)).copied().unwrap_or(0);
            if total.is_none_or(|total| allowance < total) {
                return Err(Refusal::Failure(Failure::InsufficientAllowance { allowance }));
            }
        }
        let balance = self.balances.get(&transfer.from).copied().unwrap_or(0);
        if total.is_none_or(|total| balance < total) {
            return Err(Refusal::Failure(Failure::InsufficientFunds { balance }));
        }
        Ok(())
    }
}

fn small(amount: &Nat) -> u128 {
    u128::try_from(amount.0.clone()).expect("a test's amount fits 128 bits")
}

fn push_error(failure: Failure) -> TransferError {
    match failure {
        Failure::BadFee { expected_fee } => TransferError::BadFee {
            expected_fee: expected_fee.into(),
        },
        Failure::BadBurn { min_burn_amount } => TransferError::BadBurn {
            min_burn_amount: min_burn_amount.into(),
        },
        Failure::InsufficientFunds { balance } => TransferError::InsufficientFunds {
            balance: balance.into(),
        },
        Failure::TooOld => TransferError::TooOld,
        Failure::CreatedInFuture { ledger_time } => TransferError::CreatedInFuture { ledger_time },
        Failure::TemporarilyUnavailable => TransferError::TemporarilyUnavailable,
        Failure::Generic { code, message } => TransferError::GenericError {
            error_code: code.into(),
            message,
        },
        other => TransferError::GenericError {
            error_code: 0_u8.into(),
            message: other.to_string(),
        },
    }
}

fn pull_error(failure: Failure) -> TransferFromError {
    match push_error(failure) {
        TransferError::BadFee { expected_fee } => TransferFromError::BadFee { expected_fee },
        TransferError::BadBurn { min_burn_amount } => TransferFromError::BadBurn { min_burn_amount },
        TransferError::InsufficientFunds { balance } => TransferFromError::InsufficientFunds { balance },
        TransferError::TooOld => TransferFromError::TooOld,
        TransferError::CreatedInFuture { ledger_time } => TransferFromError::CreatedInFuture { ledger_time },
        TransferError::Duplicate { duplicate_of } => TransferFromError::Duplicate { duplicate_of },
        TransferError::TemporarilyUnavailable => TransferFromError::TemporarilyUnavailable,
        TransferError::GenericError { error_code, message } => TransferFromError::GenericError { error_code, message },
    }
}
