//! Money as numbers: what a task holds and for whom, and how a round's budget is split. No calls are made here.

use ddsx_types::federated_aggregator::RewardRule;
use serde::{Deserialize, Serialize};

/// What one payee is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payable {
    /// Due and not on its way.
    pub due: u128,
    /// On its way.
    pub in_flight: u128,
    /// Paid, ledger fees counted.
    pub paid: u128,
}

impl Payable {
    /// More is due.
    pub fn credit(&mut self, amount: u128) {
        self.due += amount;
    }

    /// A payment of so much of what is due begins.
    pub fn begin(&mut self, amount: u128) {
        self.due -= amount;
        self.in_flight += amount;
    }

    /// It arrived.
    pub fn finish(&mut self, amount: u128) {
        self.in_flight -= amount;
        self.paid += amount;
    }

    /// It did not, and never will: it is due again.
    pub fn abort(&mut self, amount: u128) {
        self.in_flight -= amount;
        self.due += amount;
    }
}

/// The money of one task, in its asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    /// Budget and stakes received.
    pub received: u128,
    /// Of that, budget.
    pub budget: u128,
    /// Budget not assigned.
    pub budget_left: u128,
    /// Stakes held.
    pub stakes: u128,
    /// Due to clients and owner.
    pub owed: u128,
    /// On its way to them.
    pub in_flight: u128,
    /// Paid to them, ledger fees counted.
    pub paid: u128,
    /// Stakes lost.
    pub to_treasury: u128,
}

impl Books {
    /// The owner has paid into the budget.
    pub fn receive_budget(&mut self, amount: u128) {
        self.received += amount;
        self.budget += amount;
        self.budget_left += amount;
    }

    /// A client has paid its stake.
    pub fn receive_stake(&mut self, amount: u128) {
        self.received += amount;
        self.stakes += amount;
    }

    /// A stake is lost.
    pub fn slash(&mut self, amount: u128) {
        self.stakes -= amount;
        self.to_treasury += amount;
    }

    /// A stake goes back: it is owed to its client now.
    pub fn release(&mut self, amount: u128) {
        self.stakes -= amount;
        self.owed += amount;
    }

    /// Budget becomes owed: to clients as rewards, to the owner when the task ends.
    pub fn assign(&mut self, amount: u128) {
        self.budget_left -= amount;
        self.owed += amount;
    }

    /// A payment begins.
    pub fn begin(&mut self, amount: u128) {
        self.owed -= amount;
        self.in_flight += amount;
    }

    /// It arrived.
    pub fn finish(&mut self, amount: u128) {
        self.in_flight -= amount;
        self.paid += amount;
    }

    /// It did not.
    pub fn abort(&mut self, amount: u128) {
        self.in_flight -= amount;
        self.owed += amount;
    }

    /// Whether every unit received is somewhere.
    pub fn conserved(&self) -> bool {
        self.received == self.budget_left + self.stakes + self.owed + self.in_flight + self.paid + self.to_treasury
    }
}

/// Steps of worth in the greatest one: worth is taken to 20 bits, so that products stay in 128 bits.
const STEPS: f64 = 1_048_576.0;

/// Splits `budget` among those whose worth is above zero; the sum is the whole budget, or zero if there are none. What rounding leaves goes, unit by
/// unit, to those from whom it took most (the method of largest remainders), and among equals to the first: the order of clients is that of
/// their updates, fixed before anybody knows its worth.
pub fn split(budget: u128, worths: &[f64], rule: RewardRule) -> Vec<u128> {
    let most = worths
        .iter()
        .copied()
        .filter(|worth| worth.is_finite())
        .fold(0.0, f64::max);
    let part = |worth: &f64| -> u128 {
        if !(worth.is_finite() && *worth > 0.0) {
            return 0;
        }
        match rule {
            RewardRule::Equal => 1,
            // The quotient lies in (0, 1], the product in 1 to 2^20.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            RewardRule::ByWorth => libm::ceil(worth / most * STEPS) as u128,
        }
    };
    let parts: Vec<u128> = worths.iter().map(part).collect();
    let whole: u128 = parts.iter().sum();
    if whole == 0 {
        return vec![0; worths.len()];
    }
    let mut shares: Vec<u128> = parts.iter().map(|part| budget * part / whole).collect();
    let left = budget - shares.iter().sum::<u128>();
    let mut places: Vec<usize> = (0..parts.len()).collect();
    places.sort_by_key(|&place| std::cmp::Reverse(budget * parts[place] % whole));
    // Fewer units are left than there are parts that lost some.
    for place in places.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        shares[place] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn should_split_by_positive_worth_alone() {
        for (budget, worths, rule, expected) in [
            (100, vec![1.0, 3.0, -2.0], RewardRule::ByWorth, vec![25, 75, 0]),
            (100, vec![1.0, 3.0, -2.0], RewardRule::Equal, vec![50, 50, 0]),
            (100, vec![1.0, 1.0, 1.0], RewardRule::ByWorth, vec![34, 33, 33]),
            (2, vec![0.0, 1.0, 1.0, 1.0], RewardRule::Equal, vec![0, 1, 1, 0]),
            (100, vec![0.0, -1.0, f64::NAN], RewardRule::ByWorth, vec![0, 0, 0]),
            (100, vec![f64::INFINITY, 1.0], RewardRule::ByWorth, vec![0, 100]),
            (0, vec![1.0], RewardRule::ByWorth, vec![0]),
            (7, vec![], RewardRule::Equal, vec![]),
        ] {
            assert_eq!(split(budget, &worths, rule), expected, "{worths:?} {rule:?}");
        }
    }

    proptest! {
        #[test]
        fn should_give_out_every_unit_or_none(
            budget in 0..=crate::amounts::MAX_AMOUNT,
            worths in prop::collection::vec(prop_oneof![-1e9_f64..1e9, Just(f64::NAN), Just(1e-300), Just(1e300)], 0..140),
            equal: bool,
        ) {
            let rule = if equal { RewardRule::Equal } else { RewardRule::ByWorth };
            let shares = split(budget, &worths, rule);
            let positive = worths.iter().any(|worth| worth.is_finite() && *worth > 0.0);
            prop_assert_eq!(shares.iter().sum::<u128>(), if positive { budget } else { 0 });
            for (share, worth) in shares.iter().zip(&worths) {
                prop_assert!(*share == 0 || *worth > 0.0);
            }
        }

        #[test]
        fn should_lose_no_unit_whatever_happens(steps in prop::collection::vec((0..8_u8, 0..1_000_u128), 0..200)) {
            let mut books = Books::default();
            let mut payable = Payable::default();
            for (step, amount) in steps {
                match step {
                    0 => books.receive_budget(amount),
                    1 => books.receive_stake(amount),
                    2 => books.slash(amount.min(books.stakes)),
                    3 => { let amount = amount.min(books.stakes); books.release(amount); payable.credit(amount); }
                    4 => { let amount = amount.min(books.budget_left); books.assign(amount); payable.credit(amount); }
                    5 => { let amount = amount.min(payable.due); payable.begin(amount); books.begin(amount); }
                    6 => { let amount = amount.min(payable.in_flight); payable.finish(amount); books.finish(amount); }
                    _ => { let amount = amount.min(payable.in_flight); payable.abort(amount); books.abort(amount); }
                }
                prop_assert!(books.conserved());
                prop_assert_eq!((books.owed, books.in_flight, books.paid), (payable.due, payable.in_flight, payable.paid));
            }
        }
    }
}
