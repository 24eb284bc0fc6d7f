//! Making a task: every field of the arguments is checked here, and nothing is trusted later that was not.

use candid::Principal;
use ddsx_nn::spec::{self, Plan};
use ddsx_nn::strategies::check::{limit, needed};
use ddsx_nn::strategies::{check_parameters, state_vectors};
use ddsx_nn::weights;
use ddsx_types::TimestampNs;
use ddsx_types::federated_aggregator::{
    CreateTaskArgs, InitialWeights, JoinRule, Limits, OutputKind, Privacy, Reward, Scoring, Stage, Strategy, TaskError,
    TaskId,
};

use crate::amounts::amount;
use crate::books::{Books, Payable};
use crate::guard;
use crate::limits::{
    DURATION_S, MAX_ALLOWED, MAX_CONFIG_BYTES, MAX_DESCRIPTION_BYTES, MAX_FULL_BPS, MAX_HEADER_BYTES, MAX_NAME_BYTES,
    MAX_PERMUTATIONS, MAX_ROUNDS, MAX_SCORED,
};
use crate::storage::Storage;
use crate::storage::extents::Blob;
use crate::storage::records::{FileRecord, TaskRecord};

fn invalid(field: &str, reason: impl Into<String>) -> TaskError {
    TaskError::Invalid {
        field: field.to_owned(),
        reason: reason.into(),
    }
}

fn require(holds: bool, field: &str, reason: impl Into<String>) -> Result<(), TaskError> {
    if holds { Ok(()) } else { Err(invalid(field, reason)) }
}

/// The plan of a model within the canister's limits.
pub fn plan(limits: &Limits, args: &CreateTaskArgs) -> Result<Plan, TaskError> {
    let limits = spec::Limits {
        parameters: limits.parameters,
        multiply_adds: limits.multiply_adds,
        ..spec::Limits::default()
    };
    Plan::new(&args.model, &limits).map_err(TaskError::Model)
}

/// The plan of a task that was created: limits may have been lowered since, so only the highest count.
pub fn plan_of(args: &CreateTaskArgs) -> Result<Plan, TaskError> {
    plan(&crate::limits::HIGHEST, args)
}

/// Makes a task.
pub fn create(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    args: &CreateTaskArgs,
) -> Result<TaskId, TaskError> {
    guard::may_change(storage, caller)?;
    let settings = storage.settings().clone();
    let limits = settings.limits;
    if storage.tasks_of(&caller) >= u64::from(limits.tasks_per_owner) {
        return Err(TaskError::TooMany {
            what: "tasks of one owner".to_owned(),
            limit: limits.tasks_per_owner.into(),
        });
    }
    check_texts(args)?;
    let plan = plan(&limits, args)?;
    check_rounds(&limits, args)?;
    check_scores(args)?;
    check_files(&limits, args, &plan)?;
    if let Some(privacy) = &args.privacy {
        check_privacy(privacy, &args.strategy)?;
    }
    let (ledger, stake) = match &args.reward {
        Some(reward) => (Some(reward.ledger), check_reward(storage, reward)?),
        None => (None, 0),
    };
    let storage_bytes = reserved(args, plan.len as u64);
    if storage_bytes > limits.task_bytes {
        return Err(TaskError::TooMany {
            what: "bytes of a task".to_owned(),
            limit: limits.task_bytes,
        });
    }
    let id = storage.counters().tasks;
    let mut record = TaskRecord {
        id,
        owner: caller,
        created_at: now,
        stage: Stage::Draft,
        since: now,
        parameters: plan.len as u64,
        header_bytes: weights::header(&plan).len() as u64,
        asynchronous: matches!(args.strategy, Strategy::FedBuff { .. }),
        ledger,
        stake,
        storage_bytes,
        storage_paid: settings.fee_cycles_per_mib == 0 && (settings.fee_ledger.is_none() || settings.fee_per_mib == 0),
        storage_in_flight: false,
        reserved: false,
        weights: match args.initial {
            InitialWeights::Upload(digest) => Some(FileRecord::new(digest)),
            InitialWeights::Draw => None,
        },
        evaluation: FileRecord::new(args.evaluation),
        model: None,
        best: None,
        loss: None,
        state: Vec::new(),
        accepted_rounds: 0,
        rounds_held: 0,
        noised_rounds: 0,
        collecting: None,
        working: false,
        clients: 0,
        books: Books::default(),
        owner_due: Payable::default(),
        stopping: false,
        due: None,
        failures: 0,
        paid_loss: None,
        usual_norm: None,
        sketch_seed: None,
        free_skips: 0,
    };
    if record.storage_paid {
        reserve(storage, &mut record)?;
    }
    storage.count(|counters| counters.tasks += 1);
    storage.enter_task(record, args);
    Ok(id)
}

