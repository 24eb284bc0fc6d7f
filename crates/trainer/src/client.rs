//! The loop of one client: join, follow the rounds, train, upload, until the task ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use candid::{Nat, Principal};
use ddsx_client::{Aggregator, CallError, NetworkError, ProofFailure, VerificationError};
use ddsx_nn::encoding::UpdateEncoding;
use ddsx_nn::spec::{Limits, Plan};
use ddsx_nn::train::data::Dataset;
use ddsx_types::Account;
use ddsx_types::federated_aggregator::{
    BeginUpdateArgs, CreateTaskArgs, EndReason, JoinArgs, JoinError, LineageStream, Stage, Strategy, TaskId, TaskInfo,
    UpdateKind,
};
use serde_bytes::ByteBuf;
use tokio::sync::Semaphore;

use crate::TrainerError;
use crate::account::{self, MoneyError};
use crate::data;
use crate::entry;
use crate::event::{Event, Observer};
use crate::local::{Local, Update};
use crate::recipe::Recipe;
use crate::retry::{Backoff, Pace, is_passing};
use crate::state::StateFolder;
use crate::upload::{Sent, send};

/// For how long one node's word that there is nothing to do is enough.
const UNCONFIRMED: Duration = Duration::from_mins(1);

/// How a client takes part.
#[derive(Clone)]
pub struct ClientOptions {
    /// How updates travel. int8 unless told.
    pub encoding: UpdateEncoding,
    /// Local training.
    pub recipe: Recipe,
    /// Where rewards and the stake go; the client's own default account if absent.
    pub account: Option<Account>,
    /// The largest stake that may be paid, in its ledger's smallest unit; any if absent.
    pub max_stake: Option<Nat>,
    /// Streams that the data came from.
    pub lineage: Vec<LineageStream>,
    /// How often is looked.
    pub pace: Pace,
    /// How many clients of this process train at a time.
    pub trainers: Arc<Semaphore>,
    /// Who hears of everything.
    pub observer: Observer,
}

impl ClientOptions {
    /// int8 deltas, the trainer's own recipe, as many trainings at a time as the machine has processors.
    pub fn new(observer: Observer) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            encoding: UpdateEncoding::Int8,
            recipe: Recipe::default(),
            account: None,
            max_stake: None,
            lineage: Vec::new(),
            pace: Pace::default(),
            trainers: Arc::new(Semaphore::new(processors)),
            observer,
        }
    }
}

/// One client of a task.
pub struct Client {
    aggregator: Aggregator,
    me: Principal,
    task: TaskId,
    /// The task as it was told; every confirmed look must find the same.
    args: CreateTaskArgs,
    local: Local,
    options: ClientOptions,
    state: StateFolder,
    joined: bool,
    /// When the whole subnet was asked last.
    confirmed_at: Option<Instant>,
}

/// What one look at the task led to.
enum Turn {
    /// There is nothing to do yet.
    Idle,
    /// A round is done with.
    Done,
    /// The aggregator wants to be asked again.
    Later(String),
    /// The task is over.
    Ended(EndReason),
}

/// The plan of a task's model. Whether it is within limits, the aggregator has decided; here it must only be sound.
///
/// # Errors
/// [`TrainerError::Model`].
pub fn plan(info: &TaskInfo) -> Result<Plan, TrainerError> {
    let limits = Limits {
        parameters: 1 << 28,
        multiply_adds: 1 << 40,
        ..Limits::default()
    };
    Ok(Plan::new(&info.args.model, &limits)?)
}

impl Client {
    /// A client as the aggregator's identity, with the data that it trains on.
    ///
    /// # Errors
    /// If the data does not fit the task's model.
    pub fn new(
        aggregator: Aggregator,
        info: &TaskInfo,
        data: Arc<Dataset>,
        state: StateFolder,
        options: ClientOptions,
    ) -> Result<Self, TrainerError> {
        let plan = plan(info)?;
        data::check(&data, &plan)?;
        Ok(Self {
            me: aggregator.network().principal(),
            aggregator,
            task: info.id,
            args: info.args.clone(),
            local: Local {
                plan: Arc::new(plan),
                data,
                encoding: options.encoding,
                norm_bound: info.args.norm_bound,
            },
            options,
            state,
            joined: false,
            confirmed_at: None,
        })
    }

