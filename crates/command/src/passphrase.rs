//! The passphrase of an encrypted identity: from the environment, from a file, or typed without being shown.

use std::io::IsTerminal;

use ddsx_client::identity::{IdentityError, Passphrase};
use zeroize::Zeroizing;

const VARIABLE: &str = "DDSX_PASSPHRASE";
const FILE_VARIABLE: &str = "DDSX_PASSPHRASE_FILE";

/// The passphrase that opens the identity of this name or file.
pub fn of(identity: &str) -> Result<Passphrase, IdentityError> {
    match given()? {
        Some(passphrase) => Ok(passphrase),
        None => typed(&format!("passphrase of {identity}: ")),
    }
}

/// A passphrase for a new identity, typed twice unless it is given.
pub fn new(identity: &str) -> Result<Passphrase, IdentityError> {
    if let Some(passphrase) = given()? {
        return Ok(passphrase);
    }
    let first = typed(&format!("new passphrase of {identity}: "))?;
    if *typed("the same again: ")? == *first {
        Ok(first)
    } else {
        Err(IdentityError::Passphrase(
            "the two passphrases differ; no key was made".into(),
        ))
    }
}

fn given() -> Result<Option<Passphrase>, IdentityError> {
    if let Ok(passphrase) = std::env::var(VARIABLE) {
        return Ok(Some(Zeroizing::new(passphrase)));
    }
    let Some(path) = std::env::var_os(FILE_VARIABLE) else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(&path).map_err(|error| IdentityError::File {
        path: path.display().to_string(),
        error,
    })?;
    let text = Zeroizing::new(text);
    Ok(Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())))
}

fn typed(prompt: &str) -> Result<Passphrase, IdentityError> {
    if !std::io::stdin().is_terminal() {
        return Err(IdentityError::Passphrase(format!(
            "the identity is encrypted, and nobody can be asked for its passphrase here; set {VARIABLE} or {FILE_VARIABLE}"
        )));
    }
    eprint!("{prompt}");
    console::Term::stderr()
        .read_secure_line()
        .map(Zeroizing::new)
        .map_err(|error| IdentityError::Passphrase(format!("the passphrase cannot be read: {error}")))
}
