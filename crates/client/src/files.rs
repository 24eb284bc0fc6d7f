//! Files that are whole or not there.

use std::io::{self, Write};
use std::path::Path;

/// Writes a file so that a crash leaves the old content or the new, never a part: a temporary file beside it, flushed to
/// disk, then renamed.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    write_whole(path, content)?;
    sync_folder(folder_of(path))
}

/// The same without flushing the folder, which whoever writes many files does once at the end.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".ddsx-").tempfile_in(folder_of(path))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes renames in a folder survive a power cut, where folders can be flushed.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_replace_a_file_whole_and_leave_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor.json");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_atomically(&folder.path().join("none").join("x"), b"").is_err());
    }
}