    /// Who it is.
    pub fn principal(&self) -> Principal {
        self.me
    }

    fn tell(&self, event: Event) {
        (self.options.observer)(event);
    }

    /// Takes part until the task ends. What time may mend is waited for.
    ///
    /// # Errors
    /// See [`TrainerError`]. A run may be repeated with the same state folder.
    pub async fn run(mut self) -> Result<EndReason, TrainerError> {
        let mut backoff = Backoff::new(self.options.pace);
        loop {
            let reason = match self.turn().await {
                Ok(Turn::Ended(reason)) => return Ok(reason),
                Ok(Turn::Done) => {
                    backoff.reset();
                    continue;
                }
                Ok(Turn::Idle) => {
                    backoff.reset();
                    tokio::time::sleep(self.options.pace.poll).await;
                    continue;
                }
                Ok(Turn::Later(reason)) => reason,
                Err(error) if passes(&error) => error.to_string(),
                Err(error) => return Err(error),
            };
            let pause = backoff.pause();
            self.tell(Event::Waiting {
                client: self.me,
                reason,
                pause_s: pause.as_secs_f32(),
            });
            tokio::time::sleep(pause).await;
        }
    }

    async fn turn(&mut self) -> Result<Turn, TrainerError> {
        // One node tells when there may be something to do. What is then done costs work, a round or the whole task: it rests on the
        // subnet's word, and so does having nothing to do for long.
        let seen = self.aggregator.task(self.task).await?;
        let quiet = self.joined && seen.is_some_and(|info| !self.is_called(&info));
        if quiet && self.confirmed_at.is_some_and(|at| at.elapsed() < UNCONFIRMED) {
            return Ok(Turn::Idle);
        }
        let info = self.confirmed().await?;
        if let Stage::Ended(reason) = info.stage.stage {
            return Ok(Turn::Ended(reason));
        }
        if !self.joined {
            self.join(&info).await?;
            self.joined = true;
        }
        match info.collecting {
            Some(round) if self.is_called(&info) => self.round(&info, round).await,
            _ => Ok(Turn::Idle),
        }
    }

    /// Whether a task as it was told wants something of this client.
    fn is_called(&self, info: &TaskInfo) -> bool {
        match info.stage.stage {
            Stage::Ended(_) => true,
            Stage::Running => info.collecting.is_some_and(|round| round > self.state.done()),
            Stage::Draft | Stage::Preparing => false,
        }
    }

    /// The task by the whole subnet's word.
    async fn confirmed(&mut self) -> Result<TaskInfo, TrainerError> {
        let found = self.aggregator.agreed().task(self.task).await?;
        let info = found.ok_or(TrainerError::NoTask(self.task))?;
        if info.args != self.args {
            return Err(TrainerError::Altered(self.task));
        }
        self.confirmed_at = Some(Instant::now());
        Ok(info)
    }

    async fn join(&mut self, info: &TaskInfo) -> Result<(), TrainerError> {
        let known = self.aggregator.agreed().participant(self.task, self.me).await?;
        if known.as_ref().is_some_and(|participant| participant.active) {
            self.tell(Event::Joined {
                client: self.me,
                already: true,
            });
            return Ok(());
        }
        if let Some(participant) = known {
            if participant.faults > 0 {
                return Err(TrainerError::Out(format!(
                    "after {} updates that were provably false; `ddsx task join` joins again",
                    participant.faults
                )));
            }
            // It left; the request that it joined with is spent.
            self.state.renew_join_request()?;
        }
        let (account, most) = (self.options.account, self.options.max_stake.as_ref());
        join(&self.aggregator, info, account, most, &mut self.state).await?;
        self.tell(Event::Joined {
            client: self.me,
            already: false,
        });
        Ok(())
    }

