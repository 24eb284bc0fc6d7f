//! Making a task: every field of the arguments is checked here, and nothing is trusted later that was not.

use candid::Principal;
use ddsx_nn::spec::{self, Plan};
use ddsx_nn::strategies::check::{limit, needed};
use ddsx_nn::strategies::check_parameters;
use ddsx_nn::weights;
use ddsx_types::federated_aggregator::{
    CreateTaskArgs, InitialWeights, JoinRule, Limits, OutputKind, Privacy, Reward, Scoring, Stage, Strategy, TaskError,
    TaskId, TaskQuote, TaskTotal,
};
use ddsx_types::{Hash, TimestampNs};

use crate::amounts::{amount, nat};
use crate::books::{Books, Payable};
use crate::limits::{
    DURATION_S, MAX_ALLOWED, MAX_CLASSES, MAX_CONFIG_BYTES, MAX_DESCRIPTION_BYTES, MAX_FULL_BPS, MAX_HEADER_BYTES,
    MAX_NAME_BYTES, MAX_PERMUTATIONS, MAX_ROUNDS, MAX_SCORED, MONTH_NS, SAMPLE_INSTRUCTIONS, UNPAID_NS,
};
use crate::price::{self, Price};
use crate::storage::Storage;
use crate::storage::records::{AssetRecord, Fee, FileRecord, TaskRecord};
use crate::{balance, drafts, guard};

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

/// What comes with the making of a task.
#[derive(Clone, Copy, Debug, Default)]
pub struct With {
    /// Cycles that came with the call; where they suffice, they pay.
    pub cycles: u128,
    /// Whether all of it is to be paid now, from the balance.
    pub at_once: bool,
    /// Paid into the budget from the balance, in the asset of the rewards, which was checked.
    pub budget: u128,
    /// What makes it safe to repeat.
    pub request: Option<Hash>,
}

/// A task that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its number.
    pub task: TaskId,
    /// The cycles that it costs, of those that came along.
    pub cycles: u128,
}

/// Checks that the caller may make such a task now; answers the model's plan.
pub fn check_new(storage: &Storage, caller: Principal, args: &CreateTaskArgs) -> Result<Plan, TaskError> {
    guard::may_change(storage, caller)?;
    let limits = storage.settings().limits;
    if storage.tasks_of(&caller) >= u64::from(limits.tasks_per_owner) {
        return Err(TaskError::TooMany {
            what: "tasks of one owner".to_owned(),
            limit: limits.tasks_per_owner.into(),
        });
    }
    check(storage, args)
}

/// Makes a task. What it costs is taken from the caller's balance, if that has it; else the draft's deposit is, and the draft waits to be
/// paid.
pub fn create(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    args: &CreateTaskArgs,
) -> Result<TaskId, TaskError> {
    make(storage, caller, now, args, With::default()).map(|made| made.task)
}

/// As [`create`], with what came along. On an error nothing has changed.
pub fn make(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    args: &CreateTaskArgs,
    with: With,
) -> Result<Made, TaskError> {
    let plan = check_new(storage, caller, args)?;
    let ledger = args.reward.as_ref().map(|reward| reward.ledger);
    let stake = args
        .reward
        .as_ref()
        .and_then(|reward| amount(&reward.stake))
        .unwrap_or(0);
    let storage_bytes = price::reserved(args, plan.len as u64);
    let price = Price::of(storage.settings(), args, &plan);
    let encoded = candid::encode_one(args).map_err(|error| invalid("arguments", error.to_string()))?;
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
        storage_paid: false,
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
        expires_at: None,
        fee: Fee::default(),
        cleared: false,
        paid_loss: None,
        usual_norm: None,
        sketch_seed: None,
        free_skips: 0,
        deposit: None,
        paid_until: None,
        keep: false,
        short_since: None,
        request: with.request,
    };
    let cycles = pay(storage, &mut record, &price, with, now)?;
    let wait = if record.storage_paid { MONTH_NS } else { UNPAID_NS };
    let expires_at = now.saturating_add(wait);
    record.expires_at = Some(expires_at);
    storage.schedule(&mut record, Some(expires_at));
    storage.count(|counters| {
        // It has an end of its time: nobody has to give it one.
        counters.dated += u64::from(counters.dated == counters.tasks);
        counters.tasks += 1;
    });
    storage.enter_task(record, encoded);
    Ok(Made { task: id, cycles })
}

