//! The keys beside this file were made for these tests with OpenSSL, and sealed by it (`openssl pkcs8 -topk8`) and, as `dfx` does, by
//! Argon2's reference implementation and OpenSSL's AES-GCM. Their passphrase is `correct-horse`.

use super::*;
use crate::identity::{IdentityError, IdentityFolder, KeyKind, is_encrypted, load, load_with, parse};
use candid::Principal;

const PASSPHRASE: &str = "correct-horse";
const SEC1: &str = include_str!("sec1.pem");
const SCRYPT: &str = include_str!("scrypt.pem");
const ED25519: &str = include_str!("ed.pem");
const PBKDF2: &str = include_str!("pbkdf2.pem");
const DFX: &[u8] = include_bytes!("dfx.encrypted");
const DFX_JSON: &str = include_str!("dfx.json");

fn principal(pem: &[u8]) -> Principal {
    parse(pem).unwrap().sender().unwrap()
}

fn opened(path: &Path, passphrase: &str) -> Result<Principal, IdentityError> {
    load_with(path, || Ok(Zeroizing::new(passphrase.to_owned()))).map(|identity| identity.sender().unwrap())
}

#[test]
fn should_open_what_openssl_and_icp_seal() {
    let folder = tempfile::tempdir().unwrap();
    for (sealed, plain) in [(SCRYPT, SEC1), (PBKDF2, ED25519)] {
        let path = folder.path().join("key.pem");
        std::fs::write(&path, sealed).unwrap();
        assert!(is_encrypted(&path).unwrap());
        assert_eq!(opened(&path, PASSPHRASE).unwrap(), principal(plain.as_bytes()));
        let wrong = opened(&path, "battery-staple").unwrap_err();
        assert!(
            matches!(wrong, IdentityError::Sealed { .. } | IdentityError::NotAKey { .. }),
            "{wrong}"
        );
        assert!(matches!(load(&path), Err(IdentityError::Encrypted(_))));
    }
}

#[test]
fn should_open_what_dfx_seals() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.pem.encrypted");
    std::fs::write(&path, DFX).unwrap();
    let missing = opened(&path, PASSPHRASE).unwrap_err();
    assert!(missing.to_string().contains("identity.json"), "{missing}");
    std::fs::write(folder.path().join("identity.json"), DFX_JSON).unwrap();
    assert_eq!(opened(&path, PASSPHRASE).unwrap(), principal(SEC1.as_bytes()));
    let wrong = opened(&path, "battery-staple").unwrap_err();
    assert!(wrong.to_string().contains("the passphrase is wrong"), "{wrong}");
}

#[test]
fn should_make_keys_that_their_passphrase_alone_opens() {
    let folder = tempfile::tempdir().unwrap();
    let identities = IdentityFolder::new(folder.path());
    let passphrase = Zeroizing::new(PASSPHRASE.to_owned());
    for (name, kind) in [("a", KeyKind::Secp256k1), ("b", KeyKind::Ed25519)] {
        let path = identities.create_encrypted(name, kind, &passphrase).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{text}");
        assert_eq!(opened(&path, PASSPHRASE).unwrap().as_slice().len(), 29);
        assert!(opened(&path, "battery-staple").is_err());
        let again = identities.create_encrypted(name, kind, &passphrase);
        assert!(matches!(again, Err(IdentityError::Exists(_))));
    }
    let short = identities.create_encrypted("c", KeyKind::Ed25519, &Zeroizing::new("short".to_owned()));
    assert!(matches!(short, Err(IdentityError::Passphrase(_))));
}

#[test]
fn should_refuse_a_file_that_wants_more_memory_than_any_key() {
    // N = 2^26, r = 8: 64 GiB.
    let costly = pkcs5::scrypt::Params::new(26, 8, 1, 32).unwrap();
    let parameters = Parameters::scrypt_aes256cbc(costly, &[1; 16], &[2; 16]).unwrap();
    let refused = check_cost(&EncryptionScheme::from(parameters)).unwrap_err();
    assert!(refused.contains("more memory"), "{refused}");
    assert!(seal(Path::new("x.pem"), SEC1.as_bytes()).unwrap().is_none());
    assert!(seal(Path::new("x.pem"), b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA").is_err());
}
