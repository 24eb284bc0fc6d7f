//! Builds canisters: `canister-build [canister…]`, all of `canisters/` if none is named. Those of `benches/` are built when named.
//!
//! For each: compile for `wasm32-unknown-unknown` in the `canister` profile, embed `candid/<name>.did` as the public
//! metadata `candid:service`, refuse any import outside the System API's module `ic0`, and write
//! `target/canisters/<name>.wasm.gz`, the same bytes for the same source wherever the checkout lies.
//!
//! `web` embeds the page's files, which `scripts/build` makes where npm is there; where they are missing, it is left out of
//! "all", with its module of an earlier build, if any.
//!
//! A canister asks for Wasm features in its own Cargo.toml:
//!
//! ```toml
//! [package.metadata.ddsx]
//! target-features = ["simd128"]
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use anyhow::{Context as _, Result, bail, ensure};
use flate2::{Compression, GzBuilder};
use ic_wasm::metadata::{Kind, add_metadata};
use ic_wasm::utils::parse_wasm;

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "canister";
const CANISTERS: &str = "canisters";
const BENCHES: &str = "benches";
/// The canister that needs the page's files.
const WEB: &str = "web";
/// Where they lie.
const PAGE: &str = "target/web/index.html";

fn main() -> Result<()> {
    let root = workspace_root()?;
    let mut all = folders(&root)?;
    let named: Vec<String> = std::env::args().skip(1).collect();
    for name in &named {
        ensure!(
            all.contains_key(name),
            "no canister {name:?}; there are: {}",
            all.keys().cloned().collect::<Vec<_>>().join(", ")
        );
    }
    if named.is_empty() && !root.join(PAGE).is_file() {
        println!("web is left out: its page has not been built");
        all.remove(WEB);
        match fs::remove_file(module_path(&root, WEB)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let chosen: BTreeMap<String, PathBuf> = all
        .into_iter()
        .filter(|(name, folder)| {
            if named.is_empty() {
                folder.starts_with(root.join(CANISTERS))
            } else {
                named.contains(name)
            }
        })
        .collect();

    let mut by_features: BTreeMap<Vec<String>, Vec<&String>> = BTreeMap::new();
    for (name, folder) in &chosen {
        let features = target_features(folder).with_context(|| format!("canister {name}"))?;
        by_features.entry(features).or_default().push(name);
    }
    // Side by side: the last step of each, optimising a whole module at once, keeps a single core busy for minutes.
    let compiling: Vec<Child> = by_features
        .iter()
        .map(|(features, names)| compile(&root, names, features))
        .collect::<Result<_>>()?;
    let results: Vec<_> = compiling.into_iter().map(|mut cargo| cargo.wait()).collect();
    for status in results {
        ensure!(status?.success(), "cargo build failed");
    }
    for (name, folder) in &chosen {
        let module = finish(&root, name, folder).with_context(|| format!("canister {name}"))?;
        println!(
            "{} ({} KiB)",
            module.display(),
            fs::metadata(&module)?.len().div_ceil(1024)
        );
    }
    Ok(())
}

/// The workspace's root: two folders above this crate, wherever the command is called.
fn workspace_root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .context("the crate does not lie in crates/")
}

/// Every canister and its folder.
fn folders(root: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut folders = BTreeMap::new();
    for parent in [CANISTERS, BENCHES] {
        let parent = root.join(parent);
        if !parent.is_dir() {
            continue;
        }
        for entry in fs::read_dir(parent)? {
            let entry = entry?;
            if entry.path().join("Cargo.toml").is_file() {
                folders.insert(entry.file_name().to_string_lossy().into_owned(), entry.path());
            }
        }
    }
    Ok(folders)
}

/// Where a canister's module goes.
fn module_path(root: &Path, name: &str) -> PathBuf {
    root.join("target/canisters").join(format!("{name}.wasm.gz"))
}

/// The Wasm features that a canister's Cargo.toml asks for, sorted.
fn target_features(folder: &Path) -> Result<Vec<String>> {
    let manifest: toml::Table = fs::read_to_string(folder.join("Cargo.toml"))?.parse()?;
    let asked = ["package", "metadata", "ddsx"]
        .iter()
        .try_fold(&manifest, |table, key| table.get(*key)?.as_table())
        .and_then(|ours| ours.get("target-features"));
    let Some(asked) = asked else {
        return Ok(Vec::new());
    };
    let mut features = asked
        .as_array()
        .and_then(|features| {
            features
                .iter()
                .map(|feature| Some(feature.as_str()?.to_owned()))
                .collect::<Option<Vec<_>>>()
        })
        .context("target-features is a list of names")?;
    features.sort();
    Ok(features)
}

/// Where what is compiled with these features lies: apart from the rest, since cargo does not tell them apart where paths are remapped, and would
/// compile everything again at every call.
fn target_folder(root: &Path, features: &[String]) -> PathBuf {
    let folder = root.join("target");
    if features.is_empty() {
        folder
    } else {
        folder.join(features.join("-"))
    }
}

/// Begins to compile: one cargo call for all with the same features, so that shared dependencies are compiled once.
fn compile(root: &Path, names: &[&String], features: &[String]) -> Result<Child> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(root)
        .args(["build", "--locked", "--target", TARGET, "--profile", PROFILE]);
    for name in names {
        cargo.args(["-p", name.as_str(), "--bin", name.as_str()]);
    }
    // Paths of this machine must not enter the module: they would change its hash.
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let mut flags = vec![format!("--remap-path-prefix={}=ddsx", root.display())];
    flags.extend(home.map(|home| format!("--remap-path-prefix={home}=cargo")));
    if !features.is_empty() {
        let list: Vec<String> = features.iter().map(|feature| format!("+{feature}")).collect();
        flags.push(format!("-Ctarget-feature={}", list.join(",")));
    }
    cargo
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .arg("--target-dir")
        .arg(target_folder(root, features));
    cargo.spawn().context("cannot run cargo")
}

/// Embeds, checks, compresses; answers the path written.
fn finish(root: &Path, name: &str, folder: &Path) -> Result<PathBuf> {
    let compiled = target_folder(root, &target_features(folder)?)
        .join(TARGET)
        .join(PROFILE)
        .join(format!("{name}.wasm"));
    let bytes = fs::read(&compiled).with_context(|| compiled.display().to_string())?;

    let mut module = parse_wasm(&bytes, false)?;
    if let Some(import) = module.imports.iter().find(|import| import.module != "ic0") {
        bail!(
            "imports {}.{}; a canister may import nothing but ic0",
            import.module,
            import.name
        );
    }
    // Benchmarks have no interface that anyone else would call.
    if folder.starts_with(root.join(CANISTERS)) {
        let path = root.join("candid").join(format!("{name}.did"));
        let candid = fs::read(&path).with_context(|| path.display().to_string())?;
        add_metadata(&mut module, Kind::Public, "candid:service", candid);
    }

    let path = module_path(root, name);
    fs::create_dir_all(path.parent().unwrap_or(root))?;
    // GzBuilder's default header holds no time and no name: the same input gives the same bytes.
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::best());
    gzip.write_all(&module.emit_wasm())?;
    fs::write(&path, gzip.finish()?)?;
    Ok(path)
}
