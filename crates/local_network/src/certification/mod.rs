//! The state tree, keys, certificates and delegations.
