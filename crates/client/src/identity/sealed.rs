//! Private keys under a passphrase: PKCS #8 in PEM as `icp` and OpenSSL write it (`ENCRYPTED PRIVATE KEY`, PBES2 with scrypt or PBKDF2), and
//! `identity.pem.encrypted` as `dfx` writes it (Argon2id and AES-256-GCM, with the salt in `identity.json` beside it).

use std::path::Path;

use aes_gcm::aead::Aead;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use argon2::{Algorithm, Argon2, Params, Version};
use base64ct::{Base64Unpadded, Encoding};
use k256::pkcs8::LineEnding;
use k256::pkcs8::der::asn1::OctetStringRef;
use k256::pkcs8::der::{Decode, Encode, Header, Reader, SliceReader, Tag, pem};
use pkcs5::EncryptionScheme;
use pkcs5::pbes2::{Kdf, Parameters};
use serde::Deserialize;
use zeroize::Zeroizing;

/// The label of a PEM file with an encrypted key.
const SEALED: &str = "ENCRYPTED PRIVATE KEY";
/// The label of the key inside.
const OPEN: &str = "PRIVATE KEY";
/// The most memory that opening a key may take, bytes: a file could ask for any.
const MAX_MEMORY: u64 = 1 << 30;
/// The most rounds of PBKDF2.
const MAX_ROUNDS: u32 = 50_000_000;

/// How a key is sealed.
#[derive(Debug, PartialEq)]
pub enum Seal {
    /// PKCS #8: the DER bytes.
    Pkcs8(Vec<u8>),
    /// As `dfx` does.
    Dfx {
        /// What the key is derived with.
        salt: Vec<u8>,
        /// The nonce of AES-GCM.
        nonce: [u8; 12],
        /// The PEM file, encrypted.
        content: Vec<u8>,
    },
}

/// What `identity.json` beside a key of `dfx` says.
#[derive(Deserialize)]
struct DfxIdentity {
    encryption: Option<DfxEncryption>,
}

#[derive(Deserialize)]
struct DfxEncryption {
    pw_salt: String,
    file_nonce: [u8; 12],
}

/// How the content of a key's file is sealed; none if it is not.
pub fn seal(path: &Path, content: &[u8]) -> Result<Option<Seal>, String> {
    if let Ok(text) = std::str::from_utf8(content)
        && let Some(at) = text.find(&format!("-----BEGIN {SEALED}-----"))
    {
        let (_, der) = pem::decode_vec(text[at..].trim_end().as_bytes()).map_err(|error| error.to_string())?;
        return Ok(Some(Seal::Pkcs8(der)));
    }
    if path.extension().is_none_or(|extension| extension != "encrypted") {
        return Ok(None);
    }
    let beside = path.with_file_name("identity.json");
    let json = std::fs::read(&beside)
        .map_err(|error| format!("{}, which says how it is encrypted: {error}", beside.display()))?;
    let said: DfxIdentity = serde_json::from_slice(&json).map_err(|error| format!("{}: {error}", beside.display()))?;
    let how = said
        .encryption
        .ok_or_else(|| format!("{} does not say how it is encrypted", beside.display()))?;
    let salt = Base64Unpadded::decode_vec(&how.pw_salt).map_err(|error| format!("{}: {error}", beside.display()))?;
    Ok(Some(Seal::Dfx {
        salt,
        nonce: how.file_nonce,
        content: content.to_vec(),
    }))
}

impl Seal {
    /// The PEM text inside.
    pub fn open(&self, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, String> {
        match self {
            Self::Pkcs8(der) => open_pkcs8(der, passphrase),
            Self::Dfx { salt, nonce, content } => {
                let key = dfx_key(salt, passphrase)?;
                let cipher = Aes256Gcm::new_from_slice(key.as_slice()).map_err(|error| error.to_string())?;
                let opened = cipher.decrypt(&Nonce::from(*nonce), content.as_slice());
                opened.map(Zeroizing::new).map_err(|_| WRONG.into())
            }
        }
    }
}

/// An authenticated cipher tells a wrong passphrase from a damaged file no better than this.
const WRONG: &str = "the passphrase is wrong, or the file is damaged";

/// The parameters are `dfx`'s, and fixed there.
fn dfx_key(salt: &[u8], passphrase: &str) -> Result<Zeroizing<[u8; 32]>, String> {
    let said = |error: argon2::Error| error.to_string();
    let parameters = Params::new(64_000, 3, 1, Some(32)).map_err(said)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice())
        .map_err(said)?;
    Ok(key)
}

fn open_pkcs8(der: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let malformed = |error: k256::pkcs8::der::Error| format!("not PKCS #8: {error}");
    let mut reader = SliceReader::new(der).map_err(malformed)?;
    let (scheme, data) = reader
        .sequence(|reader| Ok((EncryptionScheme::decode(reader)?, OctetStringRef::decode(reader)?)))
        .map_err(malformed)?;
    check_cost(&scheme)?;
    let key = scheme.decrypt(passphrase, data.as_bytes()).map(Zeroizing::new);
    let key = key.map_err(|_| WRONG.to_owned())?;
    let text = pem::encode_string(OPEN, LineEnding::LF, &key).map_err(|error| error.to_string())?;
    // With the wrong passphrase one in some hundred times padding looks right by chance; then what comes out is no key, which is
    // found by who reads it.
    Ok(Zeroizing::new(text.into_bytes()))
}

fn check_cost(scheme: &EncryptionScheme<'_>) -> Result<(), String> {
    let fits = match scheme.pbes2().map(|parameters| &parameters.kdf) {
        Some(Kdf::Scrypt(scrypt)) => {
            let memory = u64::from(scrypt.block_size).checked_mul(128 * scrypt.cost_parameter.min(1 << 40));
            memory.is_some_and(|memory| memory <= MAX_MEMORY) && scrypt.parallelization <= 16
        }
        Some(Kdf::Pbkdf2(pbkdf2)) => pbkdf2.iteration_count <= MAX_ROUNDS,
        _ => return Err("encrypted in another way than PBES2 with scrypt or PBKDF2".into()),
    };
    if fits {
        Ok(())
    } else {
        Err("opening it would take more memory or time than any key should".into())
    }
}

/// Seals a key, given as PKCS #8 in DER, with scrypt (N = 2^`log_n`, r = 8, p = 1) and AES-256-CBC: the PEM text.
pub fn seal_pkcs8(key: &[u8], passphrase: &str, log_n: u8) -> Result<String, String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| error.to_string())?;
    let (salt, rest) = random.split_at(16);
    let iv: &[u8; 16] = rest.try_into().map_err(|_| "no initialisation vector")?;
    let cost = pkcs5::scrypt::Params::new(log_n, 8, 1, 32).map_err(|error| error.to_string())?;
    let parameters = Parameters::scrypt_aes256cbc(cost, salt, iv).map_err(|error| error.to_string())?;
    let data = parameters.encrypt(passphrase, key).map_err(|error| error.to_string())?;
    let said = |error: k256::pkcs8::der::Error| error.to_string();
    let mut inner = EncryptionScheme::from(parameters).to_der().map_err(said)?;
    OctetStringRef::new(&data)
        .and_then(|data| data.encode_to_vec(&mut inner))
        .map_err(said)?;
    let mut der = Vec::new();
    Header::new(Tag::Sequence, inner.len())
        .and_then(|header| header.encode_to_vec(&mut der))
        .map_err(said)?;
    der.extend(inner);
    pem::encode_string(SEALED, LineEnding::LF, &der).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
