//! An account as a fixed-size key.

use std::borrow::Cow;

use candid::Principal;
use ic_stable_structures::{Storable, storable::Bound};
use icrc_ledger_types::icrc1::account::Account;

/// Bytes of an [`AccountKey`]: length of the owner, owner padded to 29 bytes, subaccount.
pub const ACCOUNT_KEY_BYTES: usize = 62;

/// An account, its absent subaccount read as 32 zeroes (ICRC-1, "account"). Sorted as `Account` is: by owner (shorter
/// principals first), then by subaccount, so that a principal's subaccounts lie side by side.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AccountKey(pub [u8; ACCOUNT_KEY_BYTES]);

impl From<&Account> for AccountKey {
    fn from(account: &Account) -> Self {
        let mut key = [0; ACCOUNT_KEY_BYTES];
        let owner = account.owner.as_slice();
        key[0] = u8::try_from(owner.len()).unwrap_or(u8::MAX); // A principal has at most 29 bytes.
        key[1..=owner.len()].copy_from_slice(owner);
        if let Some(subaccount) = &account.subaccount {
            key[30..].copy_from_slice(subaccount);
        }
        Self(key)
    }
}

impl AccountKey {
    /// Length and bytes of the owner: equal exactly for accounts of one owner.
    pub fn owner_bytes(&self) -> &[u8] {
        &self.0[..30]
    }

    /// The owner's account with the following subaccount, `None` after the last one.
    pub fn next_of_owner(&self) -> Option<Self> {
        let mut key = *self;
        for byte in key.0[30..].iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                return Some(key);
            }
        }
        None
    }

    /// The account that the key was made from; the default subaccount comes back as absent. `None` if the bytes are no
    /// account's.
    pub fn account(&self) -> Option<Account> {
        let owner = self.0.get(1..=usize::from(self.0[0]))?;
        let owner = Principal::try_from_slice(owner).ok()?;
        let subaccount: [u8; 32] = self.0[30..].try_into().ok()?;
        Some(Account {
            owner,
            subaccount: (subaccount != [0; 32]).then_some(subaccount),
        })
    }
}

impl Storable for AccountKey {
    const BOUND: Bound = Bound::Bounded {
        max_size: 62,
        is_fixed_size: true,
    };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }

    fn into_bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn from_bytes(bytes: Cow<[u8]>) -> Self {
        let mut key = [0; ACCOUNT_KEY_BYTES];
        key.copy_from_slice(&bytes);
        Self(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn account() -> impl Strategy<Value = Account> {
        (
            prop::collection::vec(any::<u8>(), 0..=29),
            prop::option::of(any::<[u8; 32]>()),
        )
            .prop_map(|(owner, subaccount)| Account {
                owner: Principal::from_slice(&owner),
                subaccount,
            })
    }

    proptest! {
        #[test]
        fn should_read_back_and_sort_as_the_account(a in account(), b in account()) {
            prop_assert_eq!(AccountKey::from(&a).account(), Some(a));
            prop_assert_eq!(AccountKey::from(&a).cmp(&AccountKey::from(&b)), a.cmp(&b));
        }
    }

    #[test]
    fn should_know_the_following_subaccount() {
        let key = |subaccount| {
            AccountKey::from(&Account {
                owner: Principal::management_canister(),
                subaccount: Some(subaccount),
            })
        };
        let with_end = |begin: u8, end: [u8; 2]| {
            let mut subaccount = [begin; 32];
            subaccount[30..].copy_from_slice(&end);
            key(subaccount)
        };
        assert_eq!(with_end(0, [0, 7]).next_of_owner(), Some(with_end(0, [0, 8])));
        assert_eq!(with_end(0, [0, 255]).next_of_owner(), Some(with_end(0, [1, 0])));
        assert_eq!(key([255; 32]).next_of_owner(), None);
    }

    /// ICRC-1, "Textual encoding of accounts": what wallets show and users paste. Absent and default subaccounts are one account
    /// and one text; leading zeroes are left out and come back.
    #[test]
    fn should_survive_its_text_in_every_subaccount_form() {
        let mut short = [0; 32];
        short[31] = 1;
        let mut inner = [0; 32];
        inner[15] = 0xa0;
        let forms = [
            None,
            Some([0; 32]),
            Some(short),
            Some(inner),
            Some([0xff; 32]),
            Some([1; 32]),
        ];
        for owner in [vec![], vec![4], vec![1; 10], vec![7; 29]] {
            for subaccount in forms {
                let account = Account {
                    owner: Principal::from_slice(&owner),
                    subaccount,
                };
                let text = account.to_string();
                let read: Account = text.parse().unwrap();
                assert_eq!(AccountKey::from(&read), AccountKey::from(&account), "{text}");
                assert_eq!(read.to_string(), text);
                let default = subaccount.unwrap_or_default() == [0; 32];
                assert_eq!(text.contains('.'), !default, "{text}");
                // A character changed is no account, or at least not this one.
                for at in 0..text.len() {
                    let mut changed = text.clone().into_bytes();
                    changed[at] = if changed[at] == b'a' { b'b' } else { b'a' };
                    let changed = String::from_utf8(changed).unwrap();
                    let read = changed.parse::<Account>().ok();
                    assert_ne!(
                        read.map(|read| AccountKey::from(&read)),
                        Some(AccountKey::from(&account)),
                        "{changed}"
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn should_survive_its_text(account in account()) {
            let read: Account = account.to_string().parse().unwrap();
            prop_assert_eq!(AccountKey::from(&read), AccountKey::from(&account));
        }
    }

    #[test]
    fn should_take_an_absent_subaccount_for_the_default_one() {
        let owner = Principal::management_canister();
        let absent = AccountKey::from(&Account {
            owner,
            subaccount: None,
        });
        assert_eq!(
            absent,
            AccountKey::from(&Account {
                owner,
                subaccount: Some([0; 32])
            })
        );
        assert_ne!(
            absent,
            AccountKey::from(&Account {
                owner,
                subaccount: Some([1; 32])
            })
        );
    }
}
