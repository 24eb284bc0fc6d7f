//! Builds canisters: `canister-build [canister…]`, all of `canisters/` if none is named.
//!
//! For each: compile for `wasm32-unknown-unknown` in the `canister` profile, embed `candid/<name>.did` as the public
//! metadata `candid:service`, refuse any import outside the System API's module `ic0`, and write
//! `target/canisters/<name>.wasm.gz`, the same bytes for the same source wherever the checkout lies.
//!
//! `web` embeds the page's files, which `scripts/build` makes where npm is there; where they are missing, it is left out of
//! "all", with its module of an earlier build, if any.

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
/// The canister that needs the page's files.
const WEB: &str = "web";
/// Where they lie.
const PAGE: &str = "target/web/index.html";

fn main() -> Result<()> {
    let root = workspace_root()?;
    let mut all = canisters(&root)?;
    let named: Vec<String> = std::env::args().skip(1).collect();
    for name in &named {
        ensure!(
            all.contains(name),
            "no canister {name:?}; there are: {}",
            all.join(", ")
        );
    }
    if named.is_empty() && !root.join(PAGE).is_file() {
        println!("web is left out: its page has not been built");
        all.retain(|name| name != WEB);
        match fs::remove_file(module_path(&root, WEB)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let chosen = if named.is_empty() { all } else { named };

    compile(&root, &chosen)?;
    for name in &chosen {
        let module = finish(&root, name).with_context(|| format!("canister {name}"))?;
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

/// Every folder of `canisters/`, in order.
fn canisters(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("canisters"))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Where a canister's module goes.
fn module_path(root: &Path, name: &str) -> PathBuf {
    root.join("target/canisters").join(format!("{name}.wasm.gz"))
}

/// One cargo call for all, so that shared dependencies are compiled once.
fn compile(root: &Path, names: &[String]) -> Result<()> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(root)
        .args(["build", "--locked", "--target", TARGET, "--profile", PROFILE]);
    for name in names {
        cargo.args(["-p", name, "--bin", name]);
    }
    // Paths of this machine must not enter the module: they would change its hash.
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let mut flags = vec![format!("--remap-path-prefix={}=ddsx", root.display())];
    flags.extend(home.map(|home| format!("--remap-path-prefix={home}=cargo")));
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    ensure!(
        cargo.status().context("cannot run cargo")?.success(),
        "cargo build failed"
    );
    Ok(())
}

/// Embeds, checks, compresses; answers the path written.
fn finish(root: &Path, name: &str) -> Result<PathBuf> {
    let compiled = root
        .join("target")
        .join(TARGET)
        .join(PROFILE)
        .join(format!("{name}.wasm"));
    let candid_path = root.join("candid").join(format!("{name}.did"));
    let bytes = fs::read(&compiled).with_context(|| compiled.display().to_string())?;
    let candid = fs::read(&candid_path).with_context(|| candid_path.display().to_string())?;

    let mut module = parse_wasm(&bytes, false)?;
    if let Some(import) = module.imports.iter().find(|import| import.module != "ic0") {
        bail!(
            "imports {}.{}; a canister may import nothing but ic0",
            import.module,
            import.name
        );
    }
    add_metadata(&mut module, Kind::Public, "candid:service", candid);

    let path = module_path(root, name);
    fs::create_dir_all(path.parent().unwrap_or(root))?;
    // GzBuilder's default header holds no time and no name: the same input gives the same bytes.
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::best());
    gzip.write_all(&module.emit_wasm())?;
    fs::write(&path, gzip.finish()?)?;
    Ok(path)
}
