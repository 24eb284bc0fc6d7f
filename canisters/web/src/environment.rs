//! What the page is told: the ecosystem's `ic_env` cookie, as its asset canister sets it and `@icp-sdk/core` reads it.
//!
//! The cookie's value is `name=value` joined by `&`, the whole percent-encoded; the network's root key comes first, as
//! `ic_root_key` in hexadecimal digits.

use std::fmt::Write as _;

use ddsx_types::web::PageVariable;

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
    let mut text = format!("ic_root_key={}", hex::encode(root_key));
    for PageVariable { name, value } in variables {
        text.extend(["&", name, "=", value]);
    }
    let cookie = format!("ic_env={}; Path=/; SameSite=Lax", percent_encoded(&text));
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
