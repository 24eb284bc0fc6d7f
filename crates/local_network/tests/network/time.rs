//! Time and rounds.

use std::time::Duration;

use pocket_ic::Time;

use crate::common::{anonymous, builder, pocket_ic};
use crate::program::program;
use crate::world::{canister, number, run_number};

const GENESIS: u64 = 1_620_328_630_000_000_000;

#[test]
fn should_begin_in_may_2021_and_advance_one_nanosecond_a_round() {
    let pic = pocket_ic();
    let start = pic.get_time().as_nanos_since_unix_epoch();
    assert!((GENESIS..GENESIS + 1_000).contains(&start), "{start}");
    pic.tick();
    assert_eq!(pic.get_time().as_nanos_since_unix_epoch(), start + 1);
}

#[test]
fn should_set_and_advance_time() {
    let pic = pocket_ic();
    let a = canister(&pic);
    let shown = || {
        number(
            &pic.query_call(a, anonymous(), "ask", program().show_time().reply().bytes())
                .unwrap(),
        )
    };
    let time = Time::from_nanos_since_unix_epoch(1_650_000_000_000_000_000);
    pic.set_time(time);
    assert_eq!(pic.get_time(), time);
    pic.tick();
    assert_eq!(pic.get_time(), time);
    assert_eq!(shown(), 1_650_000_000_000_000_000);
    pic.tick();
    assert_eq!(pic.get_time(), time + Duration::from_nanos(1));
    let later = Time::from_nanos_since_unix_epoch(1_700_000_000_000_000_000);
    pic.set_certified_time(later);
    assert_eq!(pic.get_time(), later);
    assert_eq!(shown(), 1_700_000_000_000_000_000);
    pic.advance_time(Duration::from_secs(5));
    assert_eq!(
        run_number(&pic, a, program().show_time().reply()),
        1_700_000_005_000_000_000
    );
}

#[test]
fn should_begin_when_told() {
    let time = Time::from_nanos_since_unix_epoch(1_800_000_000_000_000_000);
    let pic = builder().with_application_subnet().with_initial_time(time).build();
    let now = pic.get_time().as_nanos_since_unix_epoch();
    assert!(
        (1_800_000_000_000_000_000..1_800_000_000_000_001_000).contains(&now),
        "{now}"
    );
}
