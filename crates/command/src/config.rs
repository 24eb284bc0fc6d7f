//! The file that names network and canisters, and the folders where keys and notes lie.

use std::path::{Path, PathBuf};

use candid::Principal;
use serde::Deserialize;

use crate::failure::Failure;

mod owner;

/// What a config file may say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `local`, `ic` or a URL.
    pub network: Option<String>,
    /// The root key in hexadecimal DER.
    pub root_key: Option<String>,
    /// The registry canister.
    pub registry: Option<Principal>,
    /// The federated aggregator canister.
    pub aggregator: Option<Principal>,
    /// The ledger canister.
    pub ledger: Option<Principal>,
}

/// Where a config file is looked for, in this folder and those above it.
const PLACES: [&str; 3] = ["ddsx.toml", ".ddsx/ids.json", "target/local/ddsx.json"];

impl Config {
    /// Reads the file given, or the nearest one found; the path it was read from. One that is found decides where money goes, and nobody
    /// asked for it: it must be the user's own.
    pub fn find(given: Option<&Path>, start: &Path) -> Result<(Self, Option<PathBuf>), Failure> {
        let path = match given {
            Some(path) => Some(path.to_path_buf()),
            None => start
                .ancestors()
                .flat_map(|folder| PLACES.map(|place| folder.join(place)))
                .find(|path| path.is_file()),
        };
        match path {
            Some(path) => {
                if given.is_none() {
                    owner::check(&path)?;
                }
                Ok((Self::read(&path)?, Some(path)))
            }
            None => Ok((Self::default(), None)),
        }
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let text = ddsx_client::input::read_text(path)?;
        parse_by_extension(path, &text)
    }
}

/// Reads TOML from a file whose name ends so, JSON from any other.
pub fn parse_by_extension<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, Failure> {
    let parsed = if path.extension().is_some_and(|extension| extension == "toml") {
        toml::from_str(text).map_err(|error| error.to_string())
    } else {
        serde_json::from_str(text).map_err(|error| error.to_string())
    };
    parsed.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

/// Where keys and notes of purchases lie.
#[derive(Clone, Debug)]
pub struct Folders {
    /// PEM files.
    pub identities: PathBuf,
    /// Notes of purchases that did not end.
    pub purchases: PathBuf,
    /// Notes of tasks that are being created.
    pub tasks: PathBuf,
    /// What clients of federated tasks must not forget.
    pub training: PathBuf,
}

impl Folders {
    /// The platform's folders, or all in `home` (`$DDSX_HOME`).
    pub fn new(home: Option<PathBuf>) -> Result<Self, Failure> {
        if let Some(home) = home {
            return Ok(Self {
                identities: home.join("identities"),
                purchases: home.join("purchases"),
                tasks: home.join("tasks"),
                training: home.join("training"),
            });
        }
        let platform = directories::ProjectDirs::from("", "", "ddsx")
            .ok_or_else(|| Failure::local("this account has no home folder; set DDSX_HOME"))?;
        Ok(Self {
            identities: platform.config_dir().join("identities"),
            purchases: platform.data_local_dir().join("purchases"),
            tasks: platform.data_local_dir().join("tasks"),
            training: platform.data_local_dir().join("training"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ryjl3-tyaaa-aaaaa-aaaba-cai";

    #[test]
    fn should_find_the_nearest_file_and_read_toml_and_json_alike() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        let found = |start: &Path| Config::find(None, start).unwrap().0;

        std::fs::create_dir_all(root.path().join("target/local")).unwrap();
        let json = format!(
            "{{\"network\": \"http://127.0.0.1:1\", \"root_key\": \"00\", \"registry\": \"{ID}\", \"ledger\": null}}"
        );
        std::fs::write(root.path().join("target/local/ddsx.json"), json).unwrap();
        assert_eq!(found(&deep).registry, Some(Principal::from_text(ID).unwrap()));
        assert_eq!(found(&deep).root_key.as_deref(), Some("00"));

        std::fs::write(root.path().join("a/ddsx.toml"), "network = \"ic\"\n").unwrap();
        assert_eq!(found(&deep).network.as_deref(), Some("ic"));
        assert_eq!(found(root.path()).network.as_deref(), Some("http://127.0.0.1:1"));
    }

    #[cfg(unix)]
    #[test]
    fn should_refuse_a_file_that_others_may_write_unless_it_is_named() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ddsx.toml");
        std::fs::write(&path, "network = \"http://127.0.0.1:1\"\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
        let below = folder.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        let failure = Config::find(None, &below).unwrap_err();
        assert_eq!(failure.code(), crate::failure::USAGE);
        assert!(
            failure.message().contains("can be changed by others"),
            "{}",
            failure.message()
        );
        assert!(Config::find(Some(&path), &below).is_ok());

        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(Config::find(None, &below).is_ok());
    }

    #[test]
    fn should_say_what_is_wrong_with_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ddsx.toml");
        std::fs::write(&path, "netwrok = \"ic\"\n").unwrap();
        let failure = Config::find(Some(&path), folder.path()).unwrap_err();
        assert_eq!(failure.code(), crate::failure::USAGE);
        assert!(failure.message().contains("netwrok"), "{}", failure.message());
        let missing = Config::find(Some(&folder.path().join("none.json")), folder.path()).unwrap_err();
        assert_eq!(missing.code(), crate::failure::LOCAL);
    }
}
