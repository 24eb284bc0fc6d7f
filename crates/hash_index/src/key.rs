//! Tags: SipHash-2-4 (J.-P. Aumasson, D. J. Bernstein, *SipHash: a fast short-input PRF*, 2012) under a secret key.

use siphasher::sip::SipHasher24;
use std::fmt;

/// The secret 128-bit key of an index. It must come from a source of randomness that callers cannot predict, and must never be shown.
///
/// The 16 bytes are `k0` then `k1`, little-endian, as in the paper.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct SipKey(pub [u8; 16]);

impl SipKey {
    /// The tag of `key`: SipHash-2-4 of its bytes.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        SipHasher24::new_with_key(&self.0).hash(key)
    }
}

impl fmt::Debug for SipKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SipKey(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::SipKey;

    fn paper_key() -> SipKey {
        let mut bytes = [0; 16];
        for (byte, value) in bytes.iter_mut().zip(0..) {
            *byte = value;
        }
        SipKey(bytes)
    }

    #[test]
    fn should_reproduce_the_vectors_of_the_paper() {
        // Appendix A (15 bytes) and the reference implementation's vectors_sip64 for lengths 0, 1, 7, 8.
        let message: Vec<u8> = (0..15).collect();
        let cases = [
            (0, 0x726f_db47_dd0e_0e31),
            (1, 0x74f8_39c5_93dc_67fd),
            (7, 0xab02_00f5_8b01_d137),
            (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5),
        ];
        for (length, expected) in cases {
            assert_eq!(paper_key().hash(&message[..length]), expected, "{length} bytes");
        }
    }

    #[test]
    fn should_not_show_the_key() {
        assert_eq!(format!("{:?}", paper_key()), "SipKey(secret)");
    }
}
