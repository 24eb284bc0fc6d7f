//! Whose a config file is that nobody named. One that somebody else put into a folder above could send money elsewhere.

use std::path::Path;

use crate::failure::Failure;

/// Refuses a file that is not the user's own, or that others may write.
#[cfg(unix)]
pub fn check(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    let local = |error: std::io::Error| Failure::local(format!("config file {}: {error}", path.display()));
    // Whoever a file belongs to that is made here is the user.
    let user = tempfile::tempfile()
        .and_then(|file| file.metadata())
        .map_err(local)?
        .uid();
    let file = std::fs::metadata(path).map_err(local)?;
    let link = std::fs::symlink_metadata(path).map_err(local)?;
    flaw(
        user,
        &[
            (file.uid(), file.mode()),
            (link.uid(), if link.is_symlink() { 0 } else { link.mode() }),
        ],
    )
    .map_or(Ok(()), |flaw| Err(refused(path, flaw)))
}

/// Elsewhere folders above a user's own are the system's.
#[cfg(not(unix))]
pub fn check(_: &Path) -> Result<(), Failure> {
    Ok(())
}

/// What is wrong with a file of these owners and modes, if anything. The administrator (0) may change anything anyway.
#[cfg(unix)]
fn flaw(user: u32, files: &[(u32, u32)]) -> Option<&'static str> {
    const OTHERS_WRITE: u32 = 0o002;
    if files.iter().any(|(owner, _)| *owner != user && *owner != 0) {
        return Some("belongs to another user");
    }
    files
        .iter()
        .any(|(_, mode)| mode & OTHERS_WRITE != 0)
        .then_some("can be changed by others")
}

#[cfg(unix)]
fn refused(path: &Path, flaw: &str) -> Failure {
    Failure::usage(format!(
        "the config file {0} {flaw}, so it is not used unasked; if you trust it, name it: --config {0}",
        path.display()
    ))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn should_take_the_users_own_files_and_the_administrators() {
        let other = Some("belongs to another user");
        for (user, files, expected) in [
            (1_000, [(1_000, 0o100_644), (1_000, 0o100_644)], None),
            (1_000, [(0, 0o100_644), (0, 0o100_644)], None),
            (1_000, [(1_001, 0o100_644), (1_001, 0o100_644)], other),
            (0, [(1_001, 0o100_644), (1_001, 0o100_644)], other),
            // Somebody else's link to the user's own file of another place.
            (1_000, [(1_000, 0o100_644), (1_001, 0)], other),
            (
                1_000,
                [(1_000, 0o100_646), (1_000, 0o100_646)],
                Some("can be changed by others"),
            ),
        ] {
            assert_eq!(flaw(user, &files), expected, "{user} {files:?}");
        }
    }
}
