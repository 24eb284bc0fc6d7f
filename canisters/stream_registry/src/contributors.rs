//! A stream's contributor table: number → (label, account).

use std::collections::BTreeMap;

use candid::Principal;
use ddsx_merkle_log::{Hash, label_hash};
use ddsx_types::stream_registry::{
    AddContributorsArgs, BoundAccount, ContributorAccountArgs, ContributorInfo, ContributorNumber, NewContributor,
    Page, StreamError, StreamId, limits,
};
use ddsx_types::{Account, TimestampNs};

use crate::assets;
use crate::guard;
use crate::limits::{BINDING_NOTICE_NS, MAX_CONTRIBUTORS};
use crate::payout;
use crate::storage::Storage;
use crate::storage::records::{AccountBinding, ContributorRecord};
use crate::streams::page_limit;
use crate::upkeep;
use crate::validate::{invalid, limit, name, payee};

/// A contributor that passed all checks.
pub struct Checked {
    label: String,
    label_hash: Hash,
    account: Option<Account>,
}

/// How many; the caller has limited them.
pub fn count(contributors: &[Checked]) -> u32 {
    u32::try_from(contributors.len()).unwrap_or(u32::MAX)
}

/// How many are to be entered; the caller limits them.
pub fn count_new(contributors: &[NewContributor]) -> u32 {
    u32::try_from(contributors.len()).unwrap_or(u32::MAX)
}

/// Checks labels and accounts of contributors that shall be entered into a stream's table, or into a new stream's.
pub fn check_new(
    storage: &Storage,
    stream: Option<(StreamId, u32)>,
    contributors: &[NewContributor],
) -> Result<Vec<Checked>, StreamError> {
    let first = stream.map_or(0, |(_, count)| count);
    let minting = assets::minting_accounts(storage);
    let mut seen = BTreeMap::new();
    (first..)
        .zip(contributors)
        .map(|(number, contributor)| {
            name("label", &contributor.label)?;
            if let Some(account) = &contributor.account {
                payee("account", account, &minting)?;
            }
            let label_hash = label_hash(&contributor.label);
            let taken = stream.and_then(|(stream, _)| storage.labelled(stream, &label_hash));
            if let Some(contributor) = taken.or_else(|| seen.insert(label_hash, number)) {
                return Err(StreamError::LabelTaken { contributor });
            }
            Ok(Checked {
                label: contributor.label.clone(),
                label_hash,
                account: contributor.account,
            })
        })
        .collect()
}

/// Enters contributors from a number on. Nothing of theirs was credited yet: what has an account is payable at once.
pub fn enter(storage: &mut Storage, stream: StreamId, first: u32, contributors: Vec<Checked>, now: TimestampNs) {
    for (number, contributor) in (first..).zip(contributors) {
        let account = contributor.account.map(|account| AccountBinding {
            account,
            bound_at: now,
            payable_from: now,
        });
        let record = ContributorRecord {
            label: contributor.label,
            label_hash: contributor.label_hash,
            account,
            weight: 0,
        };
        storage.add_contributor(stream, number, record);
    }
}

/// Adds to the table and answers the first new number.
pub fn add(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    args: &AddContributorsArgs,
) -> Result<ContributorNumber, StreamError> {
    let mut state = guard::owned_and_open(storage, caller, args.stream)?;
    let max = limits::MAX_CONTRIBUTORS_PER_CALL;
    if args.contributors.is_empty() || args.contributors.len() > max {
        return Err(invalid("contributors", format!("1 to {max} in a call")));
    }
    let first = state.contributors;
    let checked = check_new(storage, Some((args.stream, first)), &args.contributors)?;
    let total = first
        .checked_add(count(&checked))
        .filter(|total| *total <= MAX_CONTRIBUTORS);
    state.contributors = total.ok_or_else(|| limit("contributors of a stream", MAX_CONTRIBUTORS))?;
    let bytes = upkeep::price::contributor_bytes(count(&checked));
    upkeep::charge_once(storage, args.stream, &mut state, bytes)?;
    enter(storage, args.stream, first, checked, now);
    storage.put_stream(args.stream, state);
    Ok(first)
}

/// The owner says where a contributor without an account is paid. Once something was credited, that is public for 7 days
/// before it is paid.
pub fn bind_account(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    args: &ContributorAccountArgs,
) -> Result<(), StreamError> {
    guard::owned(storage, caller, args.stream)?;
    payee("account", &args.account, &assets::minting_accounts(storage))?;
    let mut contributor = storage
        .contributor(args.stream, args.contributor)
        .ok_or(StreamError::ContributorNotFound)?;
    if contributor.account.is_some() {
        return Err(StreamError::AccountAlreadyBound);
    }
    let payable_from = if contributor.weight == 0 {
        now
    } else {
        now.saturating_add(BINDING_NOTICE_NS)
    };
    contributor.account = Some(AccountBinding {
        account: args.account,
        bound_at: now,
        payable_from,
    });
    storage.put_contributor(args.stream, args.contributor, contributor);
    payout::ask_for_contributor(storage, args.stream, args.contributor, payable_from);
    Ok(())
}

/// The owner of a contributor's account moves it. A notice that runs, runs on.
pub fn change_account(
    storage: &mut Storage,
    caller: Principal,
    now: TimestampNs,
    args: &ContributorAccountArgs,
) -> Result<(), StreamError> {
    guard::may_change(storage, caller)?;
    if storage.stream(args.stream).is_none() {
        return Err(StreamError::StreamNotFound);
    }
    payee("account", &args.account, &assets::minting_accounts(storage))?;
    let mut contributor = storage
        .contributor(args.stream, args.contributor)
        .ok_or(StreamError::ContributorNotFound)?;
    let bound = contributor
        .account
        .as_mut()
        .filter(|bound| bound.account.owner == caller);
    let bound = bound.ok_or(StreamError::NotAccountOwner)?;
    bound.account = args.account;
    bound.bound_at = now;
    let payable_from = bound.payable_from;
    storage.put_contributor(args.stream, args.contributor, contributor);
    // It may not have been payable where it was.
    payout::ask_for_contributor(storage, args.stream, args.contributor, payable_from);
    Ok(())
}

/// A page of the table, by number.
pub fn list(storage: &Storage, stream: StreamId, page: Page) -> Vec<ContributorInfo> {
    let Some(first) = page.start_after.map_or(Some(0), |after| after.checked_add(1)) else {
        return Vec::new();
    };
    storage
        .contributors_from(stream, first, page_limit(page))
        .into_iter()
        .map(|(number, contributor)| ContributorInfo {
            number,
            label: contributor.label,
            account: contributor.account.map(|bound| BoundAccount {
                account: bound.account,
                bound_at: bound.bound_at,
                payable_from: bound.payable_from,
            }),
            weight: contributor.weight,
        })
        .collect()
}

#[cfg(test)]
mod tests;
