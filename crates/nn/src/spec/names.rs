//! Names of layers: what PyTorch allows in a state dictionary, and no more.

use super::SpecError;

const MAX_NAME: usize = 64;

/// `prefix.name`, with `name` checked.
pub(super) fn qualified(prefix: &str, name: &str) -> Result<String, SpecError> {
    let part_is_good =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if name.len() > MAX_NAME || !name.split('.').all(part_is_good) {
        return Err(SpecError::BadName {
            name: name.chars().take(MAX_NAME).collect(),
        });
    }
    if prefix.is_empty() {
        Ok(name.to_owned())
    } else {
        Ok(format!("{prefix}.{name}"))
    }
}
