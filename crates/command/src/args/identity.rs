//! `ddsx identity`.

use clap::{Subcommand, ValueEnum};

/// The signature scheme of a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scheme {
    Secp256k1,
    Ed25519,
}

#[derive(Debug, Subcommand)]
pub enum IdentityCommand {
    /// Make a key. It lies in a PEM file that only you can read; it is never overwritten
    New {
        /// Its name; `default` is used when no --identity is given
        #[arg(default_value = "default")]
        name: String,
        /// Signature scheme
        #[arg(long, value_enum, default_value = "secp256k1")]
        scheme: Scheme,
        /// Encrypt the key with a passphrase, which is asked for (or taken from DDSX_PASSPHRASE, or the file DDSX_PASSPHRASE_FILE)
        #[arg(long)]
        encrypt: bool,
    },
    /// Show an identity's principal and where its key lies
    Show {
        /// Its name; the one in use if absent
        name: Option<String>,
        /// The principal only
        #[arg(long)]
        principal: bool,
    },
    /// List identities
    List,
}
