//! Leave-one-out for FedAvg: the step without one client follows from the step with it, in one pass over the parameters.

use crate::strategies::fed_avg;

/// The step of all clients but one, for one range: `(step - share·update) / (1 - share)`. For the only client, no step.
///
/// # Panics
/// If lengths differ.
pub fn without(step: &[f32], share: f32, update: &[f32], out: &mut [f32]) {
    assert!(
        step.len() == update.len() && update.len() == out.len(),
        "ranges of one length"
    );
    let rest = 1.0 - share;
    if rest <= 0.0 {
        out.fill(0.0);
        return;
    }
    let (whole, one) = (1.0 / rest, -share / rest);
    for (out, step) in out.iter_mut().zip(step) {
        *out = whole * step;
    }
    crate::kernels::accumulate::accumulate(out, one, update);
}

/// What each client of a coalition counts, the others zero: [`fed_avg::shares`] among the members. All zero where the members have no samples.
pub fn coalition_shares(samples: &[u64], members: u64) -> Vec<f32> {
    let counted: Vec<u64> = samples
        .iter()
        .enumerate()
        .map(|(client, &samples)| {
            if client < 64 && members >> client & 1 == 1 {
                samples
            } else {
                0
            }
        })
        .collect();
    fed_avg::shares(&counted).unwrap_or_else(|_| vec![0.0; samples.len()])
}