/// Pays a new draft, or takes its deposit; answers how many cycles it costs. On an error nothing has changed. The record is the caller's to store.
fn pay(
    storage: &mut Storage,
    record: &mut TaskRecord,
    price: &Price,
    with: With,
    now: TimestampNs,
) -> Result<u128, TaskError> {
    let budget_ledger = record.ledger.filter(|_| with.budget > 0);
    let asset = balance::fee_asset(storage);
    let fee = price.tokens().filter(|_| asset.is_some());
    let mut cycles = 0;
    if price.is_nothing() {
        let free = budget_ledger.map(|ledger| balance::account(storage, record.owner, ledger).free);
        if let (Some(ledger), Some(free)) = (budget_ledger, free)
            && free < with.budget
        {
            let asset = storage.asset(ledger).ok_or(TaskError::AssetNotListed)?;
            return Err(balance::lacks(&asset, with.budget, free));
        }
        reserve(storage, record)?;
        record.storage_paid = true;
    } else if price.cycles() > 0 && with.cycles >= price.cycles() {
        reserve(storage, record)?;
        cycles = price.cycles();
        let (per_round, rounds) = price.cycles_by_round();
        record.fee.cycles_per_round = per_round;
        record.fee.cycles_held = per_round.saturating_mul(rounds.into());
        record.storage_paid = true;
        record.paid_until = Some(price.paid_until(now));
    } else if let (Some(asset), Some(fee)) = (&asset, fee) {
        let free = balance::account(storage, record.owner, asset.ledger).free;
        let needed = fee.saturating_add(with.budget);
        if free >= needed {
            reserve(storage, record)?;
            balance::pay_fee(storage, record, price, asset.ledger, now);
        } else if with.at_once {
            return Err(balance::lacks(asset, needed, free));
        } else {
            let deposit = storage.settings().draft_deposit;
            if free < deposit {
                return Err(balance::lacks(asset, deposit, free));
            }
            drafts::make_room(storage, record.owner, now)?;
            balance::hold_deposit(storage, record, asset.ledger, deposit);
        }
    } else {
        // There is nothing that a deposit could be taken in.
        drafts::make_room(storage, record.owner, now)?;
    }
    if let Some(ledger) = budget_ledger {
        balance::spend(storage, record.owner, ledger, with.budget);
        record.books.receive_budget(with.budget);
    }
    Ok(cycles)
}

/// Checks every field, and answers the model's plan.
fn check(storage: &Storage, args: &CreateTaskArgs) -> Result<Plan, TaskError> {
    let limits = &storage.settings().limits;
    check_texts(args)?;
    check_join(storage, args)?;
    let plan = plan(limits, args)?;
    check_model(args, &plan)?;
    check_rounds(limits, args)?;
    check_scores(args)?;
    check_files(limits, args, &plan)?;
    if let Some(privacy) = &args.privacy {
        check_privacy(privacy, &args.strategy)?;
    }
    if let Some(reward) = &args.reward {
        check_reward(storage, reward)?;
    }
    if price::reserved(args, plan.len as u64) > limits.task_bytes {
        return Err(TaskError::TooMany {
            what: "bytes of a task".to_owned(),
            limit: limits.task_bytes,
        });
    }
    Ok(plan)
}

/// What a task would cost. Nothing is made.
pub fn quote(storage: &Storage, caller: Principal, args: &CreateTaskArgs) -> Result<TaskQuote, TaskError> {
    let plan = check(storage, args)?;
    let price = Price::of(storage.settings(), args, &plan);
    Ok(TaskQuote {
        parameters: plan.len as u64,
        storage_bytes: price::reserved(args, plan.len as u64),
        sample_instructions: plan.cost.of_batch(1),
        fee: price.tokens().map(nat),
        fee_cycles: nat(price.cycles()),
        compute: price.compute(&Fee::default()),
        total: total(storage, caller, args, &price),
    })
}

/// The asset in which a task is paid: that of the fee, or of the rewards where nothing else is asked; none where cycles alone are taken.
pub fn paying_asset(storage: &Storage, args: &CreateTaskArgs, price: &Price) -> Option<AssetRecord> {
    if price.is_nothing() {
        let ledger = args.reward.as_ref().map(|reward| reward.ledger)?;
        return storage.listed_asset(ledger);
    }
    balance::fee_asset(storage).filter(|_| price.tokens().is_some())
}

