//! Builds canisters: `canister-build [canister…]`, all of `canisters/` if none is named. Those of `benches/` are built when named.
//!
//! For each: compile for `wasm32-unknown-unknown` in the `canister` profile, embed `candid/<name>.did` as the public
//! metadata `candid:service`, refuse any import outside the System API's module `ic0`, and write
//! `target/canisters/<name>.wasm.gz`, the same bytes for the same source wherever the checkout lies.
//!
//! `web` embeds the page's files, which `scripts/build` makes where npm is there; where they are missing, it is left out of
//! "all", with its module of an earlier build, if any.
//!
//! All are compiled with Wasm's SIMD, which the Internet Computer runs everywhere: models need it, and with one set of features
//! what canisters share is compiled once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use flate2::{Compression, GzBuilder};
use ic_wasm::metadata::{Kind, add_metadata};
use ic_wasm::utils::parse_wasm;

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "canister";
const TARGET_FEATURES: &str = "-Ctarget-feature=+simd128";
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

    let canisters = folders(&root)?
        .into_iter()
        .filter_map(|(name, folder)| folder.starts_with(root.join(CANISTERS)).then_some(name));
    let selected: BTreeSet<String> = canisters.chain(named).collect();
    compile(&root, &selected, chosen.keys())?;
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

/// Compiles the binaries `chosen`: one cargo call for all, so that shared dependencies are compiled once. `selected` are the packages that decide the
/// features of those dependencies: always every canister, so that a module does not depend on which others are built with it.
fn compile<'a>(root: &Path, selected: &BTreeSet<String>, chosen: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(root)
        .args(["build", "--locked", "--target", TARGET, "--profile", PROFILE]);
    for name in selected {
        cargo.args(["-p", name]);
    }
    for name in chosen {
        cargo.args(["--bin", name]);
    }
    // Paths of this machine must not enter the module: they would change its hash.
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let mut flags = vec![
        TARGET_FEATURES.to_owned(),
        format!("--remap-path-prefix={}=ddsx", root.display()),
    ];
    flags.extend(home.map(|home| format!("--remap-path-prefix={home}=cargo")));
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    ensure!(
        cargo.status().context("cannot run cargo")?.success(),
        "cargo build failed"
    );
    Ok(())
}

/// Embeds, checks, compresses; answers the path written.
fn finish(root: &Path, name: &str, folder: &Path) -> Result<PathBuf> {
    let compiled = root
        .join("target")
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
