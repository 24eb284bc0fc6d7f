//! Subnets, canisters, queues, call contexts, rounds, cycles and time.
