//! What an SNS generic function's validator answers.

/// `Ok` holds the text a voter reads, `Err` why the proposal may not be made. (SNS generic nervous-system functions.)
pub type Validation = Result<String, String>;
