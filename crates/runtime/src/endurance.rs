//! How long a canister's cycles will last, told in coarse steps, so that whoever reads the metrics cannot follow what each message
//! costs and how far the canister is from freezing. The exact balance is for controllers: the management canister's
//! `canister_status`.
//!
//! Nothing is asked of anybody. What the canister uses is the larger of two figures:
//! - what it did use in the last day, from its own balance once an hour; hours in which the balance rose tell nothing. This is on the
//!   heap: after an upgrade it begins anew;
//! - what it uses when idle: the system sets aside what 30 days of that take, which is the balance less its liquid part. With another
//!   freezing threshold than the default of 30 days this figure is off in proportion, the first is not.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use ddsx_types::TimestampNs;

use crate::metrics::Metrics;
use crate::runtime::Runtime;

/// How often the balance is looked at.
const INTERVAL: Duration = Duration::from_hours(1);
/// What is remembered, intervals: a day.
const REMEMBERED: usize = 24;
const DAY_NS: u128 = 24 * 60 * 60 * 1_000_000_000;
/// The platform's default freezing threshold, days.
const RESERVED_DAYS: u128 = 30;
/// What is told: the largest of these that is not above what is left.
const STEPS: [u16; 12] = [0, 1, 2, 3, 5, 7, 14, 30, 60, 90, 180, 365];

thread_local! {
    static METER: RefCell<Meter> = const { RefCell::new(Meter::new()) };
}

/// Begins to measure what the canister uses: for its `init` and `post_upgrade`.
pub fn watch_cycles<R: Runtime>(runtime: &R) {
    METER.with_borrow_mut(|meter| meter.look(runtime.time(), runtime.cycles_balance()));
    let next = runtime.clone();
    runtime.set_timer(INTERVAL, async move { watch_cycles(&next) });
}

/// Days until the canister freezes if it goes on so, rounded down to one of a few steps, of which 365 is the last.
pub fn cycles_days_left<R: Runtime>(runtime: &R) -> u16 {
    let (balance, liquid) = (runtime.cycles_balance(), runtime.cycles_liquid());
    let idle = balance.saturating_sub(liquid) / RESERVED_DAYS;
    let a_day = METER.with_borrow(Meter::a_day).max(idle);
    let days = liquid.checked_div(a_day).unwrap_or(u128::MAX);
    let step = STEPS.into_iter().rev().find(|step| u128::from(*step) <= days);
    step.unwrap_or(0)
}

impl Metrics {
    /// The gauge `cycles_days_left`, as [`cycles_days_left`].
    pub fn cycles_days_left(&mut self, days: u16) {
        self.gauge(
            "cycles_days_left",
            "Days until the canister freezes at its use of late, rounded down to 0, 1, 2, 3, 5, 7, 14, 30, 60, 90, 180 or 365.",
            days,
        );
    }
}

/// What the canister used of late.
struct Meter {
    last: Option<(TimestampNs, u128)>,
    /// Cycles and nanoseconds, the oldest first.
    used: VecDeque<(u128, u64)>,
}

impl Meter {
    const fn new() -> Self {
        Self {
            last: None,
            used: VecDeque::new(),
        }
    }

    fn look(&mut self, now: TimestampNs, balance: u128) {
        let last = self.last.replace((now, balance));
        let Some((then, before)) = last.filter(|(then, _)| *then < now) else {
            return;
        };
        if let Some(used) = before.checked_sub(balance) {
            self.used.push_back((used, now - then));
            if self.used.len() > REMEMBERED {
                self.used.pop_front();
            }
        }
    }

    /// Cycles a day; 0 if nothing is known yet.
    fn a_day(&self) -> u128 {
        let (mut used, mut nanoseconds) = (0_u128, 0_u128);
        for (cycles, elapsed) in &self.used {
            used = used.saturating_add(*cycles);
            nanoseconds += u128::from(*elapsed);
        }
        used.saturating_mul(DAY_NS).checked_div(nanoseconds).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestRuntime;

    const T: u128 = 1_000_000_000_000;

    fn with_cycles(balance: u128, reserve: u128) -> TestRuntime {
        let runtime = TestRuntime::default();
        runtime.set_cycles(balance);
        runtime.set_cycles_reserve(reserve);
        runtime
    }

    #[test]
    fn should_tell_days_in_steps_from_what_the_system_sets_aside() {
        // 3 T for 30 days: 100 G a day.
        let table = [
            (3 * T, 0),
            (3 * T + 99_999_999_999, 0),
            (3 * T + T / 10, 1),
            (3 * T + 4 * T / 10, 3),
            (3 * T + T, 7),
            (3 * T + 3 * T, 30),
            (3 * T + 36 * T, 180),
            (3 * T + 37 * T, 365),
            (9_000 * T, 365),
            (T, 0),
        ];
        for (balance, days) in table {
            assert_eq!(cycles_days_left(&with_cycles(balance, 3 * T)), days, "{balance}");
        }
        assert_eq!(cycles_days_left(&with_cycles(0, 0)), 365, "nothing is used");
    }

    #[test]
    fn should_tell_what_is_used_rather_than_what_is_used_when_idle() {
        let runtime = with_cycles(100 * T, 0);
        watch_cycles(&runtime);
        assert_eq!(cycles_days_left(&runtime), 365);
        let mut balance = 100 * T;
        let mut hours = |cycles: i128, count: u32| {
            for _ in 0..count {
                balance = balance.checked_add_signed(-cycles).unwrap();
                runtime.set_cycles(balance);
                runtime.run_for(INTERVAL);
            }
            cycles_days_left(&runtime)
        };
        let hour = i128::try_from(T).unwrap() / 24;
        assert_eq!(hours(hour, 1), 90, "1 T a day of 100 T");
        assert_eq!(hours(-10 * hour, 1), 90, "a top-up tells nothing of what is used");
        assert_eq!(hours(20 * hour, 24), 3, "20 T a day, of 80 T");
        assert_eq!(hours(0, 24), 365, "what was used is forgotten after a day");
    }

    #[test]
    fn should_bear_a_clock_that_stands() {
        let mut meter = Meter::new();
        meter.look(5, 100);
        meter.look(5, 0);
        meter.look(4, 0);
        assert_eq!(meter.a_day(), 0);
        meter.look(6, 0);
        assert_eq!(meter.a_day(), 0);
        meter.look(u64::MAX, 0);
        meter.last = Some((0, u128::MAX));
        meter.look(1, 0);
        assert!(meter.a_day() > 0);
    }

    #[test]
    fn should_write_the_gauge() {
        let mut page = Metrics::new("shop", 1_000_000);
        page.cycles_days_left(14);
        let text = String::from_utf8(page.respond().body.into_vec()).unwrap();
        assert!(text.ends_with("shop_cycles_days_left 14 1\n"), "{text}");
    }
}
