//! What cannot be seen through the client: that no cycle appears from nowhere, and that everything repeats.

use candid::Principal;
use ic_management_canister_types::{
    CanisterIdRecord, CanisterInstallMode, InstallCodeArgs, ProvisionalCreateCanisterWithCyclesArgs,
};
use pocket_ic::common::rest::{ExtendedSubnetConfigSet, InstanceConfig, SubnetSpec};
use proptest::prelude::*;

use self::program::{Program, call, program};
use super::*;

#[allow(dead_code, missing_docs, reason = "the tests through the client use all of it")]
#[path = "../../tests/network/program.rs"]
mod program;

const CYCLES: u128 = 100_000_000_000_000;

fn config(application: usize) -> InstanceConfig {
    InstanceConfig {
        subnet_config_set: ExtendedSubnetConfigSet {
            application: vec![SubnetSpec::default(); application],
            ..ExtendedSubnetConfigSet::default()
        },
        ..InstanceConfig::default()
    }
}

fn network(application: usize) -> Network {
    Network::new(&config(application)).expect("the configuration is valid")
}

fn ingress(canister_id: Principal, method: &str, arg: Vec<u8>, effective: Effective) -> IngressCall {
    IngressCall {
        sender: Principal::anonymous(),
        canister_id,
        method: method.to_owned(),
        arg,
        effective,
    }
}

fn update(network: &mut Network, call: IngressCall) -> Result<Vec<u8>, RejectResponse> {
    let id = network.submit_ingress(call)?;
    network.await_ingress(&id).expect("the message is answered")
}

fn manage(network: &mut Network, method: &str, arg: impl candid::CandidType, effective: Effective) -> Vec<u8> {
    let arg = candid::encode_one(arg).expect("the argument can be encoded");
    update(
        network,
        ingress(Principal::management_canister(), method, arg, effective),
    )
    .expect("the call succeeds")
}

fn canister(network: &mut Network, effective: Effective) -> Principal {
    let arg = ProvisionalCreateCanisterWithCyclesArgs {
        amount: Some(CYCLES.into()),
        ..Default::default()
    };
    let reply = manage(network, "provisional_create_canister_with_cycles", arg, effective);
    let id = candid::decode_one::<CanisterIdRecord>(&reply)
        .expect("an id")
        .canister_id;
    let wasm = wat::parse_str(include_str!("../../tests/network/universal.wat")).expect("valid WAT");
    let arg = InstallCodeArgs {
        mode: CanisterInstallMode::Install,
        canister_id: id,
        wasm_module: wasm,
        arg: Vec::new(),
        sender_canister_version: None,
    };
    manage(network, "install_code", arg, Effective::Canister(id));
    id
}

fn run(network: &mut Network, id: Principal, program: Program) -> Result<Vec<u8>, RejectResponse> {
    update(network, ingress(id, "run", program.bytes(), Effective::Canister(id)))
}

fn assert_conserved(network: &Network) {
    let (all, created, consumed) = network.audit();
    assert_eq!(all, created - consumed, "created {created}, consumed {consumed}");
}

#[test]
fn should_conserve_cycles_in_calls_of_every_outcome() {
    let mut network = network(2);
    let subnets: Vec<Principal> = network.subnets().iter().map(SubnetView::id).collect();
    let a = canister(&mut network, Effective::Subnet(subnets[0]));
    let b = canister(&mut network, Effective::Subnet(subnets[0]));
    let c = canister(&mut network, Effective::Subnet(subnets[1]));
    assert_conserved(&network);
    for callee in [
        b,
        c,
        a,
        Principal::from_slice(&[3, 1, 1]),
        Principal::management_canister(),
    ] {
        for what in [
            program().accept(5_000_000).reply(),
            program().accept(5_000_000).trap("no"),
            program().reject("no"),
            program(),
            program()
                .burn(1_000)
                .call(call(a, program().accept(77).reply()).cycles(99)),
        ] {
            let sent = call(callee, what).cycles(10_000_000);
            let outcome = run(&mut network, a, program().call(sent));
            assert!(outcome.is_ok(), "{outcome:?}");
            assert_conserved(&network);
            let trapping = call(callee, program().accept(3).reply())
                .cycles(9)
                .on_reply(program().trap("late"));
            let _ = run(&mut network, a, program().call(trapping));
            assert_conserved(&network);
        }
    }
}

#[test]
fn should_conserve_cycles_while_messages_are_under_way() {
    let mut network = network(2);
    let subnets: Vec<Principal> = network.subnets().iter().map(SubnetView::id).collect();
    let a = canister(&mut network, Effective::Subnet(subnets[0]));
    let b = canister(&mut network, Effective::Subnet(subnets[1]));
    let back = call(a, program().accept(5).reply()).cycles(1_000);
    let there = call(b, program().accept(500).call(back)).cycles(1_000_000).timeout(100);
    let message = ingress(a, "run", program().call(there).bytes(), Effective::Canister(a));
    let id = network.submit_ingress(message).expect("accepted");
    for round in 0..12 {
        if round == 3 {
            let late = network.time() + 200_000_000_000;
            network.set_time(late).expect("time runs forward");
        }
        network.tick();
        assert_conserved(&network);
    }
    assert!(matches!(
        network.ingress_status(&id).map(|record| &record.status),
        Some(IngressStatus::Replied(_))
    ));
    assert!(network.is_idle());
    let balances = network.cycles(a).zip(network.cycles(b)).map(|(a, b)| a + b);
    assert_eq!(balances, Some(network.audit().0));
}

