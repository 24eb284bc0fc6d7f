//! Norm clipping: no update may move the model further than a bound (Sun et al. 2019, section 4).

/// What an update is multiplied with: `min(1, bound / ‖update‖)`; `squared_norm` from [`crate::kernels::reduce::squared_norm`] over all ranges.
pub fn factor(bound: f32, squared_norm: f64) -> f32 {
    let norm = squared_norm.sqrt();
    #[allow(clippy::cast_possible_truncation)]
    if norm > f64::from(bound) {
        (f64::from(bound) / norm) as f32
    } else {
        1.0
    }
}
