//! Checks of single fields, with errors that name them.

use candid::Principal;
use ddsx_types::Account;
use ddsx_types::stream_registry::{StreamError, limits};

/// An error about a field.
pub fn invalid(field: &str, reason: impl Into<String>) -> StreamError {
    StreamError::InvalidField {
        field: field.to_owned(),
        reason: reason.into(),
    }
}

/// An error about a limit on what is stored.
pub fn limit(limit: &str, max: impl Into<u64>) -> StreamError {
    StreamError::LimitReached {
        limit: limit.to_owned(),
        max: max.into(),
    }
}

/// A name: 1 to 100 bytes, no control characters, no space at either end.
pub fn name(field: &str, text: &str) -> Result<(), StreamError> {
    let max = limits::MAX_NAME_BYTES;
    if text.is_empty() || text.len() > max {
        return Err(invalid(field, format!("1 to {max} bytes")));
    }
    if text.trim() != text || text.chars().any(char::is_control) {
        return Err(invalid(field, "no control characters, and no space at either end"));
    }
    Ok(())
}

/// A text of at most so many bytes.
pub fn text(field: &str, text: &str, max: usize) -> Result<(), StreamError> {
    if text.len() > max {
        Err(invalid(field, format!("at most {max} bytes")))
    } else {
        Ok(())
    }
}

/// An account that can be paid: not the anonymous principal's, nor the management canister's, nor
/// one from which a ledger mints (`minting`): what is paid there is burnt.
pub fn payee(field: &str, account: &Account, minting: &[Account]) -> Result<(), StreamError> {
    if account.owner == Principal::anonymous() || account.owner == Principal::management_canister() {
        return Err(invalid(field, "nobody owns this account"));
    }
    if minting.contains(account) {
        return Err(invalid(
            field,
            "a ledger's minting account: what is paid there is burnt",
        ));
    }
    Ok(())
}

/// A media type: `type/subtype`, perhaps with parameters, in visible ASCII.
pub fn media_type(field: &str, text: &str) -> Result<(), StreamError> {
    name(field, text)?;
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    match essence.split_once('/') {
        Some((kind, subtype)) if is_token(kind) && is_token(subtype) && text.is_ascii() => Ok(()),
        _ => Err(invalid(field, "a media type such as application/x-ndjson")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_tell_names_from_other_text() {
        for good in ["a", "Erdbeben Süd", &"x".repeat(100)] {
            assert_eq!(name("name", good), Ok(()), "{good}");
        }
        for bad in ["", " a", "a\n", "a\u{7}b", &"x".repeat(101)] {
            assert!(name("name", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn should_tell_media_types_from_other_text() {
        for good in [
            "application/x-ndjson",
            "text/csv; charset=utf-8",
            "application/vnd.apache.parquet",
        ] {
            assert_eq!(media_type("content_type", good), Ok(()), "{good}");
        }
        for bad in ["json", "/", "a/", "a b/c", "text/ü"] {
            assert!(media_type("content_type", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn should_refuse_accounts_of_nobody_and_of_ledgers_that_mint() {
        let check = |owner: Principal, minting: &[Account]| payee("account", &owner.into(), minting);
        assert!(check(Principal::anonymous(), &[]).is_err());
        assert!(check(Principal::management_canister(), &[]).is_err());
        let one = Principal::from_slice(&[1]);
        assert_eq!(check(one, &[]), Ok(()));
        let minting = Account {
            owner: one,
            subaccount: Some([0; 32]),
        };
        assert!(
            check(one, &[minting]).is_err(),
            "the default subaccount by another name"
        );
    }
}
