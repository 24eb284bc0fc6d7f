//! New canisters and cycles: `provisional_create_canister_with_cycles`, `provisional_top_up_canister`,
//! `create_canister`, `deposit_cycles`.

use candid::Principal;
use ic_management_canister_types::{
    CanisterIdRecord, CanisterSettings, ChangeDetails, CreateCanisterArgs, CreationRecord,
    ProvisionalCreateCanisterWithCyclesArgs, ProvisionalTopUpCanisterArgs,
};
use pocket_ic::ErrorCode;

use super::errors::{creation_out_of_cycles, invalid_payload};
use super::settings::{apply, variables_hash};
use super::{Done, NOTHING, change_origin, decode, reply};
use crate::execution::{Cycles, fees};
use crate::network::call::{Answer, Call};
use crate::network::canister::{Canister, Settings};
use crate::network::ids;
use crate::network::reject::Reject;
use crate::network::subnet::Subnet;

/// Cycles of a canister created provisionally when no amount is given.
const PROVISIONAL_CYCLES: Cycles = 100_000_000_000_000;

/// `provisional_create_canister_with_cycles`.
pub fn provisional_create(subnet: &mut Subnet, call: &Call) -> Answer {
    let arg: ProvisionalCreateCanisterWithCyclesArgs = decode(&call.arg)?;
    let amount = match &arg.amount {
        None => PROVISIONAL_CYCLES,
        Some(amount) => cycles(amount)?,
    };
    let settings = new_settings(call, arg.settings)?;
    let id = match arg.specified_id {
        Some(id) => specified(subnet, id)?,
        None => fresh(subnet)?,
    };
    subnet.created = subnet.created.saturating_add(amount);
    insert(subnet, call, id, settings, amount);
    reply((CanisterIdRecord { canister_id: id },))
}

/// `provisional_top_up_canister`.
pub fn provisional_top_up(subnet: &mut Subnet, arg: &[u8]) -> Answer {
    let arg: ProvisionalTopUpCanisterArgs = decode(arg)?;
    let amount = cycles(&arg.amount)?;
    let canister = subnet.canister_mut(arg.canister_id)?;
    let added = amount.min(Cycles::MAX - canister.balance);
    canister.balance += added;
    subnet.created = subnet.created.saturating_add(added);
    Ok(NOTHING.to_vec())
}

/// `create_canister`: the cycles of the call, less the fee, become the balance.
pub fn create(subnet: &mut Subnet, call: &Call) -> Done {
    match try_create(subnet, call) {
        Ok(answer) => Done {
            answer: Some(Ok(answer)),
            taken: call.cycles,
            instructions: 0,
        },
        Err(reject) => Err(reject).into(),
    }
}

fn try_create(subnet: &mut Subnet, call: &Call) -> Answer {
    let arg: CreateCanisterArgs = decode(&call.arg)?;
    let fee = subnet.price(|nodes| fees::scale(fees::CREATE_CANISTER, nodes));
    if call.cycles < fee {
        return Err(creation_out_of_cycles(call.cycles, fee));
    }
    let settings = new_settings(call, arg.settings)?;
    let id = fresh(subnet)?;
    let answer = reply((CanisterIdRecord { canister_id: id },))?;
    subnet.consumed += fee;
    insert(subnet, call, id, settings, call.cycles - fee);
    Ok(answer)
}

/// `deposit_cycles`.
pub fn deposit(subnet: &mut Subnet, call: &Call) -> Done {
    let deposited = decode::<CanisterIdRecord>(&call.arg)
        .and_then(|arg| subnet.canister_mut(arg.canister_id))
        .map(|canister| canister.balance += call.cycles);
    match deposited {
        Ok(()) => Done {
            answer: Some(Ok(NOTHING.to_vec())),
            taken: call.cycles,
            instructions: 0,
        },
        Err(reject) => Err(reject).into(),
    }
}

fn cycles(amount: &candid::Nat) -> Result<Cycles, Reject> {
    Cycles::try_from(amount.0.clone()).map_err(|_| invalid_payload("The amount of cycles does not fit 128 bits."))
}

fn new_settings(call: &Call, asked: Option<CanisterSettings>) -> Result<Settings, Reject> {
    let mut settings = Settings::new(vec![call.origin.caller()]);
    apply(&mut settings, asked.unwrap_or_default())?;
    Ok(settings)
}

fn fresh(subnet: &mut Subnet) -> Result<Principal, Reject> {
    subnet.next_canister_id().ok_or_else(|| {
        Reject::new(
            ErrorCode::SubnetOversubscribed,
            "Could not create canister. Subnet has surpassed its canister ID allocation.",
        )
    })
}

/// An id that the user names: one of mainnet's, of this subnet, and free.
fn specified(subnet: &Subnet, id: Principal) -> Result<Principal, Reject> {
    if ids::contains(&[subnet.spec.allocation], id) {
        return Err(invalid_payload(format!(
            "The `specified_id` {id} is invalid because it belongs to the canister allocation ranges of the test \
             environment.\nUse a `specified_id` that matches a canister ID on the ICP mainnet and a test environment \
             that supports canister creation with `specified_id` (e.g., PocketIC)."
        )));
    }
    if !ids::contains(&subnet.spec.named, id) {
        return Err(Reject::new(
            ErrorCode::CanisterNotHostedBySubnet,
            format!(
                "Unsuccessful validation of specified ID: Specified CanisterId {id} is not hosted by subnet {}.",
                subnet.id
            ),
        ));
    }
    if subnet.canisters.contains_key(&id) {
        return Err(Reject::new(
            ErrorCode::CanisterIdAlreadyExists,
            format!("Unsuccessful canister creation: canister id {id} already exists."),
        ));
    }
    Ok(id)
}

fn insert(subnet: &mut Subnet, call: &Call, id: Principal, settings: Settings, balance: Cycles) {
    let mut canister = Canister::new(id, settings, balance, subnet.time);
    let creation = CreationRecord {
        controllers: canister.settings.controllers.clone(),
        environment_variables_hash: variables_hash(&canister.settings),
    };
    canister.record_change(subnet.time, change_origin(call), ChangeDetails::Creation(creation));
    subnet.canisters.insert(id, Box::new(canister));
}