    async fn round(&mut self, info: &TaskInfo, round: u32) -> Result<Turn, TrainerError> {
        let asynchronous = matches!(self.args.strategy, Strategy::FedBuff { .. });
        let mut fresh = false;
        let kept = self
            .state
            .pending(round)
            .filter(|(args, _)| asynchronous || args.base_version == info.version);
        let (args, bytes) = match kept {
            Some(kept) => kept,
            None => match self.train(round, info.version).await? {
                Some(update) => {
                    fresh = true;
                    update
                }
                None => return Ok(Turn::Done),
            },
        };
        let (observer, client) = (self.options.observer.clone(), self.me);
        let progress = |sent| {
            observer(Event::Uploading {
                client,
                round,
                sent,
                bytes: bytes.len() as u64,
            });
        };
        let sent = send(&self.aggregator, &args, &bytes, &mut self.state, progress).await?;
        match sent {
            Sent::Accepted(receipt) => {
                self.tell(Event::Accepted {
                    client: self.me,
                    round,
                    receipt,
                });
                self.state.finish(round)?;
            }
            Sent::AlreadyIn if fresh => self.miss(
                round,
                "an update of this identity is in that this run did not send: does another run use the identity?"
                    .into(),
            )?,
            Sent::AlreadyIn => self.state.finish(round)?,
            Sent::Missed(reason) => self.miss(round, reason)?,
            Sent::Stale => self.state.discard()?,
            Sent::Later(reason) => return Ok(Turn::Later(reason)),
            Sent::Out(reason) => return Err(TrainerError::Out(reason)),
            Sent::Elsewhere => {
                return Err(TrainerError::Elsewhere { client: self.me, round });
            }
        }
        Ok(Turn::Done)
    }

    fn miss(&mut self, round: u32, reason: String) -> Result<(), TrainerError> {
        self.tell(Event::Missed {
            client: self.me,
            round,
            reason,
        });
        Ok(self.state.finish(round)?)
    }

    /// Downloads and verifies the model, trains, and notes the update before anything of it is sent. `None` if the round is given up.
    /// `in_force` is the version that the subnet says is: an older one comes from a node that lags, and training from it would be for nothing.
    async fn train(&mut self, round: u32, in_force: u32) -> Result<Option<(BeginUpdateArgs, Vec<u8>)>, TrainerError> {
        let (client, observer) = (self.me, self.options.observer.clone());
        let model = self
            .aggregator
            .download_model(self.task, |received, bytes| {
                observer(Event::Downloading {
                    client,
                    received,
                    bytes,
                });
            })
            .await?;
        let version = model.version.version;
        let held = self.state.model_version().unwrap_or(0).max(in_force);
        if held > version {
            return Err(ProofFailure::from(VerificationError::VersionWentBack {
                task: self.task,
                given: version,
                held,
            })
            .into());
        }
        let settings = self
            .options
            .recipe
            .settings(&self.args.strategy, self.state.round_seed(round));
        let epochs = settings.epochs;
        let local = self.local.clone();
        let permit = Arc::clone(&self.options.trainers).acquire_owned().await;
        let trained = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            local.round(&model.file, &settings, |progress| {
                observer(Event::Training {
                    client,
                    round,
                    epoch: progress.epoch,
                    epochs,
                    loss: progress.loss,
                });
            })
        })
        .await
        .map_err(|error| TrainerError::Thread(error.to_string()))??;
        let Update { bytes, clipped_from } = match trained {
            Ok(update) => update,
            Err(reason) => {
                let reason = format!("{reason}; nothing was sent, a smaller learning rate may help");
                self.miss(round, reason)?;
                return Ok(None);
            }
        };
        if let (Some(norm), Some(bound)) = (clipped_from, self.local.norm_bound) {
            self.tell(Event::Clipped {
                client,
                round,
                norm,
                bound: bound.into(),
            });
        }
        let args = BeginUpdateArgs {
            task: self.task,
            round,
            base_version: version,
            kind: UpdateKind::Delta,
            encoding: self.local.encoding,
            numbers: self.local.plan.len as u64,
            samples: self.local.data.len() as u64,
            hash: ddsx_client::content::content_hash(&bytes),
            lineage: self.options.lineage.clone(),
        };
        self.state.begin(args.clone(), &bytes)?;
        Ok(Some((args, bytes)))
    }
}

