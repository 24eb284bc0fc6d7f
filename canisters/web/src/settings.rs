//! What install and upgrade set.

use candid::CandidType;
use ddsx_types::web::{PageVariable, WebArgs};
use serde::Deserialize;

use crate::environment;

/// Domains that `/.well-known/ic-domains` can name.
const MAX_DOMAINS: usize = 32;
/// Internet Identity reads no more alternative origins than these.
const MAX_ORIGINS: usize = 10;
/// A host name has at most 253 characters (RFC 1035); an origin a scheme and a port more.
const MAX_NAME_BYTES: usize = 280;

/// What was set and is kept.
#[derive(CandidType, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What the page is told.
    pub variables: Vec<PageVariable>,
    /// The page's own domains.
    pub domains: Vec<String>,
    /// Origins that may ask for this page's principals.
    pub alternative_origins: Vec<String>,
}

impl Settings {
    /// The settings with what `args` give.
    ///
    /// # Errors
    /// Why something given cannot be used.
    pub fn with(self, args: WebArgs) -> Result<Self, String> {
        let settings = Self {
            variables: args.variables.unwrap_or(self.variables),
            domains: args.domains.unwrap_or(self.domains),
            alternative_origins: args.alternative_origins.unwrap_or(self.alternative_origins),
        };
        environment::check(&settings.variables)?;
        check_all("domains", &settings.domains, MAX_DOMAINS, is_domain)?;
        let origins = &settings.alternative_origins;
        check_all("alternative origins", origins, MAX_ORIGINS, is_origin)?;
        Ok(settings)
    }

    /// What `/.well-known/ic-domains` says: a domain a line.
    pub fn domains_file(&self) -> Option<String> {
        (!self.domains.is_empty()).then(|| self.domains.join("\n") + "\n")
    }

    /// What `/.well-known/ii-alternative-origins` says.
    pub fn origins_file(&self) -> Option<String> {
        let quoted: Vec<String> = self
            .alternative_origins
            .iter()
            .map(|origin| format!("\"{origin}\""))
            .collect();
        (!quoted.is_empty()).then(|| format!("{{\"alternativeOrigins\":[{}]}}\n", quoted.join(",")))
    }
}

fn check_all(what: &str, given: &[String], most: usize, valid: fn(&str) -> bool) -> Result<(), String> {
    if given.len() > most {
        return Err(format!("{} {what}; at most {most} can be named", given.len()));
    }
    match given.iter().find(|text| !valid(text)) {
        Some(text) => Err(format!("{text:?} is not one of the {what}")),
        None => Ok(()),
    }
}

/// Labels of letters, digits and hyphens, two at least.
fn is_domain(text: &str) -> bool {
    text.len() <= MAX_NAME_BYTES
        && text.contains('.')
        && text
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

/// `https://` and a domain, with a port at most.
fn is_origin(text: &str) -> bool {
    let Some(host) = text.strip_prefix("https://") else {
        return false;
    };
    let (domain, port) = host.split_once(':').unwrap_or((host, "443"));
    is_domain(domain) && port.parse::<u16>().is_ok()
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
    fn should_keep_what_is_not_given() {
        let first = Settings::default()
            .with(WebArgs {
                variables: Some(vec![variable("PUBLIC_A", "1")]),
                domains: Some(vec!["ddsx.example".into()]),
                alternative_origins: None,
            })
            .unwrap();
        let second = first
            .clone()
            .with(WebArgs {
                variables: Some(vec![]),
                ..WebArgs::default()
            })
            .unwrap();
        assert_eq!(first.variables, [variable("PUBLIC_A", "1")]);
        assert_eq!(second.variables, []);
        assert_eq!(second.domains, ["ddsx.example"]);
    }

    #[test]
    fn should_write_the_well_known_files() {
        let settings = Settings {
            domains: vec!["ddsx.example".into(), "www.ddsx.example".into()],
            alternative_origins: vec!["https://ddsx.example".into(), "https://a.b:8443".into()],
            ..Settings::default()
        };
        assert_eq!(
            settings.domains_file().as_deref(),
            Some("ddsx.example\nwww.ddsx.example\n")
        );
        assert_eq!(
            settings.origins_file().as_deref(),
            Some("{\"alternativeOrigins\":[\"https://ddsx.example\",\"https://a.b:8443\"]}\n")
        );
        assert_eq!(Settings::default().domains_file(), None);
        assert_eq!(Settings::default().origins_file(), None);
    }

    #[test]
    fn should_refuse_what_would_break_a_file_or_a_header() {
        let domains = |domain: &str| WebArgs {
            domains: Some(vec![domain.into()]),
            ..WebArgs::default()
        };
        let origins = |origin: &str| WebArgs {
            alternative_origins: Some(vec![origin.into()]),
            ..WebArgs::default()
        };
        let variables = |name: &str, value: &str| WebArgs {
            variables: Some(vec![variable(name, value)]),
            ..WebArgs::default()
        };
        for args in [
            domains("localhost"),
            domains("a..b"),
            domains("a.b\nc.d"),
            domains("https://a.b"),
            WebArgs {
                domains: Some(vec!["a.b".into(); 33]),
                ..WebArgs::default()
            },
            origins("http://a.b"),
            origins("https://a.b/path"),
            origins("https://a.b\"]"),
            origins("https://a.b:70000"),
            variables("SECRET", "1"),
            variables("PUBLIC_A=B", "1"),
            variables("PUBLIC_A", "1&ic_root_key=00"),
            variables("PUBLIC_A", "a\r\nset-cookie: b"),
        ] {
            let refused = Settings::default().with(args.clone());
            assert!(refused.is_err(), "{args:?}");
        }
    }
}
