//! What the page is told: the ecosystem's `ic_env` cookie, as its asset canister sets it and `@icp-sdk/core` reads it.
//!
//! The cookie's value is `name=value` joined by `&`, the whole percent-encoded; the network's root key comes first, as
//! `ic_root_key` in hexadecimal digits.
//!
//! On mainnet its name is `__Host-ic_env`: browsers take a cookie of that prefix from this very host alone, over HTTPS, and never
//! from a sibling subdomain (RFC 6265bis, section 4.1.3.2). Local networks are served over plain HTTP, where Safari keeps no
//! such cookie.

use std::fmt::Write as _;

use ddsx_types::web::PageVariable;

/// Mainnet's root key, in DER and hexadecimal digits.
const MAINNET_ROOT_KEY: &str = "308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100814c0e6ec71fab583b\
    08bd81373c255c3c371b2e84863c98a4f1e08b74235d14fb5d9c0cd546d9685f913a0c0b2cc5341583bf4b4392e4\
    67db96d65b9bb4cb717112f8472e0d5a4d14505ffd7484b01291091c5f87b98883463f98091a0baaae";
/// Only variables with this prefix are for the page.
const PREFIX: &str = "PUBLIC_";
const MAX_NAME_BYTES: usize = 128;
const MAX_VALUE_BYTES: usize = 256;
/// Browsers keep a cookie of 4,096 bytes, name and attributes included (RFC 6265, section 6.1).
const MAX_COOKIE_BYTES: usize = 4_000;

/// Refuses variables that could not be told apart from others, or not be kept by a browser.
///
/// # Errors
/// Which one, and why.
pub fn check(variables: &[PageVariable]) -> Result<(), String> {
    if let Some(bad) = variables.iter().find(|variable| !usable(variable)) {
        return Err(format!("the page cannot be told {:?} = {:?}", bad.name, bad.value));
    }
    let mut names: Vec<&str> = variables.iter().map(|variable| variable.name.as_str()).collect();
    names.sort_unstable();
    if let Some((twice, _)) = names.iter().zip(names.iter().skip(1)).find(|(one, next)| one == next) {
        return Err(format!("{twice:?} is given twice"));
    }
    Ok(())
}

fn usable(variable: &PageVariable) -> bool {
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_:-.".contains(&byte);
    let in_value = |byte: u8| byte.is_ascii_graphic() && !b"&;,\"\\".contains(&byte);
    variable.name.starts_with(PREFIX)
        && variable.name.len() <= MAX_NAME_BYTES
        && variable.name.bytes().all(in_name)
        && variable.value.len() <= MAX_VALUE_BYTES
        && variable.value.bytes().all(in_value)
}

/// The variables set here, and those of the canister's own environment that are for the page, can be told and are not set
/// here; in the order of their names.
pub fn merge(set: &[PageVariable], canister_environment: Vec<PageVariable>) -> Vec<PageVariable> {
    let mut all = set.to_vec();
    for variable in canister_environment {
        if usable(&variable) && all.iter().all(|other| other.name != variable.name) {
            all.push(variable);
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// The value of the `set-cookie` header. `root_key` is the network's, in DER.
///
/// # Errors
/// There is more to tell than a cookie holds.
pub fn cookie(root_key: &[u8], variables: &[PageVariable]) -> Result<String, String> {
    let root_key = hex::encode(root_key);
    let (name, attributes) = if root_key == MAINNET_ROOT_KEY {
        ("__Host-ic_env", "; Secure")
    } else {
        ("ic_env", "")
    };
    let mut text = format!("ic_root_key={root_key}");
    for variable in variables {
        text.extend(["&", &variable.name, "=", &variable.value]);
    }
    let cookie = format!("{name}={}; Path=/; SameSite=Lax{attributes}", percent_encoded(&text));
    if cookie.len() > MAX_COOKIE_BYTES {
        return Err(format!("the page's variables make a cookie of {} bytes", cookie.len()));
    }
    Ok(cookie)
}

/// As ECMAScript's `encodeURIComponent`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str, value: &str) -> PageVariable {
        PageVariable {
            name: name.into(),
            value: value.into(),
        }
    }

    #[test]
    fn should_write_the_cookie_as_the_page_reads_it() {
        let variables = [
            variable("PUBLIC_CANISTER_ID:dst_ledger", "7tjcv-pp777-77776-qaaaa-cai"),
            variable("PUBLIC_FAUCET_SEED", "00ff"),
        ];
        assert_eq!(
            cookie(&[0x30, 0x82], &variables).unwrap(),
            "ic_env=ic_root_key%3D3082%26PUBLIC_CANISTER_ID%3Adst_ledger%3D7tjcv-pp777-77776-qaaaa-cai\
             %26PUBLIC_FAUCET_SEED%3D00ff; Path=/; SameSite=Lax"
        );
    }

    #[test]
    fn should_let_no_other_host_set_the_cookie_on_mainnet() {
        let key = hex::decode(MAINNET_ROOT_KEY).unwrap();
        let cookie = cookie(&key, &[variable("PUBLIC_A", "1")]).unwrap();
        assert_eq!(
            cookie,
            format!("__Host-ic_env=ic_root_key%3D{MAINNET_ROOT_KEY}%26PUBLIC_A%3D1; Path=/; SameSite=Lax; Secure")
        );
        assert!(!cookie.contains("Domain"), "a cookie of this prefix has none");
    }

    #[test]
    fn should_know_mainnet_as_the_page_does() {
        let page = include_str!("../../../frontend/src/api/environment.ts");
        let key: String = page
            .split_once("MAINNET_ROOT_KEY =")
            .and_then(|(_, rest)| rest.split_once(';'))
            .map(|(quoted, _)| quoted.chars().filter(char::is_ascii_hexdigit).collect())
            .unwrap();
        assert_eq!(key, MAINNET_ROOT_KEY);
    }

    #[test]
    fn should_refuse_a_cookie_that_no_browser_keeps() {
        let variables: Vec<PageVariable> = (0..20)
            .map(|number| variable(&format!("PUBLIC_{number}"), &"x".repeat(256)))
            .collect();
        assert_eq!(check(&variables), Ok(()));
        assert!(cookie(&[0; 133], &variables).is_err());
    }

    #[test]
    fn should_prefer_what_was_set_and_leave_out_what_is_not_for_the_page() {
        let set = [variable("PUBLIC_B", "set")];
        let environment = vec![
            variable("PUBLIC_B", "environment"),
            variable("PUBLIC_A", "environment"),
            variable("SECRET", "environment"),
            variable("PUBLIC_C", "a&b"),
        ];
        assert_eq!(
            merge(&set, environment),
            [variable("PUBLIC_A", "environment"), variable("PUBLIC_B", "set")]
        );
    }

    #[test]
    fn should_refuse_a_name_given_twice() {
        let twice = [variable("PUBLIC_A", "1"), variable("PUBLIC_A", "2")];
        assert!(check(&twice).is_err());
    }
}
