//! The management canister through the agent: what a deployment tool does.

use candid::{CandidType, Decode, Deserialize, Encode, Nat, Principal};
use ic_agent::{AgentError, Identity};
use pocket_ic::nonblocking::get_default_effective_canister_id;

use super::world::{World, controller, stranger};
use crate::common;

#[derive(CandidType, Deserialize)]
struct CanisterId {
    canister_id: Principal,
}

#[derive(CandidType, Default)]
struct Provisional {
    amount: Option<Nat>,
}

#[derive(CandidType)]
#[allow(non_camel_case_types, reason = "Candid's names")]
enum Mode {
    install,
}

#[derive(CandidType)]
struct InstallCode {
    mode: Mode,
    canister_id: Principal,
    wasm_module: Vec<u8>,
    arg: Vec<u8>,
}

#[tokio::test]
async fn should_create_and_install_a_canister() {
    let world = World::new().await;
    let agent = world.agent(controller()).await;
    let effective = get_default_effective_canister_id(world.url.clone())
        .await
        .expect("the topology");
    let management = Principal::management_canister();
    let reply = agent
        .update(&management, "provisional_create_canister_with_cycles")
        .with_effective_canister_id(effective)
        .with_arg(
            Encode!(&Provisional {
                amount: Some(Nat::from(common::CYCLES))
            })
            .expect("encodes"),
        )
        .call_and_wait()
        .await
        .expect("a canister");
    let canister = Decode!(&reply, CanisterId).expect("a canister id").canister_id;
    let install = InstallCode {
        mode: Mode::install,
        canister_id: canister,
        wasm_module: common::wasm(include_str!("canister.wat")),
        arg: vec![],
    };
    let install = Encode!(&install).expect("encodes");
    let refused = world
        .agent(stranger())
        .await
        .update(&management, "install_code")
        .with_effective_canister_id(canister)
        .with_arg(install.clone())
        .call_and_wait()
        .await
        .expect_err("not a controller");
    assert!(
        matches!(
            refused,
            AgentError::UncertifiedReject { .. } | AgentError::CertifiedReject { .. }
        ),
        "{refused}"
    );
    agent
        .update(&management, "install_code")
        .with_effective_canister_id(canister)
        .with_arg(install)
        .call_and_wait()
        .await
        .expect("installed");
    let caller = agent.query(&canister, "whoami").call().await.expect("a reply");
    assert_eq!(caller, controller().sender().expect("a sender").as_slice());
}

#[tokio::test]
async fn should_refuse_a_management_call_at_another_canister_than_it_is_about() {
    let world = World::new().await;
    let agent = world.agent(controller()).await;
    let other = get_default_effective_canister_id(world.url.clone())
        .await
        .expect("the topology");
    let about = Principal::from_text("ryjl3-tyaaa-aaaaa-aaaba-cai").expect("a principal");
    let error = agent
        .update(&Principal::management_canister(), "start_canister")
        .with_effective_canister_id(other)
        .with_arg(Encode!(&CanisterId { canister_id: about }).expect("encodes"))
        .call_and_wait()
        .await
        .expect_err("a refusal");
    assert!(
        matches!(error, AgentError::HttpError(ref payload) if payload.status == 400),
        "{error}"
    );
}
