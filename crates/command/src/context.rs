//! What every command needs: who, where, and how to write.

use std::path::{Path, PathBuf};

use candid::Principal;
use ddsx_client::identity::{self, IdentityFolder};
use ddsx_client::root_key::{is_loopback, mainnet_root_key, parse_root_key};
use ddsx_client::words::{one_line, visible};
use ddsx_client::{Aggregator, Anonymous, Identity, Ledger, Network, Registry, RootKey};

use crate::args::Global;
use crate::config::{Config, Folders};
use crate::failure::Failure;
use crate::output::Output;
use crate::passphrase;

/// Mainnet's API.
const MAINNET: &str = "https://icp-api.io";
/// A local network that no config file names.
const LOCAL: &str = "http://127.0.0.1:4943";

/// What every command needs.
pub struct Context {
    global: Global,
    config: Config,
    /// The config file, if it was found and not named.
    found: Option<PathBuf>,
    pub folders: Folders,
    pub output: Output,
}

/// Where to connect, and how the root key is known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    url: String,
    root_key: RootKey,
    /// Whether the config file's canisters are this network's.
    from_config: bool,
}

impl Context {
    pub fn new(global: Global) -> Result<Self, Failure> {
        let here = std::env::current_dir().map_err(|error| Failure::local(format!("this folder: {error}")))?;
        let (config, path) = Config::find(global.config.as_deref(), &here)?;
        let output = Output::new(global.json, global.quiet);
        let found = path.filter(|_| global.config.is_none());
        if let Some(path) = &found {
            output.remark(&format!("using {}", one_line(&path.display().to_string())));
        }
        Ok(Self {
            found,
            folders: Folders::new(std::env::var_os("DDSX_HOME").map(Into::into))?,
            global,
            config,
            output,
        })
    }

    /// Says before money is spent or allowed where that is, and at which canisters, if a config file decided it that nobody named. Not
    /// left out with `--quiet`.
    pub fn name_place(&self, network: &Network, canisters: &[(&str, Principal)]) {
        if let Some(path) = &self.found {
            eprintln!("{}", visible(&place(network.url(), path, canisters)));
        }
    }

    /// Connects as the identity chosen.
    pub async fn network(&self) -> Result<Network, Failure> {
        let target = target(&self.global, &self.config)?;
        if let Some(path) = &self.found {
            check_found_key(path, &self.global, &target).await?;
        }
        Ok(Network::connect(&target.url, target.root_key, self.identity()?).await?)
    }

    /// Refuses before the first call what nobody can do without a key.
    pub fn somebody(network: &Network) -> Result<(), Failure> {
        if network.principal() != Principal::anonymous() {
            return Ok(());
        }
        Err(Failure::refused(
            "sign in first: make an identity with `ddsx identity new`, or name one with --identity",
        ))
    }

    /// Connects, and takes the registry.
    pub async fn registry(&self) -> Result<Registry, Failure> {
        self.registry_on(&self.network().await?)
    }

    /// Connects, and takes the aggregator.
    pub async fn aggregator(&self) -> Result<Aggregator, Failure> {
        let id = self.canister("aggregator", self.global.aggregator, self.config.aggregator)?;
        Ok(self.network().await?.aggregator(id))
    }

    /// The registry chosen, on a network that is connected already.
    pub fn registry_on(&self, network: &Network) -> Result<Registry, Failure> {
        let id = self.canister("registry", self.global.registry, self.config.registry)?;
        Ok(network.registry(id))
    }

    /// The ledger chosen, on a network that is connected already.
    pub fn ledger_on(&self, network: &Network) -> Result<Ledger, Failure> {
        let id = self.canister("ledger", self.global.ledger, self.config.ledger)?;
        Ok(network.ledger(id))
    }

    /// The ledger given on the command line, if any.
    pub fn ledger_given(&self) -> Option<Principal> {
        self.global.ledger
    }

    /// Connects, and takes the ledger.
    pub async fn ledger(&self) -> Result<Ledger, Failure> {
        self.ledger_on(&self.network().await?)
    }

    fn canister(
        &self,
        what: &str,
        given: Option<Principal>,
        configured: Option<Principal>,
    ) -> Result<Principal, Failure> {
        let configured =
            configured.filter(|_| target(&self.global, &self.config).is_ok_and(|target| target.from_config));
        given.or(configured).ok_or_else(|| {
            Failure::usage(format!(
                "which {what} canister? Give --{what}, or a config file that names it (ddsx --help)"
            ))
        })
    }

    /// The name of the identity in use.
    pub fn identity_name(&self) -> &str {
        self.global.identity.as_deref().unwrap_or("default")
    }

    /// Where keys lie.
    pub fn identities(&self) -> IdentityFolder {
        IdentityFolder::new(&self.folders.identities)
    }

