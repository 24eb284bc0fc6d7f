//! Allowances by (owner's account number, spender's account number), and the queue in which they expire.
//!
//! ```text
//! key 16 bytes: owner, spender (big-endian, so that an owner's allowances lie side by side)
//! record 32 bytes: 0 version (1) · 1 whether it expires (0 or 1) · 8 expiry in nanoseconds · 16 amount (little-endian)
//! queue 24 bytes: expiry, owner, spender (big-endian)
//! ```
//! The queue has an entry exactly for each stored allowance that expires.

use std::borrow::Cow;

use ic_stable_structures::{Memory, StableBTreeMap, StableBTreeSet, Storable, storable::Bound};

use super::accounts::AccountNumber;

const VERSION: u8 = 1;

/// What a spender may still take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredAllowance {
    /// Smallest units; never 0 in a stored record.
    pub amount: u128,
    /// From this time on the allowance is gone, nanoseconds.
    pub expires_at: Option<u64>,
}

impl Storable for StoredAllowance {
    const BOUND: Bound = Bound::Bounded {
        max_size: 32,
        is_fixed_size: true,
    };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.into_bytes())
    }

    fn into_bytes(self) -> Vec<u8> {
        let mut bytes = vec![0; 32];
        bytes[0] = VERSION;
        bytes[1] = self.expires_at.is_some().into();
        bytes[8..16].copy_from_slice(&self.expires_at.unwrap_or_default().to_le_bytes());
        bytes[16..].copy_from_slice(&self.amount.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: Cow<[u8]>) -> Self {
        assert_eq!(bytes[0], VERSION, "an allowance of an unknown version");
        let expires_at = u64::from_le_bytes(std::array::from_fn(|i| bytes[8 + i]));
        Self {
            amount: u128::from_le_bytes(std::array::from_fn(|i| bytes[16 + i])),
            expires_at: (bytes[1] == 1).then_some(expires_at),
        }
    }
}

type Pair = (AccountNumber, AccountNumber);

fn pair_key((owner, spender): Pair) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&owner.to_be_bytes());
    key[8..].copy_from_slice(&spender.to_be_bytes());
    key
}

fn expiry_key(expires_at: u64, pair: Pair) -> [u8; 24] {
    let mut key = [0; 24];
    key[..8].copy_from_slice(&expires_at.to_be_bytes());
    key[8..].copy_from_slice(&pair_key(pair));
    key
}

/// All allowances.
pub struct Allowances<M: Memory> {
    allowances: StableBTreeMap<[u8; 16], StoredAllowance, M>,
    expiries: StableBTreeSet<[u8; 24], M>,
}

impl<M: Memory> Allowances<M> {
    pub(super) fn open(allowances: M, expiries: M) -> Self {
        Self {
            allowances: StableBTreeMap::init(allowances),
            expiries: StableBTreeSet::init(expiries),
        }
    }

    /// Allowances stored, those not pruned yet included.
    pub fn len(&self) -> u64 {
        self.allowances.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.allowances.is_empty()
    }

    /// Those that expire one day.
    pub fn expiring(&self) -> u64 {
        self.expiries.len()
    }

    /// What the spender may take at `now`; an expired allowance is none.
    pub fn active(&self, owner: AccountNumber, spender: AccountNumber, now: u64) -> Option<StoredAllowance> {
        self.allowances
            .get(&pair_key((owner, spender)))
            .filter(|allowance| allowance.expires_at.is_none_or(|expiry| expiry > now))
    }

    /// Whether an account has given any allowance that has not expired at `now`.
    pub fn any_of(&self, owner: AccountNumber, now: u64) -> bool {
        self.of(owner)
            .any(|(_, allowance)| allowance.expires_at.is_none_or(|expiry| expiry > now))
    }

    /// The allowances that an account has given, by the spenders' numbers, those not pruned yet included.
    pub fn of(&self, owner: AccountNumber) -> impl Iterator<Item = (AccountNumber, StoredAllowance)> + '_ {
        let range = pair_key((owner, 0))..=pair_key((owner, AccountNumber::MAX));
        self.allowances.range(range).map(|entry| {
            let (key, allowance) = entry.into_pair();
            (u64::from_be_bytes(std::array::from_fn(|i| key[8 + i])), allowance)
        })
    }

    /// Sets an allowance in place of what was there; an amount of 0 removes it.
    pub fn set(&mut self, owner: AccountNumber, spender: AccountNumber, allowance: StoredAllowance) {
        let pair = (owner, spender);
        let before = if allowance.amount == 0 {
            self.allowances.remove(&pair_key(pair))
        } else {
            self.allowances.insert(pair_key(pair), allowance)
        };
        let expiry_before = before.and_then(|before| before.expires_at);
        let expiry_after = allowance.expires_at.filter(|_| allowance.amount > 0);
        if expiry_before != expiry_after {
            if let Some(expiry) = expiry_before {
                self.expiries.remove(&expiry_key(expiry, pair));
            }
            if let Some(expiry) = expiry_after {
                self.expiries.insert(expiry_key(expiry, pair));
            }
        }
    }

    /// Forgets at most `limit` allowances that have expired at `now`; returns how many.
    pub fn prune(&mut self, now: u64, limit: usize) -> usize {
        let mut pruned = 0;
        while pruned < limit {
            let Some(first) = self.expiries.first() else { break };
            let expiry = u64::from_be_bytes(std::array::from_fn(|i| first[i]));
            if expiry > now {
                break;
            }
            self.expiries.remove(&first);
            self.allowances.remove(&std::array::from_fn(|i| first[8 + i]));
            pruned += 1;
        }
        pruned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_stable_structures::VectorMemory;

    fn allowance(amount: u128, expires_at: Option<u64>) -> StoredAllowance {
        StoredAllowance { amount, expires_at }
    }

    #[test]
    fn should_keep_one_queue_entry_for_each_expiring_allowance() {
        let mut allowances = Allowances::open(VectorMemory::default(), VectorMemory::default());
        allowances.set(1, 2, allowance(5, Some(100)));
        allowances.set(1, 2, allowance(6, Some(200)));
        allowances.set(1, 3, allowance(7, None));
        allowances.set(2, 1, allowance(8, Some(u64::MAX)));
        assert_eq!((allowances.len(), allowances.expiring()), (3, 2));
        assert_eq!(allowances.active(1, 2, 199), Some(allowance(6, Some(200))));
        assert_eq!(allowances.active(1, 2, 200), None);
        assert_eq!(allowances.prune(199, 10), 0);
        assert_eq!(allowances.prune(200, 10), 1);
        assert_eq!(allowances.active(1, 3, u64::MAX), Some(allowance(7, None)));
        allowances.set(2, 1, allowance(0, None));
        assert_eq!((allowances.len(), allowances.expiring()), (1, 0));
    }

    #[test]
    fn should_prune_in_slices() {
        let mut allowances = Allowances::open(VectorMemory::default(), VectorMemory::default());
        for spender in 0..25 {
            allowances.set(0, spender, allowance(1, Some(spender)));
        }
        assert_eq!(
            [
                allowances.prune(30, 10),
                allowances.prune(30, 10),
                allowances.prune(30, 10)
            ],
            [10, 10, 5]
        );
        assert!(allowances.is_empty());
    }

    #[test]
    fn should_decode_version_1() {
        let mut bytes = vec![0; 32];
        (bytes[0], bytes[1], bytes[8], bytes[16]) = (1, 1, 7, 9);
        assert_eq!(StoredAllowance::from_bytes(bytes.clone().into()), allowance(9, Some(7)));
        assert_eq!(allowance(9, Some(7)).into_bytes(), bytes);
    }
}
