use super::*;
use crate::testing::*;
use ddsx_types::stream_registry::StreamError as E;

fn args(stream: u64, contributor: u32, account: Account) -> ContributorAccountArgs {
    ContributorAccountArgs {
        stream,
        contributor,
        account,
    }
}

fn new(labels: &[&str]) -> Vec<NewContributor> {
    labels
        .iter()
        .map(|label| NewContributor {
            label: (*label).to_owned(),
            account: None,
        })
        .collect()
}

#[test]
fn should_number_contributors_on() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let more = AddContributorsArgs {
        stream: id,
        contributors: new(&["d", "e"]),
    };
    assert_eq!(add(&mut storage, OWNER, NOW, &more), Ok(3));
    let labels: Vec<_> = list(&storage, id, Page::default())
        .into_iter()
        .map(|c| (c.number, c.label))
        .collect();
    assert_eq!(
        labels,
        [(0, "a"), (1, "b"), (2, "c"), (3, "d"), (4, "e")].map(|(n, l)| (n, l.to_owned()))
    );
    let page = list(
        &storage,
        id,
        Page {
            start_after: Some(1),
            limit: Some(2),
        },
    );
    assert_eq!(page.iter().map(|c| c.number).collect::<Vec<_>>(), [2, 3]);
    let again = AddContributorsArgs {
        stream: id,
        contributors: new(&["f", "b"]),
    };
    assert_eq!(
        add(&mut storage, OWNER, NOW, &again),
        Err(E::LabelTaken { contributor: 1 })
    );
    assert_eq!(storage.stream(id).unwrap().contributors, 5);
}

#[test]
fn should_refuse_what_may_not_be_added() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let one = |stream| AddContributorsArgs {
        stream,
        contributors: new(&["d"]),
    };
    assert_eq!(add(&mut storage, OTHER, NOW, &one(id)), Err(E::NotOwner));
    assert_eq!(add(&mut storage, OWNER, NOW, &one(9)), Err(E::StreamNotFound));
    assert_eq!(
        add(&mut storage, Principal::anonymous(), NOW, &one(id)),
        Err(E::AnonymousCaller)
    );
    let empty = AddContributorsArgs {
        stream: id,
        contributors: vec![],
    };
    assert!(matches!(
        add(&mut storage, OWNER, NOW, &empty),
        Err(E::InvalidField { .. })
    ));
    let labels: Vec<String> = (0..1_001).map(|number| format!("n{number}")).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let many = AddContributorsArgs {
        stream: id,
        contributors: new(&labels),
    };
    assert!(matches!(
        add(&mut storage, OWNER, NOW, &many),
        Err(E::InvalidField { .. })
    ));
}

#[test]
fn should_pay_at_once_what_was_named_before_the_first_credit() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let bound = storage.contributor(id, 0).unwrap().account.unwrap();
    assert_eq!(bound.payable_from, NOW);
    bind_account(&mut storage, OWNER, NOW + 5, &args(id, 2, holder(2))).unwrap();
    let bound = storage.contributor(id, 2).unwrap().account.unwrap();
    assert_eq!(
        (bound.account, bound.payable_from),
        (holder(2), NOW + 5),
        "nothing was credited yet"
    );
}

#[test]
fn should_make_a_late_binding_public_for_seven_days() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    crate::log::append(&mut storage, OWNER, NOW, &batch(id, 0, vec![chunk(b"x", &[(2, 1)])])).unwrap();
    bind_account(&mut storage, OWNER, NOW, &args(id, 2, holder(2))).unwrap();
    let info = &list(&storage, id, Page::default())[2];
    let bound = info.account.as_ref().unwrap();
    assert_eq!(bound.payable_from, NOW + 7 * 86_400_000_000_000);
    assert_eq!(
        bind_account(&mut storage, OWNER, NOW, &args(id, 2, holder(3))),
        Err(E::AccountAlreadyBound)
    );

    let by_its_owner = holder(2).owner;
    assert_eq!(
        change_account(&mut storage, OWNER, NOW, &args(id, 2, holder(3))),
        Err(E::NotAccountOwner)
    );
    assert_eq!(
        change_account(&mut storage, by_its_owner, NOW + 9, &args(id, 2, holder(3))),
        Ok(())
    );
    let bound = storage.contributor(id, 2).unwrap().account.unwrap();
    assert_eq!((bound.account, bound.bound_at), (holder(3), NOW + 9));
    assert_eq!(bound.payable_from, NOW + 7 * 86_400_000_000_000, "the notice runs on");
}

#[test]
fn should_refuse_bindings_that_make_no_sense() {
    let mut storage = storage();
    let id = stream(&mut storage, "quakes");
    let nobody: Account = Principal::anonymous().into();
    assert_eq!(
        bind_account(&mut storage, OWNER, NOW, &args(id, 9, holder(1))),
        Err(E::ContributorNotFound)
    );
    assert_eq!(
        bind_account(&mut storage, OTHER, NOW, &args(id, 2, holder(1))),
        Err(E::NotOwner)
    );
    assert!(matches!(
        bind_account(&mut storage, OWNER, NOW, &args(id, 2, nobody)),
        Err(E::InvalidField { .. })
    ));
    assert_eq!(
        change_account(&mut storage, OWNER, NOW, &args(8, 0, holder(1))),
        Err(E::StreamNotFound)
    );
    assert_eq!(
        change_account(&mut storage, OWNER, NOW, &args(id, 2, holder(1))),
        Err(E::NotAccountOwner)
    );
    assert_eq!(
        change_account(&mut storage, OWNER, NOW, &args(id, 9, holder(1))),
        Err(E::ContributorNotFound)
    );
}