    /// The identity chosen; anonymous if none is chosen and there is no default.
    pub fn identity(&self) -> Result<Box<dyn Identity>, Failure> {
        let identities = self.identities();
        match self.global.identity.as_deref() {
            Some("anonymous") => Ok(Box::new(Anonymous)),
            Some(given) if looks_like_a_path(given) => open(given, Path::new(given)),
            Some(name) => open(name, &identities.file(name)?),
            None if identities.file("default")?.exists() => open("default", &identities.file("default")?),
            None => Ok(Box::new(Anonymous)),
        }
    }
}

/// Where money goes, as a config file says that was found.
fn place(url: &str, path: &Path, canisters: &[(&str, Principal)]) -> String {
    let mut lines = vec![format!(
        "  on network    {url}, as {} says",
        one_line(&path.display().to_string())
    )];
    lines.extend(
        canisters
            .iter()
            .map(|(what, canister)| format!("  {what:<12}  {canister}")),
    );
    lines.join("\n")
}

/// Refuses a root key that only a file gives which nobody named, for a network that is not on this machine: whoever wrote the file could
/// prove anything with it.
async fn check_found_key(path: &Path, global: &Global, target: &Target) -> Result<(), Failure> {
    if global.root_key.is_some() || !matches!(target.root_key, RootKey::Given(_)) {
        return Ok(());
    }
    let here = match target.url.parse() {
        Ok(url) => is_loopback(&url).await,
        Err(_) => false,
    };
    if here {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "the config file {0} gives a root key for {1}, which is not on this machine: whoever wrote it could prove anything, so it is not \
         used unasked; if you trust it, name it: --config {0}",
        path.display(),
        target.url
    )))
}

/// Reads a key, asking for its passphrase if it has one.
pub fn open(name: &str, path: &Path) -> Result<Box<dyn Identity>, Failure> {
    Ok(identity::load_with(path, || passphrase::of(name))?)
}

fn looks_like_a_path(text: &str) -> bool {
    text.contains(['/', '\\', '.'])
}

/// Decides where to connect. A root key from the config file is used for the config file's network only.
fn target(global: &Global, config: &Config) -> Result<Target, Failure> {
    let url_of = |network: &str| match network {
        "ic" => MAINNET.to_string(),
        "local" => LOCAL.to_string(),
        url => url.to_string(),
    };
    let configured = config.network.as_deref().map(url_of);
    let (url, from_config) = match global.network.as_deref() {
        None => (configured.clone().unwrap_or_else(|| MAINNET.into()), true),
        Some("local") => match configured {
            Some(url) if url != MAINNET => (url, true),
            _ => (LOCAL.into(), config.network.is_none()),
        },
        Some(network) => {
            let url = url_of(network);
            let same = configured.as_ref() == Some(&url);
            (url, same)
        }
    };
    let of_file = config.root_key.as_ref().filter(|_| from_config);
    let root_key = match (&global.root_key, of_file) {
        (Some(key), _) => RootKey::Given(read_root_key(key)?),
        // Mainnet's is built in, and no file replaces it.
        (None, Some(key)) if is_mainnet(&url) => {
            if read_root_key(key)? != mainnet_root_key() {
                return Err(Failure::usage(
                    "the config file gives mainnet another root key than its own; remove root_key from it, or name the network that it \
                     is of",
                ));
            }
            RootKey::Mainnet
        }
        (None, Some(key)) => RootKey::Given(read_root_key(key)?),
        (None, None) if is_mainnet(&url) => RootKey::Mainnet,
        (None, None) => RootKey::FromLoopback,
    };
    Ok(Target {
        url,
        root_key,
        from_config,
    })
}

/// Whether a URL is one of mainnet's gateways.
fn is_mainnet(url: &str) -> bool {
    const DOMAINS: [&str; 5] = ["icp-api.io", "icp0.io", "ic0.app", "icp.net", "internetcomputer.org"];
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = host
        .split(':')
        .next()
        .unwrap_or(host)
        .trim_end_matches('.')
        .to_ascii_lowercase();
    DOMAINS
        .iter()
        .any(|domain| host == *domain || host.strip_suffix(domain).is_some_and(|below| below.ends_with('.')))
}

