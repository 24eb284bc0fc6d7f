//! The network's root key: the public key that every proof ends at.
//!
//! It is mainnet's, which is built in; or given explicitly; or asked of a network on this very machine. It is never asked of
//! any other address, since whoever answers there could then prove anything.

use std::net::IpAddr;

use url::{Host, Url};

/// Bytes of a root key: a BLS12-381 public key (96 bytes) in DER.
pub const ROOT_KEY_LEN: usize = DER_PREFIX.len() + 96;

/// The DER header of a BLS12-381 public key (IC interface specification, "Certification").
pub(crate) const DER_PREFIX: &[u8; 37] =
    b"\x30\x81\x82\x30\x1d\x06\x0d\x2b\x06\x01\x04\x01\x82\xdc\x7c\x05\x03\x01\x02\x01\x06\x0c\x2b\x06\x01\x04\x01\x82\xdc\x7c\x05\x03\x02\x01\x03\x61\x00";

/// Mainnet's root key without the DER header, in hexadecimal digits.
const MAINNET_POINT: &str = "814c0e6ec71fab583b08bd81373c255c3c371b2e84863c98a4f1e08b74235d14fb5d9c0cd546d9685f913a0c0b2cc534\
                             1583bf4b4392e467db96d65b9bb4cb717112f8472e0d5a4d14505ffd7484b01291091c5f87b98883463f98091a0baaae";

/// Mainnet's root key, in DER.
pub fn mainnet_root_key() -> Vec<u8> {
    let mut key = DER_PREFIX.to_vec();
    key.extend(hex::decode(MAINNET_POINT).unwrap_or_default());
    key
}

/// Where the root key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootKey {
    /// Mainnet's, built in.
    Mainnet,
    /// This one: 133 bytes of DER.
    Given(Vec<u8>),
    /// Asked of the network, which must be at a loopback address.
    FromLoopback,
}

/// Why there is no root key.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyError {
    /// The network is not on this machine, so its word about its own root key proves nothing.
    #[error(
        "refusing to ask {url} for its root key: it is not a loopback address, and whoever answers there could then prove anything; \
         give the key with --root-key (RootKey::Given)"
    )]
    NotLoopback {
        /// The network's URL.
        url: String,
    },
    /// The network did not say.
    #[error("{url} did not tell its root key: {reason}")]
    NotTold {
        /// The network's URL.
        url: String,
        /// What the transport said.
        reason: String,
    },
    /// The bytes are not a root key.
    #[error("not a root key: {0}")]
    Malformed(String),
}

/// Reads a root key from hexadecimal digits (spaces and line ends allowed), checking that it is one.
pub fn parse_root_key(text: &str) -> Result<Vec<u8>, RootKeyError> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = hex::decode(digits.trim_start_matches("0x"))
        .map_err(|error| RootKeyError::Malformed(format!("hexadecimal digits expected: {error}")))?;
    check_root_key(&bytes)?;
    Ok(bytes)
}

/// Checks length, DER header and that the key is a point of the curve.
pub fn check_root_key(key: &[u8]) -> Result<(), RootKeyError> {
    let Some(point) = key.strip_prefix(DER_PREFIX.as_slice()) else {
        return Err(RootKeyError::Malformed(
            "it does not begin as a BLS12-381 public key in DER does (308182301d060d2b…)".into(),
        ));
    };
    if key.len() != ROOT_KEY_LEN {
        return Err(RootKeyError::Malformed(format!(
            "it has {} bytes, a root key has {ROOT_KEY_LEN}",
            key.len()
        )));
    }
    ic_verify_bls_signature::PublicKey::deserialize(point)
        .map(|_| ())
        .map_err(|_| RootKeyError::Malformed("it is not a point of the curve".into()))
}

/// Whether every address behind the URL's host is this machine. Names are resolved: `localhost` may point elsewhere.
pub async fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => {
            let local = name == "localhost" || name.ends_with(".localhost");
            local && resolves_to_loopback(name, url.port_or_known_default().unwrap_or(80)).await
        }
        None => false,
    }
}

async fn resolves_to_loopback(name: &str, port: u16) -> bool {
    let Ok(addresses) = tokio::net::lookup_host((name, port)).await else {
        return false;
    };
    let addresses: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
    !addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn should_take_only_this_machine_for_loopback() {
        for (url, expected) in [
            ("http://127.0.0.1:4943", true),
            ("http://127.8.9.1", true),
            ("http://[::1]:8000/", true),
            ("http://localhost:4943", true),
            ("https://icp-api.io", false),
            ("http://10.0.0.1:4943", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://0.0.0.0:4943", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()).await, expected, "{url}");
        }
    }

    #[test]
    fn should_read_mainnets_root_key_and_refuse_what_is_none() {
        let agent = ic_agent::Agent::builder()
            .with_url("http://127.0.0.1:1")
            .build()
            .unwrap();
        let key = agent.read_root_key();
        assert_eq!(parse_root_key(&hex::encode(&key)).unwrap(), key);
        assert_eq!(mainnet_root_key(), key, "the agent has the same one built in");

        let short = hex::encode(&key[..key.len() - 1]);
        assert!(parse_root_key(&short).unwrap_err().to_string().contains("132 bytes"));
        assert!(parse_root_key("zz").unwrap_err().to_string().contains("hexadecimal"));
        assert!(parse_root_key("00").unwrap_err().to_string().contains("DER"));
        let mut off_curve = key;
        off_curve[60] ^= 1;
        assert!(
            parse_root_key(&hex::encode(off_curve))
                .unwrap_err()
                .to_string()
                .contains("point")
        );
    }
}
