//! The public keys that sign requests and delegations.
//!
//! Interface specification: *Signatures*, *Ed25519 and ECDSA signatures*. Web authentication and canister signatures
//! are not supported yet.

use k256::ecdsa::signature::Verifier;
use k256::pkcs8::{DecodePublicKey, EncodePublicKey};

/// A key of one of the plain signature schemes.
#[derive(Debug)]
pub(super) enum PublicKey {
    Ed25519(Box<ic_ed25519::PublicKey>),
    P256(p256::ecdsa::VerifyingKey),
    Secp256k1(k256::ecdsa::VerifyingKey),
}

impl PublicKey {
    /// Reads a DER-encoded key. Of several encodings of a key only the canonical one is a key here, since the bytes
    /// give the principal.
    pub(super) fn from_der(der: &[u8]) -> Result<Self, String> {
        if let Ok(key) = ic_ed25519::PublicKey::deserialize_rfc8410_der(der) {
            return if key.serialize_rfc8410_der() == der {
                Ok(Self::Ed25519(Box::new(key)))
            } else {
                Err("the Ed25519 key is not canonically encoded".into())
            };
        }
        if let Ok(key) = p256::PublicKey::from_public_key_der(der) {
            return if encodes_to(&key, der) {
                Ok(Self::P256(key.into()))
            } else {
                Err("the P-256 key is not an uncompressed point in DER".into())
            };
        }
        if let Ok(key) = k256::PublicKey::from_public_key_der(der) {
            return if encodes_to(&key, der) {
                Ok(Self::Secp256k1(key.into()))
            } else {
                Err("the secp256k1 key is not an uncompressed point in DER".into())
            };
        }
        Err(format!(
            "0x{} is not a DER-encoded Ed25519, P-256 or secp256k1 key (WebAuthn and canister signatures are not \
             supported by this local network)",
            hex::encode(der)
        ))
    }

    /// Whether `signature` (64 bytes) is this key's on `message`.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Ed25519(key) => key.verify_signature(message, signature).is_ok(),
            Self::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            // k256 insists on a low s, the Internet Computer does not.
            Self::Secp256k1(key) => k256::ecdsa::Signature::from_slice(signature).is_ok_and(|signature| {
                let signature = signature.normalize_s().unwrap_or(signature);
                key.verify(message, &signature).is_ok()
            }),
        }
    }
}

fn encodes_to(key: &impl EncodePublicKey, der: &[u8]) -> bool {
    key.to_public_key_der()
        .is_ok_and(|canonical| canonical.as_bytes() == der)
}