/// Hexadecimal digits, or a file with them (or with the bytes themselves).
fn read_root_key(text: &str) -> Result<Vec<u8>, Failure> {
    let path = Path::new(text);
    if !path.is_file() {
        return Ok(parse_root_key(text)?);
    }
    let bytes = std::fs::read(path).map_err(|error| Failure::local(format!("root key {text}: {error}")))?;
    match std::str::from_utf8(&bytes) {
        Ok(digits) => Ok(parse_root_key(digits)?),
        Err(_) => Ok(parse_root_key(&hex::encode(bytes))?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(network: Option<&str>) -> Config {
        Config {
            network: network.map(String::from),
            ..Config::default()
        }
    }

    fn global(network: Option<&str>) -> Global {
        Global {
            network: network.map(String::from),
            ..Global::default()
        }
    }

    #[test]
    fn should_take_the_network_from_option_then_file_then_mainnet() {
        let at = "http://127.0.0.1:9";
        for (given, configured, url, from_config) in [
            (None, None, MAINNET, true),
            (None, Some(at), at, true),
            (Some("ic"), Some(at), MAINNET, false),
            (Some("local"), Some(at), at, true),
            (Some("local"), None, LOCAL, true),
            (Some("local"), Some("ic"), LOCAL, false),
            (Some("https://x.example"), Some(at), "https://x.example", false),
            (Some(at), Some(at), at, true),
        ] {
            let target = target(&global(given), &config(configured)).unwrap();
            assert_eq!(
                (target.url.as_str(), target.from_config),
                (url, from_config),
                "{given:?} {configured:?}"
            );
            let expected = if url == MAINNET {
                RootKey::Mainnet
            } else {
                RootKey::FromLoopback
            };
            assert_eq!(target.root_key, expected);
        }
    }

    #[test]
    fn should_use_a_root_key_from_the_file_for_the_files_network_only() {
        let mut config = config(Some("http://127.0.0.1:9"));
        config.root_key = Some("not a key".into());
        assert!(target(&global(None), &config).is_err());
        assert_eq!(target(&global(Some("ic")), &config).unwrap().root_key, RootKey::Mainnet);
    }

    #[tokio::test]
    async fn should_take_a_root_key_from_a_file_that_was_found_on_this_machine_only() {
        let path = Path::new("/there/ddsx.toml");
        let key = || RootKey::Given(mainnet_root_key());
        for (url, root_key, given, taken) in [
            ("http://127.0.0.1:9", key(), None, true),
            ("https://x.example", key(), None, false),
            ("https://x.example", key(), Some("30"), true),
            ("https://x.example", RootKey::FromLoopback, None, true),
            (MAINNET, RootKey::Mainnet, None, true),
        ] {
            let global = Global {
                root_key: given.map(String::from),
                ..Global::default()
            };
            let target = Target {
                url: url.into(),
                root_key,
                from_config: true,
            };
            let checked = check_found_key(path, &global, &target).await;
            assert_eq!(checked.is_ok(), taken, "{url} {given:?}");
            if let Err(refused) = checked {
                assert_eq!(refused.code(), crate::failure::USAGE);
                assert!(
                    refused.message().contains("--config /there/ddsx.toml"),
                    "{}",
                    refused.message()
                );
            }
        }
    }

    #[test]
    fn should_name_every_canister_that_money_goes_through() {
        let (registry, ledger) = (Principal::management_canister(), Principal::anonymous());
        assert_eq!(
            place(
                MAINNET,
                Path::new("/there/ddsx.toml"),
                &[("registry", registry), ("ledger", ledger)]
            ),
            "  on network    https://icp-api.io, as /there/ddsx.toml says\n  registry      aaaaa-aa\n  ledger        2vxsx-fae"
        );
    }

    #[test]
    fn should_never_take_another_root_key_for_mainnet_from_a_file() {
        let mut other = mainnet_root_key();
        // The generator of the group, which is a point of the curve and nobody's key.
        let generator = "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e\
                         024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8";
        other[37..].copy_from_slice(&hex::decode(generator).unwrap());
        for network in [
            "ic",
            MAINNET,
            "https://ic0.app",
            "https://ICP0.io:443/x",
            "https://a.raw.icp0.io/",
        ] {
            let mut config = config(Some(network));
            config.root_key = Some(hex::encode(&other));
            let refused = target(&global(None), &config).unwrap_err();
            assert!(
                refused.message().contains("another root key"),
                "{network}: {}",
                refused.message()
            );
            config.root_key = Some(hex::encode(mainnet_root_key()));
            assert_eq!(
                target(&global(None), &config).unwrap().root_key,
                RootKey::Mainnet,
                "{network}"
            );
            config.root_key = None;
            assert_eq!(
                target(&global(None), &config).unwrap().root_key,
                RootKey::Mainnet,
                "{network}"
            );
        }
        for elsewhere in ["https://icp0.io.example", "https://example/icp0.io", "https://nicp0.io"] {
            let mut config = config(Some(elsewhere));
            config.root_key = Some(hex::encode(&other));
            assert_eq!(
                target(&global(None), &config).unwrap().root_key,
                RootKey::Given(other.clone())
            );
        }
    }
}