/// Sets a task's room aside. Only a task whose storage is paid, is being paid or is free holds room: drafts would keep everybody out otherwise.
/// The record is the caller's to store.
pub fn reserve(storage: &mut Storage, record: &mut TaskRecord) -> Result<(), TaskError> {
    if record.reserved {
        return Ok(());
    }
    let limit = storage.settings().limits.total_bytes;
    if storage.counters().reserved_bytes + record.storage_bytes > limit {
        return Err(TaskError::TooMany {
            what: "bytes of all tasks".to_owned(),
            limit,
        });
    }
    storage.count(|counters| counters.reserved_bytes += record.storage_bytes);
    record.reserved = true;
    Ok(())
}

/// Gives that room back, if it was set aside. The record is the caller's to store.
pub fn release_reserve(storage: &mut Storage, record: &mut TaskRecord) {
    if std::mem::take(&mut record.reserved) {
        storage.count(|counters| counters.reserved_bytes -= record.storage_bytes);
    }
}

fn check_texts(args: &CreateTaskArgs) -> Result<(), TaskError> {
    let name = args.name.trim().len();
    require(
        (1..=MAX_NAME_BYTES).contains(&name) && args.name.len() <= MAX_NAME_BYTES,
        "name",
        format!("1 to {MAX_NAME_BYTES} bytes"),
    )?;
    for (field, text, most) in [
        ("description", &args.description, MAX_DESCRIPTION_BYTES),
        ("client_config", &args.client_config, MAX_CONFIG_BYTES),
    ] {
        require(text.len() <= most, field, format!("at most {most} bytes"))?;
    }
    if let JoinRule::AllowList(allowed) = &args.join {
        require(
            (1..=MAX_ALLOWED).contains(&allowed.len()),
            "join",
            format!("1 to {MAX_ALLOWED} principals"),
        )?;
    }
    Ok(())
}

fn check_rounds(limits: &Limits, args: &CreateTaskArgs) -> Result<(), TaskError> {
    check_parameters(&args.strategy).map_err(TaskError::Strategy)?;
    let rules = &args.rounds;
    let most = limits.updates.min(limit(&args.strategy));
    let least = needed(&args.strategy).max(1);
    require(
        (1..=limits.clients).contains(&args.max_clients),
        "max_clients",
        format!("1 to {}", limits.clients),
    )?;
    require(
        (1..=MAX_ROUNDS).contains(&rules.rounds),
        "rounds",
        format!("1 to {MAX_ROUNDS}"),
    )?;
    require(
        (least..=most).contains(&rules.min_updates) && rules.min_updates <= args.max_clients,
        "min_updates",
        format!("{least} (what the strategy needs) to {most}, and at most max_clients"),
    )?;
    require(
        (rules.min_updates..=most).contains(&rules.max_updates),
        "max_updates",
        format!("min_updates to {most}"),
    )?;
    require(
        DURATION_S.contains(&rules.duration_s),
        "duration_s",
        format!("{} to {}", DURATION_S.start(), DURATION_S.end()),
    )?;
    // Sums of samples are made in 128 bits and compared as f64: up to here both are exact.
    require((1..=1 << 40).contains(&rules.max_samples), "max_samples", "1 to 2^40")?;
    if let Strategy::FedBuff { buffer, .. } = args.strategy {
        require(
            rules.max_updates == buffer,
            "max_updates",
            "the buffer's size with FedBuff",
        )?;
    }
    Ok(())
}

fn check_scores(args: &CreateTaskArgs) -> Result<(), TaskError> {
    require(
        !matches!(args.model.output, OutputKind::Embedding(_)),
        "model",
        "the output must be classes or regression targets",
    )?;
    require(
        args.tolerance >= 0.0 && args.tolerance.is_finite(),
        "tolerance",
        "0 or more",
    )?;
    require(
        args.norm_bound.is_none_or(|bound| bound > 0.0 && bound.is_finite()),
        "norm_bound",
        "above 0",
    )?;
    // Without one, a single finite update could be so great that no sum holds it.
    require(
        args.norm_bound.is_some() || args.reward.is_none(),
        "norm_bound",
        "needed where rewards are paid or stakes are held",
    )?;
    if args.scoring != Scoring::Proxy {
        require(
            args.rounds.max_updates <= MAX_SCORED,
            "max_updates",
            format!("at most {MAX_SCORED} unless the proxy scores"),
        )?;
    }
    if let Scoring::Shapley {
        permutations,
        tolerance,
    } = args.scoring
    {
        require(
            (1..=MAX_PERMUTATIONS).contains(&permutations) && tolerance >= 0.0 && tolerance.is_finite(),
            "scoring",
            format!("1 to {MAX_PERMUTATIONS} permutations and a tolerance of 0 or more"),
        )?;
    }
    Ok(())
}

