//! Canister ids and which subnet has which of them.
//!
//! Subnets that exist on mainnet have mainnet's ranges, for ids that a user names, and beside them a range from which
//! ids are taken when none is named; other subnets have only the latter. These ranges lie at the top of all ids.

use candid::Principal;
use pocket_ic::common::rest::SubnetKind;

/// Both ends, inclusive.
pub type Range = (Principal, Principal);

/// Ids of one allocation range.
const RANGE: u64 = 1 << 20;

/// The canister id with this number: 8 bytes big-endian, then `01 01`.
pub fn canister_id(number: u64) -> Principal {
    let mut bytes = [1_u8; 10];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Principal::from_slice(&bytes)
}

/// The number of a canister id; `None` for principals that are not canister ids.
pub fn number(id: Principal) -> Option<u64> {
    match id.as_slice() {
        [number @ .., 1, 1] => Some(u64::from_be_bytes(number.try_into().ok()?)),
        _ => None,
    }
}

/// Whether the id lies in one of the ranges.
pub fn contains(ranges: &[Range], id: Principal) -> bool {
    ranges.iter().any(|(start, end)| *start <= id && id <= *end)
}

/// The range that begins with `start` and has as many ids as any allocation range.
pub fn block(start: u64) -> Range {
    (canister_id(start), canister_id(start + (RANGE - 1)))
}

/// The block of ids around `id`.
pub fn block_around(id: Principal) -> Option<Range> {
    number(id).map(|number| block(number - number % RANGE))
}

/// The `n`th allocation range, counted from the top.
pub fn allocation_range(n: u64) -> Range {
    block((u64::MAX / RANGE - 1 - n) * RANGE)
}

/// Mainnet's ranges of a kind of subnet that there is one of; empty for other kinds.
pub fn mainnet_ranges(kind: SubnetKind) -> Vec<Range> {
    // First and last number of each range.
    let numbers: &[(u64, u64)] = match kind {
        SubnetKind::NNS => &[(0, 6), (8, 0x000f_ffff)],
        SubnetKind::II => &[(7, 7), (0x0210_0000, 0x021f_ffff)],
        SubnetKind::Bitcoin => &[(0x01a0_0000, 0x01af_ffff)],
        SubnetKind::Fiduciary => &[(0x0230_0000, 0x023f_ffff)],
        SubnetKind::SNS => &[(0x0200_0000, 0x020f_ffff)],
        SubnetKind::Application | SubnetKind::CloudEngine | SubnetKind::System | SubnetKind::VerifiedApplication => &[],
    };
    numbers
        .iter()
        .map(|(start, end)| (canister_id(*start), canister_id(*end)))
        .collect()
}

/// The kind of mainnet's subnet with this canister id.
pub fn mainnet_kind(id: Principal) -> SubnetKind {
    [
        SubnetKind::NNS,
        SubnetKind::II,
        SubnetKind::Bitcoin,
        SubnetKind::Fiduciary,
        SubnetKind::SNS,
    ]
    .into_iter()
    .find(|kind| contains(&mainnet_ranges(*kind), id))
    .unwrap_or(SubnetKind::Application)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(range: &Range) -> (String, String) {
        (range.0.to_text(), range.1.to_text())
    }

    #[test]
    fn should_have_mainnets_ranges() {
        let expected: [(SubnetKind, &[(&str, &str)]); 5] = [
            (
                SubnetKind::NNS,
                &[
                    ("rwlgt-iiaaa-aaaaa-aaaaa-cai", "renrk-eyaaa-aaaaa-aaada-cai"),
                    ("qoctq-giaaa-aaaaa-aaaea-cai", "n5n4y-3aaaa-aaaaa-p777q-cai"),
                ],
            ),
            (
                SubnetKind::II,
                &[
                    ("rdmx6-jaaaa-aaaaa-aaadq-cai", "rdmx6-jaaaa-aaaaa-aaadq-cai"),
                    ("uc7f6-kaaaa-aaaaq-qaaaa-cai", "ijz7v-ziaaa-aaaaq-7777q-cai"),
                ],
            ),
            (
                SubnetKind::Bitcoin,
                &[("g3wsl-eqaaa-aaaan-aaaaa-cai", "2qqia-xyaaa-aaaan-p777q-cai")],
            ),
            (
                SubnetKind::Fiduciary,
                &[("mf7xa-laaaa-aaaar-qaaaa-cai", "qoznl-yiaaa-aaaar-7777q-cai")],
            ),
            (
                SubnetKind::SNS,
                &[("ybpmr-kqaaa-aaaaq-aaaaa-cai", "ekjw2-zyaaa-aaaaq-p777q-cai")],
            ),
        ];
        for (kind, ranges) in expected {
            let actual: Vec<_> = mainnet_ranges(kind).iter().map(text).collect();
            let wanted: Vec<_> = ranges.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(actual, wanted, "{kind:?}");
        }
    }

    #[test]
    fn should_allocate_from_the_top_as_pocket_ic_does() {
        assert_eq!(allocation_range(0).0.to_text(), "lxzze-o7777-77777-aaaaa-cai");
        assert_eq!(number(allocation_range(0).0), Some(0xffff_ffff_ffe0_0000));
        assert!(allocation_range(1).1 < allocation_range(0).0);
    }

    #[test]
    fn should_find_the_kind_of_a_mainnet_id() {
        let id = |text: &str| Principal::from_text(text).expect("a principal");
        assert_eq!(mainnet_kind(id("ryjl3-tyaaa-aaaaa-aaaba-cai")), SubnetKind::NNS);
        assert_eq!(mainnet_kind(id("rdmx6-jaaaa-aaaaa-aaadq-cai")), SubnetKind::II);
        assert_eq!(mainnet_kind(id("um5iw-rqaaa-aaaaq-qaaba-cai")), SubnetKind::II);
        assert_eq!(mainnet_kind(id("mxzaz-hqaaa-aaaar-qaada-cai")), SubnetKind::Fiduciary);
        assert_eq!(mainnet_kind(id("5s2ji-faaaa-aaaaa-qaaaq-cai")), SubnetKind::Application);
    }

    #[test]
    fn should_refuse_numbers_of_principals_that_are_no_canister_ids() {
        assert_eq!(number(Principal::anonymous()), None);
        assert_eq!(number(Principal::management_canister()), None);
        assert_eq!(number(canister_id(77)), Some(77));
    }
}
