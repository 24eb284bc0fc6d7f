//! `mint`: mints by those whom governance lets, each up to a cap of its own.

use candid::Principal;
use ddsx_types::dst_ledger::{MintArgs, MintError};
use ic_stable_structures::Memory;

use super::Ledger;
use super::failure::Failure;
use super::request::Quantity;
use super::window::{Remember, check_memo_length};
use super::working_set::WorkingSet;
use crate::block::{KnownHashes, Transaction, minters_hash};
use crate::config::{CappedMinter, MAX_MEMO_BYTES};

impl<M: Memory> Ledger<M> {
    /// The governed `mint` at time `now` (nanoseconds): one more `1mint` block, on behalf of a minter that is not the minting
    /// account. Returns its index.
    pub fn mint(&mut self, caller: Principal, args: MintArgs, now: u64) -> Result<u64, MintError> {
        let at = self.config.minters.iter().position(|minter| minter.minter == caller);
        let at = at.ok_or(MintError::NotAMinter)?;
        if args.amount == 0_u8 {
            return Err(MintError::BadRequest("the amount is 0, at least 1 is needed".into()));
        }
        self.execute_mint(at, args, now).map_err(MintError::from)
    }

    /// Mints for the minter at place `at` of the settings.
    fn execute_mint(&mut self, at: usize, args: MintArgs, now: u64) -> Result<u64, Failure> {
        self.refuse_until_ready()?;
        let CappedMinter { minter, cap, minted } = self.config.minters[at];
        let over_cap = Failure::OverMinterCap {
            left: cap.saturating_sub(minted),
        };
        // No cap is as large as this, so it was never done before.
        let Quantity::Of(amount) = Quantity::from(&args.amount) else {
            return Err(over_cap);
        };
        if args.to == self.config.minting_account {
            return Err(Failure::BothEndsMint);
        }
        let memo = args.memo.map(|memo| memo.0.into_vec());
        check_memo_length(memo.as_deref(), MAX_MEMO_BYTES)?;
        let mut set = WorkingSet::new();
        let part = self.enlist(&mut set, &args.to);
        let transaction = Transaction::mint(args.to, amount, memo, args.created_at_time);
        let known = KnownHashes {
            to: Some(set.hash(part, &args.to)),
            ..KnownHashes::default()
        };
        let hash = transaction.hash_with(&known);
        let remembered = self.deduplicate(args.created_at_time, &minters_hash(&hash, &minter), now)?;
        // It remembered a mint by its `tx` alone, whoever had asked for it.
        self.refuse_done_by_older_code(args.created_at_time, &hash)?;
        self.check_memo(transaction.memo.as_deref())?;
        if amount > cap.saturating_sub(minted) {
            return Err(over_cap);
        }
        self.mint_to(&mut set, part, amount)?;
        let mut config = self.config.clone();
        config.minters[at].minted += amount;
        // Encoding the settings cannot fail: only a figure in them has changed.
        let _ = self.set_config(config);
        let remember = remembered.map(|remember| Remember {
            minter: Some(minter),
            ..remember
        });
        Ok(self.commit(&mut set, transaction, &hash, remember, None, now))
    }
}
