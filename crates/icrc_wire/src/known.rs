//! The headers of known clients, each with the expected types throughout, so that their values are read without a look
//! at the table. First Rust's `candid` (ic-agent, canisters in Rust), then JavaScript's `@icp-sdk/core`.
//!
//! The tests below compare them with what both encoders write.

use crate::read::Reader;

/// `icrc1_transfer`.
pub(crate) const TRANSFER: [&[u8]; 2] = [
    b"DIDL\x06\x6c\x06\xfb\xca\x01\x01\xc6\xfc\xb6\x02\x04\xba\x89\xe5\xc2\x04\x02\xa2\xde\x94\xeb\x06\x02\x82\xf3\xf3\x91\x0c\x05\xd8\xa3\x8c\xa8\x0d\x7d\x6c\x02\xb3\xb0\xda\xc3\x03\x68\xad\x86\xca\x83\x05\x02\x6e\x03\x6d\x7b\x6e\x7d\x6e\x78\x01\x00",
    b"DIDL\x06\x6d\x7b\x6e\x00\x6c\x02\xb3\xb0\xda\xc3\x03\x68\xad\x86\xca\x83\x05\x01\x6e\x7d\x6e\x78\x6c\x06\xfb\xca\x01\x02\xc6\xfc\xb6\x02\x03\xba\x89\xe5\xc2\x04\x01\xa2\xde\x94\xeb\x06\x01\x82\xf3\xf3\x91\x0c\x04\xd8\xa3\x8c\xa8\x0d\x7d\x01\x05",
];
/// `icrc2_approve`.
pub(crate) const APPROVE: [&[u8]; 2] = [
    b"DIDL\x06\x6c\x08\xc6\xfc\xb6\x02\x01\xba\x89\xe5\xc2\x04\x02\xa2\xde\x94\xeb\x06\x02\x82\xf3\xf3\x91\x0c\x04\xd8\xa3\x8c\xa8\x0d\x7d\x91\x9c\x9c\xbf\x0d\x01\xde\xa7\xf7\xda\x0d\x04\xcb\x96\xdc\xb4\x0e\x05\x6e\x7d\x6e\x03\x6d\x7b\x6e\x78\x6c\x02\xb3\xb0\xda\xc3\x03\x68\xad\x86\xca\x83\x05\x02\x01\x00",
    b"DIDL\x06\x6e\x7d\x6d\x7b\x6e\x01\x6e\x78\x6c\x02\xb3\xb0\xda\xc3\x03\x68\xad\x86\xca\x83\x05\x02\x6c\x08\xc6\xfc\xb6\x02\x00\xba\x89\xe5\xc2\x04\x02\xa2\xde\x94\xeb\x06\x02\x82\xf3\xf3\x91\x0c\x03\xd8\xa3\x8c\xa8\x0d\x7d\x91\x9c\x9c\xbf\x0d\x00\xde\xa7\xf7\xda\x0d\x03\xcb\x96\xdc\xb4\x0e\x04\x01\x05",
];
/// `icrc2_transfer_from`.
pub(crate) const TRANSFER_FROM: [&[u8]; 2] = [
    b"DIDL\x06\x6c\x07\xfb\xca\x01\x01\xc6\xfc\xb6\x02\x04\xe1\x85\xc1\x94\x02\x02\xea\xca\x8a\x9e\x04\x01\xba\x89\xe5\xc2\x04\x02\x82\xf3\xf3\x91\x0c\x05\xd8\xa3\x8c\xa8\x0d\x7d\x6c\x02\xb3\xb0\xda\xc3\x03\x68\xad\x86\xca\x83\x05\x02\x6e\x03\x6d\x7b\x6e\x7d\x6e\x78\x01\x00",
    b"DIDL\x06\x6d\x7b\x6e\x00\x6c\x02\xb3\xb0\xda\xc3\x03\x68\xad\x86\xca\x83\x05\x01\x6e\x7d\x6e\x78\x6c\x07\xfb\xca\x01\x02\xc6\xfc\xb6\x02\x03\xe1\x85\xc1\x94\x02\x01\xea\xca\x8a\x9e\x04\x02\xba\x89\xe5\xc2\x04\x01\x82\xf3\xf3\x91\x0c\x04\xd8\xa3\x8c\xa8\x0d\x7d\x01\x05",
];

