//! Identities: private keys in PEM files, readable by their owner only and never overwritten.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ic_agent::Identity;
use ic_agent::identity::{BasicIdentity, Prime256v1Identity, Secp256k1Identity};
use ic_ed25519::{PrivateKey, PrivateKeyFormat};
use k256::SecretKey;
use k256::pkcs8::{EncodePrivateKey, LineEnding};
use zeroize::Zeroizing;

mod sealed;

/// A passphrase; its memory is overwritten when it is dropped.
pub type Passphrase = Zeroizing<String>;

/// The least characters that a new passphrase has.
pub const MIN_PASSPHRASE: usize = 8;
/// What a new sealed key's scrypt costs: N = 2^17, 128 MiB.
const LOG_N: u8 = 17;

/// The signature scheme of a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA over secp256k1, as `dfx` makes them (SEC1, `EC PRIVATE KEY`).
    Secp256k1,
    /// Ed25519 (PKCS #8, `PRIVATE KEY`).
    Ed25519,
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// A key is there already, and keys are never overwritten.
    #[error("{0} exists already; keys are never overwritten, choose another name")]
    Exists(String),
    /// The file holds no private key of a kind that is known here.
    #[error("{path} holds no Ed25519, secp256k1 or P-256 private key in PEM: {reason}")]
    NotAKey {
        /// The file.
        path: String,
        /// What the parser said.
        reason: String,
    },
    /// The key is encrypted, and there is no passphrase.
    #[error("{0} is encrypted, and no passphrase was given")]
    Encrypted(String),
    /// The key could not be decrypted.
    #[error("{path} could not be opened: {reason}")]
    Sealed {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// There is no usable passphrase.
    #[error("{0}")]
    Passphrase(String),
    /// A name that could leave the folder, or is reserved.
    #[error("{0:?} is not a name for an identity: letters, digits, '-' and '_', and not \"anonymous\"")]
    Name(String),
    /// The key could not be made.
    #[error("no key could be made: {0}")]
    Generation(String),
}

/// A folder of identities: `NAME.pem`.
#[derive(Clone, Debug)]
pub struct IdentityFolder {
    path: PathBuf,
}

impl IdentityFolder {
    /// Identities in this folder, which is made when the first key is.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where an identity's key lies.
    pub fn file(&self, name: &str) -> Result<PathBuf, IdentityError> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name == "anonymous" || name.len() > 64 || !name.chars().all(good) {
            return Err(IdentityError::Name(name.to_string()));
        }
        Ok(self.path.join(format!("{name}.pem")))
    }

    /// The names of the identities there are.
    pub fn names(&self) -> Result<Vec<String>, IdentityError> {
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(file_error(&self.path)(error)),
        };
        let mut names: Vec<String> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".pem").map(String::from))
            .collect();
        names.sort();
        Ok(names)
    }

    /// Makes a key; the file it lies in. Refuses a name that is taken.
    pub fn create(&self, name: &str, kind: KeyKind) -> Result<PathBuf, IdentityError> {
        let path = self.file(name)?;
        make_private_folder(&self.path).map_err(file_error(&self.path))?;
        write_new_private(&path, generate(kind)?.as_bytes())?;
        Ok(path)
    }

    /// Makes a key that is encrypted with a passphrase; the file it lies in. Refuses a name that is taken, and a short passphrase.
    pub fn create_encrypted(
        &self,
        name: &str,
        kind: KeyKind,
        passphrase: &Passphrase,
    ) -> Result<PathBuf, IdentityError> {
        if passphrase.chars().count() < MIN_PASSPHRASE {
            return Err(IdentityError::Passphrase(format!(
                "a passphrase has at least {MIN_PASSPHRASE} characters"
            )));
        }
        let path = self.file(name)?;
        make_private_folder(&self.path).map_err(file_error(&self.path))?;
        let text = sealed::seal_pkcs8(&pkcs8(kind)?, passphrase, LOG_N).map_err(IdentityError::Generation)?;
        write_new_private(&path, text.as_bytes())?;
        Ok(path)
    }

    /// Reads an identity by name.
    pub fn load(&self, name: &str) -> Result<Box<dyn Identity>, IdentityError> {
        load(&self.file(name)?)
    }
}

/// A new private key as PEM text.
pub fn generate(kind: KeyKind) -> Result<String, IdentityError> {
    let mut seed = [0; 32];
    let failed = |error: &dyn std::fmt::Display| IdentityError::Generation(error.to_string());
    loop {
        getrandom::fill(&mut seed).map_err(|error| failed(&error))?;
        match kind {
            KeyKind::Ed25519 => {
                let key = PrivateKey::deserialize_raw_32(&seed);
                return Ok(key.serialize_pkcs8_pem(PrivateKeyFormat::Pkcs8v1));
            }
            KeyKind::Secp256k1 => {
                // Not every 256-bit number is a key; nearly every one is.
                if let Ok(key) = SecretKey::from_slice(&seed) {
                    let pem = key.to_sec1_pem(LineEnding::LF).map_err(|error| failed(&error))?;
                    return Ok(pem.to_string());
                }
            }
        }
    }
}

