//! What crates/nn costs in a canister, in instructions: a number that does not depend on the machine.
//! `scripts/bench federated` builds `benches/nn_kernels` and runs this; each line that it prints is one JSON object.
#![allow(clippy::unwrap_used, reason = "test code")]

use candid::Principal;
use candid::utils::ArgumentEncoder;
use ddsx_tests::World;

struct Bench {
    world: World,
    canister: Principal,
}

impl Bench {
    fn new() -> Self {
        let world = World::new();
        let canister = world.install("nn_kernels", ());
        Self { world, canister }
    }

    /// Asks one method, prints its figure, and checks it against what docs/federated-performance.md promises.
    fn check(&self, name: &str, method: &str, args: impl ArgumentEncoder, at_most: f64) -> u64 {
        let reply = self
            .world
            .pic
            .query_call(
                self.canister,
                Principal::anonymous(),
                method,
                candid::encode_args(args).unwrap(),
            )
            .unwrap_or_else(|reject| panic!("{method}: {reject}"));
        let ((thousandths, checksum),): ((u64, u64),) = candid::decode_args(&reply).unwrap();
        #[allow(clippy::cast_precision_loss)]
        let value = thousandths as f64 / 1000.0;
        println!(r#"{{"bench": "{name}", "value": {value}, "unit": "instructions"}}"#);
        assert!(
            value <= at_most,
            "{name}: {value} instructions, at most {at_most} are promised"
        );
        checksum
    }
}

#[test]
#[ignore = "a measurement: scripts/bench federated, which builds what it needs"]
fn should_cost_no_more_than_promised() {
    let bench = Bench::new();
    // A clock that stands still: natively only the bits matter, and they must be the canister's.
    let still = || 0;
    let canister = bench.check("fedavg/instr_per_param", "fed_avg", (), 3.0);
    assert_eq!(canister, nn_kernels::fed_avg(still).1);
    for (updates, at_most) in [(5_u32, 40.0), (10, 80.0), (16, 150.0), (20, 1500.0)] {
        let canister = bench.check(
            &format!("fedmedian{updates}/instr_per_param"),
            "fed_median",
            (updates,),
            at_most,
        );
        assert_eq!(canister, nn_kernels::fed_median(still, updates).1);
    }
    let canister = bench.check("trimmed_mean10/instr_per_param", "trimmed_mean", (10_u32,), 1500.0);
    assert_eq!(canister, nn_kernels::trimmed_mean(still, 10).1);
    let canister = bench.check("krum/distance/instr_per_param", "distance", (), 5.0);
    assert_eq!(canister, nn_kernels::distance(still).1);
    for (rows, inputs, outputs) in [(1_u32, 784_u32, 128_u32), (128, 784, 128), (1, 1024, 1024)] {
        let name = format!("dense/kernel/{inputs}-{outputs}/batch-{rows}/instr_per_mac");
        let canister = bench.check(&name, "dense", (rows, inputs, outputs), 2.8);
        assert_eq!(canister, nn_kernels::dense(still, rows, inputs, outputs).1);
    }
    for (name, rows, widths) in [
        ("784-128-10", 1_u32, vec![784_u32, 128, 10]),
        ("784-128-10/batch-128", 128, vec![784, 128, 10]),
        ("1024-1024-1024", 1, vec![1024, 1024, 1024]),
    ] {
        bench.check(
            &format!("dense/{name}/instr_per_mac"),
            "mlp",
            (rows, &widths, true),
            2.8,
        );
        bench.check(
            &format!("dense/{name}/instr_per_mac/burn"),
            "mlp",
            (rows, &widths, false),
            12.0,
        );
    }
}
