//! The interface of `stream_registry`.
