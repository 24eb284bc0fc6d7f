//! What an SNS generic function's validator answers.

/// `Ok` holds the text a voter reads, `Err` why the proposal may not be made. (SNS generic nervous-system functions.)
pub type Validation = Result<String, String>;

/// The most payments of one `settle_quarantined_batch`, whose argument is a list of what `settle_quarantined` takes: all are settled
/// or none.
pub const MAX_EVIDENCE_PER_CALL: usize = 100;
