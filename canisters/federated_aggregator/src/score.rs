//! What each update of an accepted round is worth.
//!
//! Leave-one-out and Shapley ask for the value of coalitions: minus the loss of the model before the round plus the mean, weighted as FedAvg weighs,
//! of the members' updates (clipped where the round clips). A coalition's model is made range by range into one spare vector and evaluated
//! batch by batch, so that a slice's work does not depend on how many there are.

use ddsx_nn::score::leave_one_out::coalition_shares;
use ddsx_nn::score::proxy::Alignment;
use ddsx_nn::score::shapley::Shapley;
use ddsx_nn::strategies::fed_avg::weighted_sum;
use ddsx_types::federated_aggregator::Scoring;
use serde::{Deserialize, Serialize};

use crate::combine::RoundWork;
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
}

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
        let players = u32::try_from(work.updates.len()).unwrap_or(u32::MAX);
        let machine = match context.args.scoring {
            Scoring::LeaveOneOut if (1..=64).contains(&players) => Machine::LeaveOneOut(LeaveOneOut {
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
            Scoring::Proxy => Machine::Proxy {
                at: 0,
                alignments: vec![Alignment::default(); work.updates.len()],
            },
        };
        Ok(Self {
            machine,
            coalition: None,
        })
    }

    /// One step; the worths when it was the last.
    pub fn step(
        &mut self,
        storage: &mut Storage,
        record: &TaskRecord,
        context: &Context,
        work: &mut RoundWork,
    ) -> Result<Option<Vec<f64>>, String> {
        if let Machine::Proxy { at, alignments } = &mut self.machine {
            return align(storage, record, context, work, at, alignments);
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
            return Ok(Some(worths));
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
        let model = record.model.as_ref().ok_or("there is no model")?;
        let mut shares = coalition_shares(&work.counts(context), coalition.members);
        for (share, factor) in shares.iter_mut().zip(&work.factors) {
            *share *= factor;
        }
        let (first, updates) = (coalition.made, work.updates.len() as u64);
        let end = record
            .parameters
            .min(first + range(updates * PER_NUMBER + 2 * PER_WRITE));
        let deltas = work.deltas(storage, record, first, end);
        let slices: Vec<&[f32]> = deltas.iter().map(Vec::as_slice).collect();
        let mut numbers = storage.read_numbers(&model.blob, first, end - first);
        let mut step = vec![0.0; numbers.len()];
        weighted_sum(&shares, &slices, &mut step);
        for (number, step) in numbers.iter_mut().zip(&step) {
            *number += step;
        }
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
    context: &Context,
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
    let counts = work.counts(context);
    Ok(Some(
        alignments
            .iter()
            .zip(counts)
            .map(|(alignment, count)| alignment.score(count))
            .collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

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
