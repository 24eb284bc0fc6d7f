//! How an amount is divided between protocol, provider and contributors.

use crate::error::RevenueError;

/// The whole, in basis points.
pub const BASIS_POINTS: u16 = 10_000;

/// The protocol's and the provider's shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    protocol_bps: u16,
    provider_bps: u16,
}

/// The parts of one amount; they sum to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The protocol's fee.
    pub protocol: u128,
    /// The provider's part.
    pub provider: u128,
    /// The contributors' part, together.
    pub contributors: u128,
}

impl Split {
    /// The protocol takes its share of the amount, the provider its share of what is left then, both in basis points and rounded down;
    /// the contributors get the rest.
    ///
    /// # Errors
    /// [`RevenueError::Share`] above 10,000 basis points.
    pub fn new(protocol_bps: u16, provider_bps: u16) -> Result<Self, RevenueError> {
        for share in [protocol_bps, provider_bps] {
            if share > BASIS_POINTS {
                return Err(RevenueError::Share(share));
            }
        }
        Ok(Self {
            protocol_bps,
            provider_bps,
        })
    }

    /// Divides an amount.
    pub fn parts(&self, amount: u128) -> Parts {
        let protocol = share(amount, self.protocol_bps);
        let provider = share(amount - protocol, self.provider_bps);
        Parts {
            protocol,
            provider,
            contributors: amount - protocol - provider,
        }
    }
}

/// ⌊amount · bps / 10,000⌋ without a larger intermediate.
fn share(amount: u128, bps: u16) -> u128 {
    let (whole, bps) = (u128::from(BASIS_POINTS), u128::from(bps));
    amount / whole * bps + amount % whole * bps / whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_round_down_and_leave_the_rest_to_the_contributors() {
        let split = Split::new(250, 3_000).unwrap();
        let cases = [
            (0, (0, 0, 0)),
            (1, (0, 0, 1)),
            (39, (0, 11, 28)),
            (40, (1, 11, 28)),
            (1_000_000, (25_000, 292_500, 682_500)),
        ];
        for (amount, (protocol, provider, contributors)) in cases {
            assert_eq!(
                split.parts(amount),
                Parts {
                    protocol,
                    provider,
                    contributors
                },
                "{amount}"
            );
        }
    }

    #[test]
    fn should_divide_the_largest_amount() {
        let all = u128::MAX;
        assert_eq!(Split::new(10_000, 0).unwrap().parts(all).protocol, all);
        assert_eq!(Split::new(0, 10_000).unwrap().parts(all).provider, all);
        assert_eq!(Split::new(0, 0).unwrap().parts(all).contributors, all);
        let parts = Split::new(5_000, 5_000).unwrap().parts(all);
        assert_eq!(parts.protocol, all / 2);
        assert_eq!(parts.protocol + parts.provider + parts.contributors, all);
    }

    #[test]
    fn should_refuse_more_than_the_whole() {
        assert_eq!(Split::new(10_001, 0), Err(RevenueError::Share(10_001)));
        assert_eq!(Split::new(0, u16::MAX), Err(RevenueError::Share(u16::MAX)));
    }
}