/// What follows the header, where it is one of the `known`.
#[inline]
pub(crate) fn after_known_header<'a>(bytes: &'a [u8], known: &[&[u8]; 2]) -> Option<Reader<'a>> {
    known.iter().find_map(|header| {
        let (start, values) = bytes.split_at_checked(header.len())?;
        equal(start, header).then(|| Reader::new(values))
    })
}

/// Whether two slices of one length are equal: eight bytes a step, where Wasm's `memcmp` takes one.
#[inline]
fn equal(a: &[u8], b: &[u8]) -> bool {
    let (a_words, a_rest) = a.as_chunks::<8>();
    let (b_words, b_rest) = b.as_chunks::<8>();
    let words = a_words.iter().zip(b_words);
    a_rest == b_rest
        && words
            .into_iter()
            .all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
}

#[cfg(test)]
mod tests {
    use candid::{CandidType, Encode, Principal};
    use icrc_ledger_types::icrc1::account::Account;
    use icrc_ledger_types::icrc1::transfer::TransferArg;
    use icrc_ledger_types::icrc2::{approve::ApproveArgs, transfer_from::TransferFromArgs};

    use super::*;
    use crate::header::{self, Expected, Wire};

    const NOBODY: Account = Account {
        owner: Principal::management_canister(),
        subaccount: None,
    };

    /// The known header that a message begins with, by its place among the known ones.
    fn place(message: &[u8], known: &[&[u8]; 2]) -> Option<usize> {
        known.iter().position(|header| message.starts_with(header))
    }

    fn assert_known<const N: usize>(
        method: &str,
        known: &[&[u8]; 2],
        expected: &[Expected; N],
        rust: &impl CandidType,
    ) {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../vectors/vectors.json")).unwrap();
        let calls = vectors["calls"].as_array().unwrap();
        let mut messages = vec![(0, Encode!(rust).unwrap())];
        for call in calls.iter().filter(|call| call["method"] == method) {
            messages.push((1, hex::decode(call["encoded"].as_str().unwrap()).unwrap()));
        }
        assert_eq!(messages.len(), 13);

        for (client, message) in messages {
            assert_eq!(place(&message, known), Some(client), "{method}");
            let quick = after_known_header(&message, known).unwrap();
            let (plan, parsed) = header::parse(&message, expected).unwrap();
            assert_eq!(plan, [Wire::Same; N], "{method}");
            assert_eq!(quick, parsed, "{method}");
        }
    }

    #[test]
    fn should_know_the_headers_of_rust_and_javascript() {
        let transfer = TransferArg {
            from_subaccount: None,
            to: NOBODY,
            fee: None,
            created_at_time: None,
            memo: None,
            amount: 0u8.into(),
        };
        assert_known("icrc1_transfer", &TRANSFER, &crate::TRANSFER, &transfer);
        let approve = ApproveArgs {
            from_subaccount: None,
            spender: NOBODY,
            amount: 0u8.into(),
            expected_allowance: None,
            expires_at: None,
            fee: None,
            memo: None,
            created_at_time: None,
        };
        assert_known("icrc2_approve", &APPROVE, &crate::APPROVE, &approve);
        let transfer_from = TransferFromArgs {
            spender_subaccount: None,
            from: NOBODY,
            to: NOBODY,
            amount: 0u8.into(),
            fee: None,
            memo: None,
            created_at_time: None,
        };
        assert_known(
            "icrc2_transfer_from",
            &TRANSFER_FROM,
            &crate::TRANSFER_FROM,
            &transfer_from,
        );
    }

    #[test]
    fn should_tell_a_header_by_each_of_its_bytes() {
        for header in [TRANSFER, APPROVE, TRANSFER_FROM].as_flattened() {
            assert!(equal(header, header));
            for at in 0..header.len() {
                let mut other = header.to_vec();
                other[at] ^= 1;
                assert!(!equal(&other, header), "byte {at}");
            }
        }
    }
}
