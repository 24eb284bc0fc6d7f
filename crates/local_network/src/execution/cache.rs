//! Compiled modules on disk, shared by all processes: a test runner starts a server for each test.
//!
//! The folder is `$LOCAL_NETWORK_CACHE`, or `target/local-network-cache` beside a program that cargo built, or one in
//! the folder for temporary files. Nobody but the user may write it, because what lies in it is executed.
#![allow(
    unsafe_code,
    reason = "loading compiled code trusts the file; the folder is the user's own"
)]

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use wasmtime::{Engine, Module};

fn folder() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = match std::env::var_os("LOCAL_NETWORK_CACHE") {
                Some(folder) => PathBuf::from(folder),
                None => beside_program().unwrap_or_else(temporary),
            };
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).ok()?;
            let metadata = fs::metadata(&folder).ok()?;
            // SAFETY: asks for a number.
            let user = unsafe { libc::geteuid() };
            (metadata.uid() == user && metadata.mode() & 0o022 == 0).then_some(folder)
        })
        .as_deref()
}

fn beside_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let target = program
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "target"))?;
    Some(target.join("local-network-cache"))
}

fn temporary() -> PathBuf {
    // SAFETY: asks for a number.
    let user = unsafe { libc::geteuid() };
    std::env::temp_dir().join(format!("local-network-cache-{user}"))
}

/// The file of a module: its hash, and what of the engine its code depends on.
fn file(engine: &Engine, hash: &[u8; 32]) -> Option<PathBuf> {
    use std::hash::{Hash, Hasher};
    #[allow(
        deprecated,
        reason = "the standard library's only hasher that is the same in every process"
    )]
    let mut hasher = std::hash::SipHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    (env!("CARGO_PKG_VERSION"), REVISION).hash(&mut hasher);
    Some(folder()?.join(format!("{}-{:016x}.cwasm", hex::encode(hash), hasher.finish())))
}

/// To be raised when rewriting a module changes, so that older files are not used.
const REVISION: u32 = 1;
/// Bytes that the folder may hold.
const MAX_BYTES: u64 = 2 << 30;

/// The compiled module, if it is there.
pub(super) fn load(engine: &Engine, hash: &[u8; 32]) -> Option<Module> {
    let file = file(engine, hash)?;
    if !file.exists() {
        return None;
    }
    // What was used last is thrown away last.
    let _ = fs::File::open(&file).and_then(|f| f.set_modified(SystemTime::now()));
    // SAFETY: only this module writes files of that name, into a folder that only this user can write.
    unsafe { Module::deserialize_file(engine, file) }.ok()
}

/// Keeps a compiled module. Failing to is no error: it would be compiled again.
pub(super) fn store(module: &Module, hash: &[u8; 32]) {
    let Some(file) = file(module.engine(), hash) else {
        return;
    };
    let Ok(bytes) = module.serialize() else {
        return;
    };
    let temporary = file.with_extension(format!("{}.tmp", std::process::id()));
    if fs::write(&temporary, bytes)
        .and_then(|()| fs::rename(&temporary, &file))
        .is_err()
    {
        let _ = fs::remove_file(&temporary);
    }
    if let Some(folder) = file.parent() {
        prune(folder, MAX_BYTES);
    }
}

/// Removes what has not been used for longest until the rest has at most `most` bytes.
fn prune(folder: &Path, most: u64) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some((metadata.modified().ok()?, metadata.len(), entry.path()))
        })
        .collect();
    files.sort();
    let mut bytes: u64 = files.iter().map(|(_, length, _)| length).sum();
    for (_, length, path) in files {
        if bytes <= most {
            return;
        }
        // A process that has mapped the file keeps it.
        if fs::remove_file(path).is_ok() {
            bytes -= length;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn should_throw_away_what_was_not_used_for_longest() {
        let folder = tempfile::tempdir().unwrap();
        for (age, name) in [(30, "old"), (10, "new"), (20, "middle")] {
            let path = folder.path().join(name);
            fs::write(&path, [0; 100]).unwrap();
            let time = SystemTime::now() - Duration::from_secs(age);
            fs::File::open(&path).unwrap().set_modified(time).unwrap();
        }
        prune(folder.path(), 250);
        let left = |name: &str| folder.path().join(name).exists();
        assert_eq!((left("old"), left("middle"), left("new")), (false, true, true));
        prune(folder.path(), 250);
        assert!(left("middle") && left("new"));
    }
}