#[test]
fn should_conserve_cycles_when_canisters_go_away() {
    let mut network = network(1);
    let a = canister(&mut network, Effective::None);
    let b = canister(&mut network, Effective::None);
    let record = |canister_id| CanisterIdRecord { canister_id };
    let open = call(b, program().call(call(b, program().reply()).cycles(5))).cycles(1_000);
    let message = ingress(a, "run", program().call(open).bytes(), Effective::Canister(a));
    network.submit_ingress(message).expect("accepted");
    manage(&mut network, "uninstall_code", record(b), Effective::Canister(b));
    assert_conserved(&network);
    manage(&mut network, "stop_canister", record(b), Effective::Canister(b));
    manage(&mut network, "delete_canister", record(b), Effective::Canister(b));
    assert_conserved(&network);
    assert!(!network.has_canister(b));
    let late = network.time() + 40 * 365 * 86_400 * 1_000_000_000;
    network.set_time(late).expect("time runs forward");
    network.tick();
    assert_conserved(&network);
}

#[test]
fn should_not_run_a_message_twice() {
    let mut network = network(1);
    let a = canister(&mut network, Effective::None);
    let message = ingress(
        a,
        "run",
        program().remember("x").show_state().reply().bytes(),
        Effective::Canister(a),
    );
    let id = [5; 32];
    for _ in 0..2 {
        network.submit_ingress_with_id(id, message.clone()).expect("accepted");
        assert_eq!(network.await_ingress(&id), Ok(Ok(b"x".to_vec())));
    }
    network.submit_ingress_with_id(id, message).expect("accepted");
    network.tick();
    assert_eq!(run(&mut network, a, program().show_state().reply()), Ok(b"x".to_vec()));
}

#[test]
fn should_show_certification_what_canisters_certify() {
    let mut network = network(1);
    let a = canister(&mut network, Effective::None);
    let before = network.version();
    run(&mut network, a, program().certify("root").reply()).expect("it replies");
    assert!(network.version() > before);
    let _ = run(&mut network, a, program().certify("lost").trap("no"));
    let subnet = network
        .subnet_of(a)
        .and_then(|id| network.subnet(id))
        .expect("a subnet");
    let view = subnet.canister(a).expect("a canister");
    assert_eq!((view.certified_data, view.module_hash.is_some()), (&b"root"[..], true));
    assert_eq!(view.controllers, [Principal::anonymous()]);
    assert_eq!(subnet.certified_time(), network.time());
    assert!(subnet.is_root());
}

#[test]
fn should_repeat_itself() {
    let trace = || {
        let mut network = network(2);
        let a = canister(&mut network, Effective::None);
        let b = canister(&mut network, Effective::None);
        let random = call(Principal::management_canister(), program()).method("raw_rand", management::NOTHING.to_vec());
        let reply = run(&mut network, a, program().call(call(b, program().call(random))));
        (
            network.subnets().iter().map(SubnetView::id).collect::<Vec<_>>(),
            a,
            b,
            reply,
            network.audit(),
            network.time(),
        )
    };
    assert_eq!(trace(), trace());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn should_conserve_cycles_whatever_canisters_do(
        steps in prop::collection::vec((0_usize..3, 0_usize..3, 0_u8..6, 0_u64..2_000_000_000, 0_u32..2), 1..12),
        delays in prop::collection::vec(0_u64..400, 12),
    ) {
        let mut network = network(2);
        let subnets: Vec<Principal> = network.subnets().iter().map(SubnetView::id).collect();
        let ids: Vec<Principal> = [0, 0, 1].map(|n: usize| canister(&mut network, Effective::Subnet(subnets[n]))).to_vec();
        for ((from, to, kind, cycles, timeout), delay) in steps.into_iter().zip(delays) {
            let what = match kind {
                0 => program().accept(cycles / 2).reply(),
                1 => program().accept(cycles).trap("no"),
                2 => program().reject("no"),
                3 => program().call(call(ids[from], program().accept(cycles / 3).reply()).cycles(cycles / 2)),
                4 => program().burn(cycles).reply(),
                _ => program(),
            };
            let sent = call(ids[to], what).cycles(cycles).timeout(timeout * 60);
            let message = ingress(ids[from], "run", program().call(sent).bytes(), Effective::Canister(ids[from]));
            prop_assert!(network.submit_ingress(message).is_ok());
            let time = network.time() + delay * 1_000_000_000;
            prop_assert!(network.set_time(time).is_ok());
            network.tick();
            let (all, created, consumed) = network.audit();
            prop_assert_eq!(all, created - consumed);
        }
        for _ in 0..20 {
            network.tick();
        }
        prop_assert!(network.is_idle());
        let (all, created, consumed) = network.audit();
        prop_assert_eq!(all, created - consumed);
        let balances: Cycles = ids.iter().filter_map(|id| network.cycles(*id)).sum();
        prop_assert_eq!(all, balances);
    }
}

#[test]
fn should_answer_queries_from_an_older_state_where_they_are_to_lag() {
    let mut network = network(1);
    let subnet = network.subnets()[0].id();
    let a = canister(&mut network, Effective::Subnet(subnet));
    let ask = |network: &Network| {
        let question = program().show_state().reply().bytes();
        let call = ingress(a, "ask", question, Effective::Canister(a));
        String::from_utf8(network.query(&call).expect("an answer")).expect("text")
    };
    run(&mut network, a, program().remember("old").reply()).expect("it runs");
    assert_eq!(ask(&network), "old");
    network.set_lag(stale::Lag::new(5));
    for _ in 0..6 {
        network.tick();
    }
    run(&mut network, a, program().remember("new").reply()).expect("it runs");
    assert_eq!(ask(&network), "old", "a node that lags has not seen it");
    for _ in 0..6 {
        network.tick();
    }
    assert_eq!(ask(&network), "oldnew");
    network.set_lag(stale::Lag::new(0));
    run(&mut network, a, program().remember("newest").reply()).expect("it runs");
    assert_eq!(ask(&network), "oldnewnewest");
}
