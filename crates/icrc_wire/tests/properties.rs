//! Random arguments, random damage to them, and random headers, each compared with `candid`.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

#[path = "common/compare.rs"]
mod compare;
#[path = "common/messages.rs"]
mod messages;

use std::sync::atomic::{AtomicUsize, Ordering};

use candid::{Encode, Principal};
use compare::{same_approve, same_transfer, same_transfer_from, taken};
use ddsx_icrc_wire::{decode_approve, decode_transfer, decode_transfer_from};
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::{Memo, TransferArg};
use icrc_ledger_types::icrc2::{approve::ApproveArgs, transfer_from::TransferFromArgs};
use messages::message;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn account() -> impl Strategy<Value = Account> {
    (vec(any::<u8>(), 0..=29), option::of(any::<[u8; 32]>())).prop_map(|(owner, subaccount)| Account {
        owner: Principal::from_slice(&owner),
        subaccount,
    })
}

/// Every length in bits, so every length of LEB128.
fn amount() -> impl Strategy<Value = u128> {
    (any::<u128>(), 0..128u32).prop_map(|(bits, shift)| bits >> shift)
}

fn memo() -> impl Strategy<Value = Option<Memo>> {
    option::of(vec(any::<u8>(), 0..200).prop_map(Memo::from))
}

prop_compose! {
    fn transfer()(
        from_subaccount in option::of(any::<[u8; 32]>()),
        to in account(),
        fee in option::of(amount()),
        created_at_time in any::<Option<u64>>(),
        memo in memo(),
        amount in amount(),
    ) -> TransferArg {
        TransferArg { from_subaccount, to, fee: fee.map(Into::into), created_at_time, memo, amount: amount.into() }
    }
}

prop_compose! {
    fn approve()(
        from_subaccount in option::of(any::<[u8; 32]>()),
        spender in account(),
        amount in amount(),
        expected_allowance in option::of(amount()),
        expires_at in any::<Option<u64>>(),
        fee in option::of(amount()),
        memo in memo(),
        created_at_time in any::<Option<u64>>(),
    ) -> ApproveArgs {
        ApproveArgs {
            from_subaccount,
            spender,
            amount: amount.into(),
            expected_allowance: expected_allowance.map(Into::into),
            expires_at,
            fee: fee.map(Into::into),
            memo,
            created_at_time,
        }
    }
}

prop_compose! {
    fn transfer_from()(
        spender_subaccount in option::of(any::<[u8; 32]>()),
        from in account(),
        to in account(),
        amount in amount(),
        fee in option::of(amount()),
        memo in memo(),
        created_at_time in any::<Option<u64>>(),
    ) -> TransferFromArgs {
        TransferFromArgs {
            spender_subaccount,
            from,
            to,
            amount: amount.into(),
            fee: fee.map(Into::into),
            memo,
            created_at_time,
        }
    }
}

fn encoded() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        transfer().prop_map(|args| Encode!(&args).unwrap()),
        approve().prop_map(|args| Encode!(&args).unwrap()),
        transfer_from().prop_map(|args| Encode!(&args).unwrap()),
    ]
}

#[derive(Clone, Debug)]
enum Damage {
    Flip(prop::sample::Index, u8),
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Cut(prop::sample::Index),
    /// The front of the message, up to a place, replaced by the front of another one.
    Splice(Vec<u8>, prop::sample::Index, prop::sample::Index),
}

impl Damage {
    fn apply(&self, message: &mut Vec<u8>) {
        // One more, so that the place is one of an empty message too, and the end is a place to insert at.
        let places = message.len() + 1;
        match self {
            Self::Flip(at, bit) => {
                if let Some(byte) = message.get_mut(at.index(places)) {
                    *byte ^= 1 << bit;
                }
            }
            Self::Set(at, value) => {
                if let Some(byte) = message.get_mut(at.index(places)) {
                    *byte = *value;
                }
            }
            Self::Insert(at, value) => message.insert(at.index(places), *value),
            Self::Remove(at) => {
                let at = at.index(places);
                if at < message.len() {
                    message.remove(at);
                }
            }
            Self::Cut(at) => message.truncate(at.index(places)),
            Self::Splice(other, theirs, ours) => {
                let front = &other[..theirs.index(other.len() + 1)];
                message.splice(..ours.index(places), front.iter().copied());
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        4 => (at(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        // Values that mean something in a header: types, counts, flags.
        4 => (at(), prop_oneof![0..16u8, 0x68..0x80u8, any::<u8>()]).prop_map(|(at, value)| Damage::Set(at, value)),
        2 => (at(), any::<u8>()).prop_map(|(at, value)| Damage::Insert(at, value)),
        2 => at().prop_map(Damage::Remove),
        1 => at().prop_map(Damage::Cut),
        2 => (encoded(), at(), at()).prop_map(|(other, theirs, ours)| Damage::Splice(other, theirs, ours)),
    ]
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn should_decode_every_transfer_that_candid_encodes(args in transfer()) {
        same_transfer(&decode_transfer(&Encode!(&args).unwrap()).unwrap(), &args);
    }

    #[test]
    fn should_decode_every_approval_that_candid_encodes(args in approve()) {
        same_approve(&decode_approve(&Encode!(&args).unwrap()).unwrap(), &args);
    }

    #[test]
    fn should_decode_every_transfer_from_that_candid_encodes(args in transfer_from()) {
        same_transfer_from(&decode_transfer_from(&Encode!(&args).unwrap()).unwrap(), &args);
    }

    #[test]
    fn should_never_take_random_bytes_for_a_call(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(taken(&bytes), [false; 3]);
    }
}

/// Runs `cases` of a property that gives whether a decoder took the message, and gives how many it took.
fn count_taken<S: Strategy>(cases: u32, strategy: S, property: impl Fn(S::Value) -> bool) -> usize {
    let taken = AtomicUsize::new(0);
    let mut runner = proptest::test_runner::TestRunner::new(config(cases));
    let result = runner.run(&strategy, |value| {
        taken.fetch_add(usize::from(property(value)), Ordering::Relaxed);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    taken.into_inner()
}

#[test]
fn should_agree_with_candid_on_damaged_messages() {
    let cases = 100_000;
    let taken = count_taken(cases, (encoded(), vec(damage(), 1..4)), |(mut message, damages)| {
        for damage in &damages {
            damage.apply(&mut message);
        }
        taken(&message).contains(&true)
    });
    println!("taken: {taken} of {cases} damaged messages");
    // Damage to a blob or a number leaves a message that is well formed: the comparison must have had work to do.
    assert!((5_000..95_000).contains(&taken), "{taken}");
}

#[test]
fn should_agree_with_candid_on_made_up_headers() {
    let cases = 100_000;
    let taken = count_taken(cases, vec(any::<u8>(), 0..300), |choices| {
        taken(&message(&choices)).contains(&true)
    });
    println!("taken: {taken} of {cases} messages with made-up headers");
    assert!((5_000..95_000).contains(&taken), "{taken}");
}