/// Approves the stake where there is one, and joins; a request that was answered for good with no is not asked again. `info` is the subnet's
/// word ([`Aggregator::agreed`]), and no stake above `max_stake` is paid. An approval of which nothing comes is taken back.
///
/// # Errors
/// [`TrainerError::Join`], [`TrainerError::NotIn`], [`TrainerError::Stake`], [`TrainerError::Money`], [`TrainerError::State`].
pub async fn join(
    aggregator: &Aggregator,
    info: &TaskInfo,
    account: Option<Account>,
    max_stake: Option<&Nat>,
    state: &mut StateFolder,
) -> Result<(), TrainerError> {
    let mut approval = None;
    if let Some(reward) = info.args.reward.as_ref().filter(|reward| reward.stake > 0_u8) {
        if max_stake.is_some_and(|most| reward.stake > *most) {
            return Err(TrainerError::Stake {
                stake: reward.stake.0.to_string(),
            });
        }
        entry::check(aggregator, info).await?;
        approval = Some(account::approve(aggregator, reward.ledger, &reward.stake).await?);
    }
    let args = JoinArgs {
        task: info.id,
        account,
        from_subaccount: None,
        request_id: ByteBuf::from(state.join_request().to_vec()),
        licence: None,
    };
    match aggregator.join(&args).await {
        Ok(()) => Ok(()),
        Err(error) => {
            if let Some(JoinError::PaymentRefused(_) | JoinError::RequestId(_)) = error.refusal() {
                state.renew_join_request()?;
            }
            let over = error.refusal().is_some_and(|refusal| !may_still_join(refusal));
            if let Some(approval) = approval.filter(|_| over)
                && let Some(allowance) = approval.take_back().await
            {
                return Err(TrainerError::NotIn { error, allowance });
            }
            Err(TrainerError::Join(error))
        }
    }
}

/// Whether the same request may yet be answered with yes.
fn may_still_join(error: &JoinError) -> bool {
    matches!(
        error,
        JoinError::Paused | JoinError::Pending { .. } | JoinError::RegistryUnavailable(_)
    )
}

/// Whether time may mend it.
fn passes(error: &TrainerError) -> bool {
    let network: &NetworkError = match error {
        TrainerError::Network(error)
        | TrainerError::Proof(ProofFailure::Call(CallError::Network(error)))
        | TrainerError::Join(CallError::Network(error))
        | TrainerError::Upload(CallError::Network(error))
        | TrainerError::Money(MoneyError::Network(error)) => error,
        TrainerError::Proof(ProofFailure::NoModel(_)) => return true,
        TrainerError::Proof(error) => return error.is_transient(),
        TrainerError::Join(CallError::Refused { error, .. }) => return may_still_join(error),
        _ => return false,
    };
    is_passing(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_wait_for_what_time_mends_and_stop_at_the_rest() {
        let unreachable = || NetworkError::Unreachable {
            method: "task".into(),
            reason: "refused".into(),
        };
        let join = |error| TrainerError::Join(CallError::Refused { method: "join", error });
        let stale = VerificationError::VersionWentBack {
            task: 1,
            given: 2,
            held: 3,
        };
        for (error, passing) in [
            (TrainerError::Network(unreachable()), true),
            (TrainerError::Proof(unreachable().into()), true),
            (TrainerError::Proof(ProofFailure::NoModel(1)), true),
            (TrainerError::Proof(stale.into()), true),
            (TrainerError::Proof(VerificationError::CertificateMissing.into()), false),
            (join(JoinError::Paused), true),
            (join(JoinError::Pending { intent: 1 }), true),
            (join(JoinError::NotAllowed), false),
            (TrainerError::NoTask(1), false),
        ] {
            assert_eq!(passes(&error), passing, "{error}");
        }
    }
}
