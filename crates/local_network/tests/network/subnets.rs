//! Subnets, ids, topology.

use candid::Principal;
use pocket_ic::common::rest::SubnetKind;

use crate::common::{CYCLES, anonymous, builder, pocket_ic};
use crate::program::program;
use crate::world::{canister, run, universal};

fn id(text: &str) -> Principal {
    Principal::from_text(text).unwrap()
}

#[test]
fn should_give_the_ids_that_pocket_ic_gives() {
    let pic = pocket_ic();
    assert_eq!(pic.create_canister(), id("lxzze-o7777-77777-aaaaa-cai"));
    assert_eq!(pic.create_canister(), id("lqy7q-dh777-77777-aaaaq-cai"));
    let topology = pic.topology();
    assert_eq!(topology.subnet_configs.len(), 1);
    let effective = Principal::from_slice(&topology.default_effective_canister_id.canister_id);
    assert_eq!(effective, id("lxzze-o7777-77777-aaaaa-cai"));
    let subnet = topology.get_app_subnets()[0];
    assert_eq!(pic.get_subnet(effective), Some(subnet));
    assert_eq!(pic.get_subnet(id("ryjl3-tyaaa-aaaaa-aaaba-cai")), None);
}

#[test]
fn should_make_all_kinds_of_subnets() {
    let pic = builder()
        .with_nns_subnet()
        .with_sns_subnet()
        .with_ii_subnet()
        .with_fiduciary_subnet()
        .with_system_subnet()
        .with_application_subnet()
        .with_verified_application_subnet()
        .build();
    let topology = pic.topology();
    assert_eq!(topology.subnet_configs.len(), 7);
    let kind = |text| {
        topology
            .get_subnet(id(text))
            .map(|subnet| topology.subnet_configs[&subnet].subnet_kind)
    };
    assert_eq!(kind("ryjl3-tyaaa-aaaaa-aaaba-cai"), Some(SubnetKind::NNS));
    assert_eq!(kind("rdmx6-jaaaa-aaaaa-aaadq-cai"), Some(SubnetKind::II));
    assert_eq!(kind("qaa6y-5yaaa-aaaaa-aaafa-cai"), Some(SubnetKind::NNS));
    assert_eq!(kind("mxzaz-hqaaa-aaaar-qaada-cai"), Some(SubnetKind::Fiduciary));
    assert_eq!(
        pic.get_subnet(pic.create_canister()),
        Some(topology.get_app_subnets()[0])
    );
    for subnet in topology.subnet_configs.keys() {
        let canister = pic.create_canister_on_subnet(None, None, *subnet);
        assert_eq!(pic.get_subnet(canister), Some(*subnet));
    }
}

#[test]
fn should_create_canisters_with_mainnet_ids() {
    let pic = builder().with_nns_subnet().with_application_subnet().build();
    let ledger = id("ryjl3-tyaaa-aaaaa-aaaba-cai");
    assert_eq!(pic.create_canister_with_id(None, None, ledger).unwrap(), ledger);
    assert_eq!(pic.get_subnet(ledger), pic.topology().get_nns());
    let again = pic.create_canister_with_id(None, None, ledger).unwrap_err();
    assert!(again.contains("CanisterIdAlreadyExists"), "{again}");
    pic.install_canister(ledger, universal(), Vec::new(), None);
    assert_eq!(run(&pic, ledger, program().show("nns").reply()), "nns");
}

#[test]
fn should_add_the_subnet_of_a_mainnet_id() {
    let pic = pocket_ic();
    let mainnet = id("5s2ji-faaaa-aaaaa-qaaaq-cai");
    assert_eq!(pic.create_canister_with_id(None, None, mainnet).unwrap(), mainnet);
    assert_eq!(pic.topology().subnet_configs.len(), 2);
    pic.add_cycles(mainnet, CYCLES);
    pic.install_canister(mainnet, universal(), Vec::new(), None);
    let a = canister(&pic);
    let far = crate::program::call(mainnet, program().show("far").reply());
    assert_eq!(run(&pic, a, program().call(far)), "far");
}

#[test]
fn should_refuse_ids_of_allocation_ranges() {
    let pic = pocket_ic();
    let refused = pic
        .create_canister_with_id(None, None, id("lxzze-o7777-77777-aaaaa-cai"))
        .unwrap_err();
    assert!(refused.contains("specified_id"), "{refused}");
}

#[test]
fn should_lift_instruction_limits_for_benchmarks() {
    let pic = builder().with_benchmarking_application_subnet().build();
    assert_eq!(pic.topology().get_benchmarking_app_subnets().len(), 1);
    let a = pic.create_canister();
    pic.add_cycles(a, 1_000_000_000_000_000_000);
    pic.install_canister(a, universal(), Vec::new(), None);
    // More than the 5 B instructions of an ordinary query.
    let reply = pic.query_call(a, anonymous(), "ask", program().spin(800_000_000).reply().bytes());
    assert_eq!(reply.unwrap(), b"");
}
