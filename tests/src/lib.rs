//! The shared world of the integration tests.
