//! Install arguments of `dst_ledger`. Its methods take and return the ICRC types of `icrc-ledger-types`.
