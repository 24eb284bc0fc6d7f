//! What each update of a round is worth.
//!
//! Leave-one-out and Shapley ask for the value of coalitions: minus the loss of the model that its members would have made (see [`coalition`]). It is
//! made range by range into one spare vector and evaluated batch by batch, so that a slice's work does not depend on how many there are. Updates
//! against which something was found are no members, and worth nothing. A rejected round is scored by leave-one-out, to find who spoilt it.

use ddsx_nn::score::proxy::Alignment;
use ddsx_nn::score::shapley::Shapley;
use ddsx_types::federated_aggregator::Scoring;
use serde::{Deserialize, Serialize};

use crate::coalition;
use crate::combine::{RoundWork, per_parameter};
use crate::evaluate::{self, EvaluationRun, Subject};
use crate::limits::{PER_NUMBER, PER_WRITE, range};
use crate::privacy;
use crate::storage::Storage;
use crate::storage::records::TaskRecord;
use crate::work::Context;

/// Scoring that has come so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scorer {
    machine: Machine,
    coalition: Option<Coalition>,
    /// By which rules; what a release with others began is begun again by those of now.
    #[serde(default)]
    rules: u8,
}

/// Since 2 a coalition's running variances are held at zero as the candidate's are.
const RULES: u8 = 2;

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Machine {
    LeaveOneOut(LeaveOneOut),
    Shapley(Box<Shapley>),
    Proxy { at: u64, alignments: Vec<Alignment> },
}

/// A coalition whose model is made and evaluated.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Coalition {
    members: u64,
    made: u64,
    run: Option<EvaluationRun>,
}

/// Asks for everybody's value, then for that of everybody but each.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct LeaveOneOut {
    players: u32,
    values: Vec<f64>,
}

impl LeaveOneOut {
    fn everyone(&self) -> u64 {
        u64::MAX >> (64 - self.players)
    }

    fn wanted(&self) -> Option<u64> {
        match self.values.len().checked_sub(1) {
            None => Some(self.everyone()),
            Some(player) if player < self.players as usize => Some(self.everyone() & !(1 << player)),
            Some(_) => None,
        }
    }

    /// A value that is no number counts as `fallback`, that of the model before the round.
    fn record(&mut self, value: f64, fallback: f64) {
        self.values.push(if value.is_finite() { value } else { fallback });
    }

    /// Who, if anybody, spoilt the round: the one without whom the value is highest, if it is then above `before` and was not with all.
    fn culprit(&self, before: f64) -> Option<usize> {
        let (all, without) = self.values.split_first()?;
        let mut best = 0;
        for place in 1..without.len() {
            if without[place] > without[best] {
                best = place;
            }
        }
        (without.len() == self.players as usize && without.len() > 1 && *all <= before && without[best] > before)
            .then_some(best)
    }

    fn worths(&self) -> Vec<f64> {
        match self.values.split_first() {
            Some((all, without)) => without.iter().map(|value| all - value).collect(),
            None => Vec::new(),
        }
    }
}

impl Scorer {
    /// For a round that was accepted.
    pub fn new(context: &Context, work: &RoundWork) -> Result<Self, String> {
        let players = u32::try_from(coalition::seats(work).len()).unwrap_or(u32::MAX);
        let machine = match context.args.scoring {
            Scoring::Proxy => Machine::Proxy {
                at: 0,
                alignments: vec![Alignment::default(); work.updates.len()],
            },
            // Nobody is left to be compared.
            _ if players == 0 => Machine::LeaveOneOut(LeaveOneOut {
                players,
                values: vec![0.0],
            }),
            Scoring::LeaveOneOut if players <= 64 => Machine::LeaveOneOut(LeaveOneOut {
                players,
                values: Vec::new(),
            }),
            Scoring::LeaveOneOut => return Err(format!("{players} updates")),
            Scoring::Shapley {
                permutations,
                tolerance,
            } => {
                let seed = work.seed.ok_or("no seed")?;
                let seed = privacy::derive(seed, "ddsx orders");
                let machine = Shapley::new(players, permutations, tolerance, seed);
                Machine::Shapley(Box::new(machine.map_err(|error| error.to_string())?))
            }
        };
        Ok(Self {
            machine,
            coalition: None,
            rules: RULES,
        })
    }

    /// For a round that was rejected, where the task evaluates coalitions and there are some to compare.
    pub fn of_rejected(record: &TaskRecord, context: &Context, work: &RoundWork) -> Option<Self> {
        let players = u32::try_from(coalition::seats(work).len()).ok()?;
        let scored = context.args.scoring != Scoring::Proxy && record.loss.is_some();
        (scored && (2..=64).contains(&players)).then_some(Self {
            machine: Machine::LeaveOneOut(LeaveOneOut {
                players,
                values: Vec::new(),
            }),
            coalition: None,
            rules: RULES,
        })
    }

    /// The place of the update that spoilt a rejected round, if it was one alone.
    pub fn culprit(&self, record: &TaskRecord, work: &RoundWork) -> Option<usize> {
        let Machine::LeaveOneOut(machine) = &self.machine else {
            return None;
        };
        let seat = machine.culprit(-record.loss?)?;
        coalition::seats(work).get(seat).copied()
    }

