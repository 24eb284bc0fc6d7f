//! What can be known of a refusal before a stake is approved, which costs a fee.

use std::time::Duration;

use candid::Principal;
use ddsx_client::{Aggregator, CallError, NetworkError, all_pages, now_ns, until_seen};
use ddsx_types::federated_aggregator::{JoinError, JoinRule, Stage, TaskInfo};
use ddsx_types::stream_registry::Licence;

use crate::TrainerError;

/// How long a node may lag behind a licence that was just bought.
const PATIENCE: Duration = Duration::from_secs(5);

/// Refuses where the aggregator would: the task is over or full, or is not for this client. `info` is the subnet's word.
pub async fn check(aggregator: &Aggregator, info: &TaskInfo) -> Result<(), TrainerError> {
    let me = aggregator.network().principal();
    let refusal = match (refusal(info, me), &info.args.join) {
        (Some(refusal), _) => Some(refusal),
        (None, JoinRule::Licence { registry, stream }) => {
            let registry = aggregator.network().registry(*registry);
            // Registries take lists as queries alone. A node that lags may not know a licence that was just bought.
            let ask = || all_pages(|page| registry.licences_of(me, page), |licence: &Licence| licence.id);
            let covered = |licences: &Vec<Licence>| covers(licences, *stream, now_ns());
            match until_seen(PATIENCE, ask, covered).await {
                Ok(licences) => (!covered(&licences)).then_some(JoinError::NotAllowed),
                // A registry that cannot be asked from here decides when the aggregator asks it.
                Err(NetworkError::Rejected { .. } | NetworkError::Unreadable { .. }) => None,
                Err(error) => return Err(error.into()),
            }
        }
        (None, _) => None,
    };
    refusal.map_or(Ok(()), |error| {
        Err(TrainerError::Join(CallError::Refused { method: "join", error }))
    })
}

fn refusal(info: &TaskInfo, me: Principal) -> Option<JoinError> {
    if matches!(info.stage.stage, Stage::Ended(_)) {
        return Some(JoinError::Ended);
    }
    if info.clients >= info.args.max_clients {
        return Some(JoinError::Full {
            limit: info.args.max_clients,
        });
    }
    match &info.args.join {
        JoinRule::AllowList(allowed) if !allowed.contains(&me) => Some(JoinError::NotAllowed),
        _ => None,
    }
}

fn covers(licences: &[Licence], stream: u64, now: u64) -> bool {
    licences
        .iter()
        .any(|licence| licence.stream == stream && licence.expires_at.is_none_or(|at| at > now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::Nat;
    use ddsx_types::Hash;
    use ddsx_types::stream_registry::PlanKind;

    #[test]
    fn should_know_a_licence_that_covers_the_stream_now() {
        let licence = |stream, expires_at| Licence {
            id: 1,
            owner: Principal::management_canister().into(),
            stream,
            plan: 1,
            kind: PlanKind::Perpetual,
            terms_hash: Hash::default(),
            ledger: None,
            price: Nat::default(),
            bought_at: 0,
            expires_at,
        };
        for (licences, expected) in [
            (vec![], false),
            (vec![licence(7, None)], true),
            (vec![licence(8, None)], false),
            (vec![licence(7, Some(100))], false),
            (vec![licence(7, Some(100)), licence(7, Some(101))], true),
        ] {
            assert_eq!(covers(&licences, 7, 100), expected, "{licences:?}");
        }
    }
}