fn check_files(limits: &Limits, args: &CreateTaskArgs, plan: &Plan) -> Result<(), TaskError> {
    let most = limits.evaluation_bytes;
    require(
        (1..=most).contains(&args.evaluation.bytes),
        "evaluation",
        format!("1 to {most} bytes"),
    )?;
    if let InitialWeights::Upload(digest) = args.initial {
        let most = plan.len as u64 * 4 + MAX_HEADER_BYTES;
        require(
            (1..=most).contains(&digest.bytes),
            "initial",
            format!("1 to {most} bytes"),
        )?;
    }
    Ok(())
}

fn check_privacy(privacy: &Privacy, strategy: &Strategy) -> Result<(), TaskError> {
    let positive = |value: f32| value > 0.0 && value.is_finite();
    require(
        positive(privacy.clip) && positive(privacy.noise_multiplier) && privacy.delta > 0.0 && privacy.delta <= 0.1,
        "privacy",
        "clip and noise above 0, delta above 0 and at most 0.1",
    )?;
    require(
        matches!(
            strategy,
            Strategy::FedAvg
                | Strategy::FedAvgM { .. }
                | Strategy::FedAdagrad { .. }
                | Strategy::FedAdam { .. }
                | Strategy::FedYogi { .. }
                | Strategy::FedProx { .. }
        ),
        "privacy",
        "only with strategies that average",
    )
}

fn check_reward(storage: &Storage, reward: &Reward) -> Result<u128, TaskError> {
    storage.listed_asset(reward.ledger).ok_or(TaskError::AssetNotListed)?;
    amount(&reward.per_round).ok_or_else(|| invalid("per_round", "at most 2^96"))?;
    if let Some(earning) = &reward.earning {
        require(
            earning.floor_bps <= earning.ceiling_bps && earning.ceiling_bps <= 10_000,
            "earning",
            "the floor at most the ceiling, and the ceiling at most 10,000",
        )?;
        require(
            (1..=MAX_FULL_BPS).contains(&earning.full_bps) && earning.least_bps <= earning.full_bps,
            "earning",
            format!("full_bps 1 to {MAX_FULL_BPS}, and least_bps at most that"),
        )?;
    }
    let stake = amount(&reward.stake).ok_or_else(|| invalid("stake", "at most 2^96"))?;
    let deposit = reward
        .deposit
        .as_ref()
        .map(|deposit| amount(deposit).filter(|deposit| *deposit <= stake));
    require(deposit != Some(None), "deposit", "at most the stake")?;
    Ok(stake)
}

/// Bytes that a task can come to hold: the model, a candidate, a coalition's model, the strategy's vectors twice, the files, and
/// a round's updates (two rounds' where one is combined while the next collects).
fn reserved(args: &CreateTaskArgs, parameters: u64) -> u64 {
    let vector = Blob::reserved(parameters * 4);
    let vectors = 3 + 2 * state_vectors(&args.strategy) as u64;
    let rounds = if matches!(args.strategy, Strategy::FedBuff { .. }) {
        2
    } else {
        1
    };
    let initial = match args.initial {
        InitialWeights::Upload(digest) => Blob::reserved(digest.bytes),
        InitialWeights::Draw => 0,
    };
    let uploads = u64::from(args.rounds.max_updates) * rounds;
    vector * (vectors + uploads) + initial + Blob::reserved(args.evaluation.bytes)
}

/// What a task's storage costs now, in the fee's asset and in cycles.
pub fn storage_fee(storage: &Storage, storage_bytes: u64) -> (Option<u128>, u128) {
    let settings = storage.settings();
    let mib = u128::from(storage_bytes.div_ceil(1 << 20));
    let tokens = settings.fee_ledger.map(|_| mib * settings.fee_per_mib);
    (tokens.filter(|fee| *fee > 0), mib * settings.fee_cycles_per_mib)
}