/// A new private key as PKCS #8 in DER.
fn pkcs8(kind: KeyKind) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let pem = Zeroizing::new(generate(kind)?);
    let failed = |error: &dyn std::fmt::Display| IdentityError::Generation(error.to_string());
    match kind {
        KeyKind::Ed25519 => {
            let key = PrivateKey::deserialize_pkcs8_pem(&pem).map_err(|error| failed(&format!("{error:?}")))?;
            Ok(Zeroizing::new(key.serialize_pkcs8(PrivateKeyFormat::Pkcs8v1)))
        }
        KeyKind::Secp256k1 => {
            let key = SecretKey::from_sec1_pem(&pem).map_err(|error| failed(&error))?;
            let der = key.to_pkcs8_der().map_err(|error| failed(&error))?;
            Ok(Zeroizing::new(der.as_bytes().to_vec()))
        }
    }
}

/// Whether a key's file is encrypted.
pub fn is_encrypted(path: &Path) -> Result<bool, IdentityError> {
    let content = std::fs::read(path).map_err(file_error(path))?;
    Ok(sealed::seal(path, &content).map_err(closed(path))?.is_some())
}

/// Reads a private key from a PEM file: Ed25519 (PKCS #8), secp256k1 or P-256 (SEC1 or PKCS #8). An encrypted one is refused.
pub fn load(path: &Path) -> Result<Box<dyn Identity>, IdentityError> {
    load_with(path, || Err(IdentityError::Encrypted(path.display().to_string())))
}

/// Reads a private key from a PEM file, asking for the passphrase if it is encrypted: PKCS #8 (`ENCRYPTED PRIVATE KEY`), or `dfx`'s
/// `identity.pem.encrypted` with `identity.json` beside it.
pub fn load_with(
    path: &Path,
    ask: impl FnOnce() -> Result<Passphrase, IdentityError>,
) -> Result<Box<dyn Identity>, IdentityError> {
    let content = Zeroizing::new(std::fs::read(path).map_err(file_error(path))?);
    let pem = match sealed::seal(path, &content).map_err(closed(path))? {
        None => content,
        Some(seal) => seal.open(&ask()?).map_err(closed(path))?,
    };
    parse(&pem).map_err(|reason| IdentityError::NotAKey {
        path: path.display().to_string(),
        reason,
    })
}

fn closed(path: &Path) -> impl FnOnce(String) -> IdentityError + '_ {
    |reason| IdentityError::Sealed {
        path: path.display().to_string(),
        reason,
    }
}

/// Reads a private key from PEM text.
pub fn parse(pem: &[u8]) -> Result<Box<dyn Identity>, String> {
    if let Ok(identity) = BasicIdentity::from_pem(pem) {
        return Ok(Box::new(identity));
    }
    if let Ok(identity) = Prime256v1Identity::from_pem(pem) {
        return Ok(Box::new(identity));
    }
    match Secp256k1Identity::from_pem(pem) {
        Ok(identity) => Ok(Box::new(identity)),
        Err(error) => Err(error.to_string()),
    }
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> IdentityError + '_ {
    |error| IdentityError::File {
        path: path.display().to_string(),
        error,
    }
}

fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file that nobody else can read, and only if there is none.
fn write_new_private(path: &Path, content: &[u8]) -> Result<(), IdentityError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(IdentityError::Exists(path.display().to_string()));
        }
        opened => opened.map_err(file_error(path))?,
    };
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(file_error(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_read_back_the_keys_it_makes_and_never_overwrite_one() {
        let folder = tempfile::tempdir().unwrap();
        let identities = IdentityFolder::new(folder.path().join("identities"));
        assert_eq!(identities.names().unwrap(), Vec::<String>::new());
        for (name, kind) in [("alice", KeyKind::Secp256k1), ("bob", KeyKind::Ed25519)] {
            let path = identities.create(name, kind).unwrap();
            let before = std::fs::read(&path).unwrap();
            let principal = identities.load(name).unwrap().sender().unwrap();
            assert_eq!(principal.as_slice().len(), 29);
            assert!(matches!(identities.create(name, kind), Err(IdentityError::Exists(_))));
            assert_eq!(std::fs::read(&path).unwrap(), before);
        }
        assert_eq!(identities.names().unwrap(), ["alice", "bob"]);
    }

    #[cfg(unix)]
    #[test]
    fn should_let_nobody_else_read_a_key() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let identities = IdentityFolder::new(folder.path().join("identities"));
        let path = identities.create("alice", KeyKind::Ed25519).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }

    #[test]
    fn should_refuse_names_that_leave_the_folder_or_are_reserved() {
        let identities = IdentityFolder::new("/nowhere");
        for name in ["", "../x", "a/b", "a.b", "anonymous", "ä"] {
            assert!(matches!(identities.file(name), Err(IdentityError::Name(_))), "{name:?}");
        }
    }

    #[test]
    fn should_say_that_a_file_holds_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pem");
        std::fs::write(&path, "hello").unwrap();
        assert!(matches!(load(&path), Err(IdentityError::NotAKey { .. })));
    }
}
