//! What `ddsx train` shows: rounds and the summary on stdout, everything else on stderr.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use candid::{Nat, Principal};
use ddsx_client::LedgerInfo;
use ddsx_trainer::{Event, Observer};
use ddsx_types::federated_aggregator::{ClientReport, Participant, RoundReport, TaskInfo};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{self, Output};
use crate::task::view::{amount, end_text, outcome, participant_json, participants_text, percent, report_json};
use crate::text;
use crate::view::units_text;

/// Hears of everything, from several threads.
pub struct Display {
    output: Output,
    units: Option<LedgerInfo>,
    task: u64,
    rounds: u32,
    bar: ProgressBar,
    clients: Mutex<BTreeSet<Principal>>,
}

impl Display {
    pub fn new(output: Output, units: Option<LedgerInfo>, info: &TaskInfo) -> Self {
        Self {
            output,
            units,
            task: info.id,
            rounds: info.args.rounds.rounds,
            bar: output.progress(0, "waiting for a round"),
            clients: Mutex::new(BTreeSet::new()),
        }
    }

    /// The clients that run here.
    pub fn set_clients(&self, clients: &[Principal]) {
        *self.clients.lock().unwrap_or_else(PoisonError::into_inner) = clients.iter().copied().collect();
    }

    pub fn observer(self: &Arc<Self>) -> Observer {
        let display = Arc::clone(self);
        Arc::new(move |event| display.hear(event))
    }

    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn own(&self) -> BTreeSet<Principal> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whose event it is, where that is not clear.
    fn who(&self, client: Principal) -> String {
        if self.own().len() > 1 {
            format!("{}: ", short(client))
        } else {
            String::new()
        }
    }

    fn remark(&self, text: &str) {
        self.bar.suspend(|| self.output.remark(text));
    }

    /// A line for programs, or one for people.
    fn line(&self, json: &Value, text: &str) {
        let written = self.bar.suspend(|| {
            if self.output.is_json() {
                output::json_line(json)
            } else {
                output::line(text)
            }
        });
        if let Err(failure) = written {
            self.remark(failure.message());
        }
    }

    fn hear(&self, event: Event) {
        match event {
            Event::Joined { client, already } => {
                let said = if already {
                    "takes part already"
                } else {
                    "takes part now"
                };
                self.remark(&format!("{client} {said}"));
            }
            Event::Downloading {
                client,
                received,
                bytes,
            } => self.message(client, &format!("model: {received} of {bytes} bytes verified")),
            Event::Training {
                client,
                round,
                epoch,
                epochs,
                loss,
            } => self.message(
                client,
                &format!("round {round}: epoch {epoch} of {epochs}, loss {loss:.4}"),
            ),
            Event::Uploading {
                client,
                round,
                sent,
                bytes,
            } => self.message(client, &format!("round {round}: {sent} of {bytes} bytes uploaded")),
            Event::Clipped {
                client,
                round,
                norm,
                bound,
            } => self.remark(&format!(
                "{}round {round}: the update's norm {norm:.2} is beyond the task's bound {bound}; it was shortened",
                self.who(client)
            )),
            Event::Accepted { client, round, receipt } => self.message(
                client,
                &format!("round {round}: the update is in, {} are now; waiting", receipt.updates),
            ),
            Event::Missed { client, round, reason } => {
                self.remark(&format!(
                    "{}round {round} goes on without: {}",
                    self.who(client),
                    text::one_line(&reason)
                ));
            }
            Event::Waiting {
                client,
                reason,
                pause_s,
            } => self.remark(&format!(
                "{}{reason}; trying again in {:.0} s",
                self.who(client),
                pause_s.ceil()
            )),
            Event::Round(report) => self.round(&report),
            Event::Ended(reason) => self.remark(&format!("task {} is over: {}", self.task, end_text(&reason))),
        }
    }

    fn message(&self, client: Principal, text: &str) {
        self.bar.set_message(format!("{}{text}", self.who(client)));
    }

    fn round(&self, report: &RoundReport) {
        let own = self.own();
        let mine: Vec<&ClientReport> = report.clients.iter().filter(|one| own.contains(&one.client)).collect();
        let mut json = report_json(report, self.units.as_ref());
        json["event"] = "round".into();
        json["mine"] = mine
            .iter()
            .map(|one| {
                json!({
                    "client": one.client.to_text(), "score": one.score, "reward_units": units_text(&one.reward),
                })
            })
            .collect();
        self.line(&json, &self.round_text(report, &mine));
    }

    fn round_text(&self, report: &RoundReport, mine: &[&ClientReport]) -> String {
        let outcome = outcome(report.outcome);
        let quality = match &report.evaluated {
            Some(evaluated) if evaluated.accuracy.is_some() => format!("  accuracy {}", percent(evaluated.accuracy)),
            Some(evaluated) => format!("  loss {:.4}", evaluated.loss),
            None => String::new(),
        };
        let units = self.units.as_ref();
        let own = match mine {
            [] => "without you".into(),
            [one] => format!(
                "your score {}  reward {}",
                one.score.map_or("–".into(), |score| format!("{score:.5}")),
                amount(&one.reward, units)
            ),
            many => {
                let sum = many.iter().fold(Nat::default(), |sum, one| sum + one.reward.clone());
                let paid = many.iter().filter(|one| one.reward > 0_u8).count();
                format!("{paid} of {} clients earned {}", many.len(), amount(&sum, units))
            }
        };
        format!(
            "round {:>3} of {}  {outcome}{quality}  {own}",
            report.round, self.rounds
        )
    }

    /// What each client has in the end.
    pub fn summary(&self, participants: &[Participant]) -> Result<(), Failure> {
        let json = json!({
            "event": "summary",
            "task": self.task,
            "symbol": self.units.as_ref().map(|units| &units.symbol),
            "clients": participants.iter().map(participant_json).collect::<Value>(),
        });
        self.output
            .result(&json, &participants_text(participants, self.units.as_ref(), true))
    }
}

/// The first part of a principal, which tells a few apart.
fn short(client: Principal) -> String {
    client.to_text().split('-').next().unwrap_or_default().to_owned()
}
