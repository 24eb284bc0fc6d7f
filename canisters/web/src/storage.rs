//! What is kept, in stable memory.
//!
//! | memory | what |
//! |---|---|
//! | 0 | the settings: a version byte, then [`Settings`] in Candid |

use std::cell::RefCell;

use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use ic_stable_structures::{Cell, DefaultMemoryImpl};

use crate::settings::Settings;

const SETTINGS: MemoryId = MemoryId::new(0);
const VERSION: u8 = 1;

type Stored = Cell<Vec<u8>, VirtualMemory<DefaultMemoryImpl>>;

thread_local! {
    static STORED: RefCell<Stored> =
        RefCell::new(Cell::init(MemoryManager::init(DefaultMemoryImpl::default()).get(SETTINGS), Vec::new()));
}

/// The settings; what a fresh canister has if there are none.
///
/// # Errors
/// Newer code has written them, or they are damaged.
pub fn settings() -> Result<Settings, String> {
    STORED.with_borrow(|stored| decode(stored.get()))
}

/// Keeps the settings.
///
/// # Errors
/// They cannot be encoded.
pub fn keep(settings: &Settings) -> Result<(), String> {
    let bytes = encode(settings)?;
    STORED.with_borrow_mut(|stored| stored.set(bytes));
    Ok(())
}

fn encode(settings: &Settings) -> Result<Vec<u8>, String> {
    let mut bytes = vec![VERSION];
    bytes.extend(candid::encode_one(settings).map_err(|error| error.to_string())?);
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<Settings, String> {
    match bytes.split_first() {
        None => Ok(Settings::default()),
        Some((&VERSION, record)) => candid::decode_one(record).map_err(|error| error.to_string()),
        Some((version, _)) => Err(format!(
            "the stored settings are of version {version}, newer than this module"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Settings {
        Settings {
            variables: vec![ddsx_types::web::PageVariable {
                name: "PUBLIC_A".into(),
                value: "1".into(),
            }],
            domains: vec!["a.b".into()],
            alternative_origins: vec![],
        }
    }

    #[test]
    fn should_read_what_was_kept() {
        assert_eq!(settings(), Ok(Settings::default()));
        keep(&sample()).unwrap();
        assert_eq!(settings(), Ok(sample()));
    }

    #[test]
    fn should_read_the_bytes_of_version_1() {
        let bytes = include_bytes!("../testdata/settings-v1.bin");
        assert_eq!(decode(bytes), Ok(sample()));
    }

    #[test]
    fn should_refuse_a_newer_version() {
        assert!(decode(&[2, 0]).is_err_and(|error| error.contains("version 2")));
    }
}