    /// One step; the worths when it was the last.
    pub fn step(
        &mut self,
        storage: &mut Storage,
        record: &TaskRecord,
        context: &Context,
        work: &mut RoundWork,
    ) -> Result<Option<Vec<f64>>, String> {
        if self.rules != RULES {
            *self = Self::new(context, work)?;
            return Ok(None);
        }
        if let Machine::Proxy { at, alignments } = &mut self.machine {
            return align(storage, record, work, at, alignments);
        }
        if let Some(coalition) = &mut self.coalition {
            let Some(loss) = go_on(storage, record, context, work, coalition)? else {
                return Ok(None);
            };
            let (members, fallback) = (coalition.members, record.loss.map_or(0.0, |loss| -loss));
            match &mut self.machine {
                Machine::LeaveOneOut(machine) => machine.record(-loss, fallback),
                Machine::Shapley(machine) => machine.record(members, -loss),
                Machine::Proxy { .. } => {}
            }
            self.coalition = None;
            return Ok(None);
        }
        let (wanted, worths) = match &mut self.machine {
            Machine::LeaveOneOut(machine) => (machine.wanted(), machine.worths()),
            Machine::Shapley(machine) => (machine.wanted(), machine.values()),
            Machine::Proxy { .. } => (None, Vec::new()),
        };
        let Some(members) = wanted else {
            return Ok(Some(seated(work, &worths)));
        };
        self.coalition = Some(Coalition {
            members,
            made: 0,
            run: None,
        });
        Ok(None)
    }
}

/// Makes a range of a coalition's model, or evaluates a batch; its loss when that was the last.
fn go_on(
    storage: &mut Storage,
    record: &TaskRecord,
    context: &Context,
    work: &mut RoundWork,
    coalition: &mut Coalition,
) -> Result<Option<f64>, String> {
    let scratch = match work.scratch {
        Some(scratch) => scratch,
        None => storage
            .take(record.parameters * 4)
            .map_err(|_| "stable memory is exhausted".to_owned())?,
    };
    work.scratch = Some(scratch);
    let Some(run) = &mut coalition.run else {
        let members = coalition::members(&coalition::seats(work), coalition.members);
        let rule = coalition::rule(&context.args.strategy, &vec![1.0; members.len()]);
        let first = coalition.made;
        let end = record
            .parameters
            .min(first + range(per_parameter(context, &rule, members.len() as u64)));
        let numbers = coalition::numbers(storage, record, context, work, &members, (first, end))?;
        if numbers.iter().any(|number| !number.is_finite()) {
            return Ok(Some(f64::INFINITY));
        }
        storage.write_numbers(&scratch, first, &numbers);
        coalition.made = end;
        if end == record.parameters {
            coalition.run = Some(EvaluationRun::new(&context.plan));
        }
        return Ok(None);
    };
    let subject = Subject::coalition(record.id, work.round, coalition.members);
    if evaluate::step(storage, record, &context.plan, subject, &scratch, run)? {
        return Ok(Some(run.sums().loss().unwrap_or(f64::INFINITY)));
    }
    Ok(None)
}

/// Aligns one range of all updates with the candidate's step.
fn align(
    storage: &Storage,
    record: &TaskRecord,
    work: &RoundWork,
    at: &mut u64,
    alignments: &mut [Alignment],
) -> Result<Option<Vec<f64>>, String> {
    let model = record.model.as_ref().ok_or("there is no model")?;
    let candidate = work.candidate.ok_or("there is no candidate")?;
    let updates = work.updates.len() as u64;
    let end = record.parameters.min(*at + range(updates * PER_NUMBER + 2 * PER_WRITE));
    let mut step = storage.read_numbers(&candidate, *at, end - *at);
    for (step, base) in step.iter_mut().zip(storage.read_numbers(&model.blob, *at, end - *at)) {
        *step -= base;
    }
    for (update, alignment) in work.updates.iter().zip(alignments.iter_mut()) {
        alignment.add(&crate::upload::stored_delta(storage, record, update, *at, end), &step);
    }
    *at = end;
    if end < record.parameters {
        return Ok(None);
    }
    let worths: Vec<f64> = coalition::seats(work)
        .iter()
        .map(|place| alignments[*place].cosine())
        .collect();
    Ok(Some(seated(work, &worths)))
}

/// The worths of all updates, from those that have seats; the others' are zero.
fn seated(work: &RoundWork, worths: &[f64]) -> Vec<f64> {
    let mut all = vec![0.0; work.updates.len()];
    for (place, worth) in coalition::seats(work).into_iter().zip(worths) {
        all[place] = *worth;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_find_the_one_who_spoilt_a_round() {
        for (values, before, expected) in [
            (vec![-9.0, -9.0, -0.5, -9.0], -1.0, Some(1)),
            // Better with everybody than before, or no better without anybody.
            (vec![-0.9, -9.0, -0.5, -9.0], -1.0, None),
            (vec![-9.0, -9.0, -1.5, -9.0], -1.0, None),
        ] {
            let machine = LeaveOneOut { players: 3, values };
            assert_eq!(machine.culprit(before), expected);
        }
    }

    #[test]
    fn should_ask_for_everybody_and_everybody_but_one() {
        let mut machine = LeaveOneOut {
            players: 3,
            values: Vec::new(),
        };
        for (wanted, value) in [(0b111, -1.0), (0b110, -3.0), (0b101, f64::NEG_INFINITY), (0b011, -0.5)] {
            assert_eq!(machine.wanted(), Some(wanted));
            machine.record(value, -2.0);
        }
        assert_eq!(machine.wanted(), None);
        assert_eq!(machine.worths(), [2.0, 1.0, -0.5]);
    }
}
