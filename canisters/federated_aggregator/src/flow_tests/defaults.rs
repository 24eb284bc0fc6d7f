//! What an aggregator asks from the upgrade on that the first release did not ask.

use candid::Nat;
use ddsx_types::federated_aggregator::Stage;

use crate::create;
use crate::governance::{self, Action};
use crate::limits::{CYCLES_PER_BILLION, CYCLES_PER_MIB, DRAFT_DEPOSIT_FEES};
use crate::storage::{with, with_mut};
use crate::testing::{FEE, GOVERNANCE, LEDGER, OWNER, World, task_args};

fn as_the_first_release_left_it(change: impl FnOnce(&mut crate::storage::records::Settings)) {
    with_mut(|storage| {
        storage.change_settings(|settings| {
            settings.fees_set = false;
            change(settings);
        });
    });
}

#[test]
fn should_ask_after_an_upgrade_what_a_new_installation_asks_and_let_tasks_go_on_as_they_were_begun() {
    let world = World::new();
    let old = world.draft(&task_args());
    as_the_first_release_left_it(|_| {});
    world.upgrade();
    let parameters = with(governance::parameters);
    assert_eq!(parameters.storage_fee.ledger, Some(LEDGER));
    assert_eq!(parameters.storage_fee.per_mib, FEE);
    assert_eq!(parameters.storage_fee.cycles_per_mib, CYCLES_PER_MIB);
    let compute = parameters.compute_fee.unwrap();
    assert_eq!(
        (compute.per_billion, compute.cycles_per_billion),
        (FEE.into(), CYCLES_PER_BILLION.into())
    );
    assert_eq!(parameters.draft_deposit, Some(Nat::from(FEE * DRAFT_DEPOSIT_FEES)));
    let info = world.info(old);
    assert!(info.storage_paid && info.storage_fee.is_none(), "{info:?}");
    assert!(
        with(|storage| create::quote(storage, OWNER, &task_args()))
            .unwrap()
            .fee
            .is_some()
    );
    let new = with_mut(|storage| create::create(storage, OWNER, world.now(), &task_args()));
    assert!(new.is_err(), "without a balance");
    world.fund(old, 2 * crate::testing::PER_ROUND);
    with_mut(|storage| crate::owner::start(storage, OWNER, world.now(), old)).unwrap();
    world.wait(5);
    assert_eq!(world.stage(old), Stage::Running);
    // Governance's word counts from then on, and no upgrade takes it back.
    let fee = ddsx_types::federated_aggregator::StorageFee::default();
    world.runtime.set_caller(GOVERNANCE);
    let host = world.host.clone();
    let set = world
        .runtime
        .run(async move { governance::execute(&host, Action::SetStorageFee(fee)).await });
    assert_eq!(set, Some(Ok(())));
    world.upgrade();
    assert_eq!(with(governance::parameters).storage_fee.per_mib, 0_u8);
    world.check(old);
}

#[test]
fn should_keep_what_governance_of_the_first_release_asked_and_the_terms_of_its_drafts() {
    let world = World::new();
    with_mut(|storage| {
        storage.change_settings(|settings| {
            settings.fee_ledger = Some(LEDGER);
            settings.fee_per_mib = 1_234;
        });
    });
    let old = with_mut(|storage| create::create(storage, OWNER, world.now(), &task_args())).unwrap();
    let fee = world.info(old).storage_fee;
    as_the_first_release_left_it(|_| {});
    world.upgrade();
    let parameters = with(governance::parameters);
    assert_eq!(parameters.storage_fee.per_mib, 1_234_u32);
    assert_eq!(parameters.compute_fee.unwrap().per_billion, FEE);
    assert_eq!(world.info(old).storage_fee, fee, "it asks for no computing");
    let new = with(|storage| create::quote(storage, OWNER, &task_args())).unwrap();
    assert!(new.fee > fee);
}

#[test]
fn should_set_the_deposit_of_drafts_by_governance() {
    let world = World::new();
    let set = |deposit: Nat| {
        world.runtime.set_caller(GOVERNANCE);
        let host = world.host.clone();
        world
            .runtime
            .run(async move { governance::execute(&host, Action::SetDraftDeposit(deposit)).await })
            .unwrap()
    };
    set(Nat::from(5_u8)).unwrap();
    assert_eq!(with(governance::parameters).draft_deposit, Some(Nat::from(5_u8)));
    assert!(set(Nat::from(u128::MAX)).is_err());
}
