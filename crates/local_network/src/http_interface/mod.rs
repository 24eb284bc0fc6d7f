//! The HTTPS interface of the Internet Computer.
