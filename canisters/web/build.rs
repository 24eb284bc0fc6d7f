//! Lists the page's files, as `scripts/build` leaves them in `target/web`, so that the canister can embed them.
//!
//! Only for Wasm: what is built for this machine (tests, lints) does not depend on whether the page has been built.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What is embedded must be answered in one piece (2 MB: ic-asset-certification's `ASSET_CHUNK_SIZE`).
const MAX_FILE_BYTES: u64 = 2_000_000;

fn main() -> io::Result<()> {
    let pages = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("../../target/web");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", pages.display());
    let mut list = String::from("&[\n");
    if env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|architecture| architecture == "wasm32") {
        let files = walk(&pages)
            .map_err(|error| io::Error::other(format!("{}: {error}; run scripts/build web", pages.display())))?;
        for file in &files {
            if encoded(file) {
                continue;
            }
            let path = file.strip_prefix(&pages).map_err(io::Error::other)?;
            let path = path
                .to_str()
                .ok_or_else(|| io::Error::other("a name that is not UTF-8"))?;
            let include = |file: &Path| format!("include_bytes!({:?})", file.display().to_string());
            let encoding = |extension: &str| {
                let file = PathBuf::from(format!("{}.{extension}", file.display()));
                if file.is_file() {
                    format!("Some({})", include(&file))
                } else {
                    "None".to_owned()
                }
            };
            let (plain, brotli, gzip) = (include(file), encoding("br"), encoding("gz"));
            writeln!(
                list,
                "File {{ path: {path:?}, plain: {plain}, brotli: {brotli}, gzip: {gzip} }},"
            )
            .map_err(io::Error::other)?;
        }
    }
    list.push(']');
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("files.rs"), list)
}

fn encoded(file: &Path) -> bool {
    file.extension()
        .is_some_and(|extension| extension == "br" || extension == "gz")
}

/// All files below a folder, in order, so that the same page gives the same module.
fn walk(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        if entry.is_dir() {
            files.extend(walk(&entry)?);
        } else if fs::metadata(&entry)?.len() > MAX_FILE_BYTES {
            return Err(io::Error::other(format!("{} is too large", entry.display())));
        } else {
            files.push(entry);
        }
    }
    Ok(files)
}