/// All of it as one sum, beside the caller's balance.
fn total(storage: &Storage, caller: Principal, args: &CreateTaskArgs, price: &Price) -> Option<TaskTotal> {
    let asset = paying_asset(storage, args, price)?;
    let (fee, (per_round, rounds)) = (price.tokens().unwrap_or(0), price.by_round());
    let reward = args.reward.as_ref().filter(|reward| reward.ledger == asset.ledger);
    let budget = reward
        .and_then(|reward| amount(&reward.per_round))
        .map_or(0, |per_round| per_round * u128::from(args.rounds.rounds));
    let (total, free) = (fee + budget, balance::account(storage, caller, asset.ledger).free);
    let missing = total.saturating_sub(free);
    let deposit = if price.is_nothing() {
        0
    } else {
        storage.settings().draft_deposit
    };
    Some(TaskTotal {
        ledger: asset.ledger,
        fee: nat(fee),
        budget: nat(budget),
        total: nat(total),
        comes_back: nat(per_round.saturating_mul(rounds.into()).min(fee) + budget),
        draft_deposit: nat(deposit),
        free: nat(free),
        from_balance: nat(total - missing),
        missing: nat(missing),
        ledger_fee: nat(if missing > 0 { asset.fee } else { 0 }),
    })
}

/// Sets a task's room aside. Only a task whose storage is paid, is being paid or is free holds room: drafts would keep everybody out otherwise.
/// The record is the caller's to store.
pub fn reserve(storage: &mut Storage, record: &mut TaskRecord) -> Result<(), TaskError> {
    if record.reserved {
        return Ok(());
    }
    check_room(storage, record.storage_bytes)?;
    storage.count(|counters| counters.reserved_bytes += record.storage_bytes);
    record.reserved = true;
    Ok(())
}

/// Whether so many bytes can be set aside.
pub fn check_room(storage: &Storage, bytes: u64) -> Result<(), TaskError> {
    let limit = storage.settings().limits.total_bytes;
    if storage.counters().reserved_bytes + bytes > limit {
        return Err(TaskError::TooMany {
            what: "bytes of all tasks".to_owned(),
            limit,
        });
    }
    // All memories together: what settles and pays must never lack room.
    let room = storage.room();
    if bytes > room {
        return Err(TaskError::TooMany {
            what: "bytes that the canister has left".to_owned(),
            limit: room,
        });
    }
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
    require(
        !args.name.chars().any(char::is_control),
        "name",
        "no control characters",
    )?;
    for (field, text, most) in [
        ("description", &args.description, MAX_DESCRIPTION_BYTES),
        ("client_config", &args.client_config, MAX_CONFIG_BYTES),
    ] {
        require(text.len() <= most, field, format!("at most {most} bytes"))?;
    }
    Ok(())
}

fn check_join(storage: &Storage, args: &CreateTaskArgs) -> Result<(), TaskError> {
    match &args.join {
        JoinRule::Open => Ok(()),
        JoinRule::AllowList(allowed) => require(
            (1..=MAX_ALLOWED).contains(&allowed.len()),
            "join",
            format!("1 to {MAX_ALLOWED} principals"),
        ),
        // Whoever joins has this canister call it.
        JoinRule::Licence { registry, .. } => require(
            storage.settings().registries.contains(registry),
            "join",
            format!("governance has not listed the registry {registry}"),
        ),
    }
}

fn check_model(args: &CreateTaskArgs, plan: &Plan) -> Result<(), TaskError> {
    if let OutputKind::Classes(classes) = args.model.output {
        require(
            classes <= MAX_CLASSES,
            "model",
            format!("{classes} classes, at most {MAX_CLASSES} fit a report"),
        )?;
    }
    let found = plan.cost.of_batch(1);
    require(
        found <= SAMPLE_INSTRUCTIONS,
        "model",
        format!("one sample takes {found} instructions by estimate, at most {SAMPLE_INSTRUCTIONS} fit a slice"),
    )
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

fn check_reward(storage: &Storage, reward: &Reward) -> Result<(), TaskError> {
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
    Ok(())
}
