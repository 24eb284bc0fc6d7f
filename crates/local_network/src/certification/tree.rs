//! A labelled tree with its digests, from which partial trees (witnesses) are cut.
//!
//! Interface specification: *Certification*, *The system state tree*. Children of a node are sorted by label and
//! forked in the middle, again and again; the digest of every fork is kept, so that cutting a witness hashes little.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ic_certification::hash_tree::{HashTree, empty, fork, label, leaf, pruned};
use sha2::{Digest as _, Sha256};

/// A path: one label after the other.
pub type Path = Vec<Vec<u8>>;

type Digest = [u8; 32];

/// A tree of labelled nodes and leaves.
#[derive(Debug)]
pub struct Tree {
    content: Content,
    digest: Digest,
}

#[derive(Debug)]
enum Content {
    Leaf(Vec<u8>),
    Children {
        /// Sorted by label, labels distinct.
        entries: Vec<(Vec<u8>, Arc<Tree>)>,
        /// `forks[m]` is the digest of the fork whose right half begins at entry `m`: there is just one.
        forks: Vec<Digest>,
    },
}

impl Tree {
    /// A leaf.
    pub fn leaf(value: impl Into<Vec<u8>>) -> Arc<Self> {
        let value = value.into();
        let digest = hash(b"\x10ic-hashtree-leaf", &[&value]);
        Arc::new(Self {
            content: Content::Leaf(value),
            digest,
        })
    }

    /// A node with these children; without any, the empty tree.
    pub fn node(children: BTreeMap<Vec<u8>, Arc<Self>>) -> Arc<Self> {
        let entries: Vec<_> = children.into_iter().collect();
        let mut forks = vec![[0; 32]; entries.len()];
        let digest = digest_entries(&entries, &mut forks, 0, entries.len());
        Arc::new(Self {
            content: Content::Children { entries, forks },
            digest,
        })
    }

    /// The root hash.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The labels of this node's children; none for a leaf.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        self.entries().iter().map(|(label, _)| label.as_slice())
    }

    /// The subtree at `path`.
    pub fn get(&self, path: &[&[u8]]) -> Option<&Tree> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        let index = self
            .entries()
            .binary_search_by(|(label, _)| label.as_slice().cmp(first))
            .ok()?;
        self.entries()[index].1.get(rest)
    }

    /// The partial tree that reveals everything below each of `paths`, and proves that what is not there is absent.
    pub fn witness(&self, paths: &[Path]) -> HashTree<Vec<u8>> {
        let paths: Vec<&[Vec<u8>]> = paths.iter().map(Vec::as_slice).collect();
        self.partial(&paths)
    }

    fn entries(&self) -> &[(Vec<u8>, Arc<Tree>)] {
        match &self.content {
            Content::Leaf(_) => &[],
            Content::Children { entries, .. } => entries,
        }
    }

    fn partial(&self, paths: &[&[Vec<u8>]]) -> HashTree<Vec<u8>> {
        if paths.iter().any(|path| path.is_empty()) {
            return self.whole();
        }
        let Content::Children { entries, .. } = &self.content else {
            return pruned(self.digest);
        };
        // Which entries are followed further, and with which rests of paths; an absent label shows its neighbours.
        let mut followed: BTreeMap<usize, Vec<&[Vec<u8>]>> = BTreeMap::new();
        let mut neighbours = BTreeSet::new();
        for path in paths {
            match entries.binary_search_by(|(label, _)| label.cmp(&path[0])) {
                Ok(index) => followed.entry(index).or_default().push(&path[1..]),
                Err(index) => neighbours.extend(
                    index
                        .checked_sub(1)
                        .into_iter()
                        .chain((index < entries.len()).then_some(index)),
                ),
            }
        }
        self.cut(0, entries.len(), &followed, &neighbours)
    }

    fn cut(
        &self,
        low: usize,
        high: usize,
        followed: &BTreeMap<usize, Vec<&[Vec<u8>]>>,
        neighbours: &BTreeSet<usize>,
    ) -> HashTree<Vec<u8>> {
        let Content::Children { entries, forks } = &self.content else {
            return pruned(self.digest);
        };
        if low == high {
            return empty();
        }
        let middle = low + (high - low) / 2;
        if followed.range(low..high).next().is_none() && neighbours.range(low..high).next().is_none() {
            return pruned(if high - low == 1 {
                digest_entry(&entries[low])
            } else {
                forks[middle]
            });
        }
        if high - low == 1 {
            let (name, child) = &entries[low];
            let below = followed
                .get(&low)
                .map_or_else(|| pruned(child.digest), |rests| child.partial(rests));
            return label(name.clone(), below);
        }
        fork(
            self.cut(low, middle, followed, neighbours),
            self.cut(middle, high, followed, neighbours),
        )
    }

    fn whole(&self) -> HashTree<Vec<u8>> {
        fn forked(entries: &[(Vec<u8>, Arc<Tree>)]) -> HashTree<Vec<u8>> {
            match entries {
                [] => empty(),
                [(name, child)] => label(name.clone(), child.whole()),
                _ => {
                    let (left, right) = entries.split_at(entries.len() / 2);
                    fork(forked(left), forked(right))
                }
            }
        }
        match &self.content {
            Content::Leaf(value) => leaf(value.clone()),
            Content::Children { entries, .. } => forked(entries),
        }
    }
}

fn hash(separator: &[u8], parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(separator);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn digest_entry((label, child): &(Vec<u8>, Arc<Tree>)) -> Digest {
    hash(b"\x13ic-hashtree-labeled", &[label, &child.digest])
}

fn digest_entries(entries: &[(Vec<u8>, Arc<Tree>)], forks: &mut [Digest], low: usize, high: usize) -> Digest {
    match high - low {
        0 => hash(b"\x11ic-hashtree-empty", &[]),
        1 => digest_entry(&entries[low]),
        length => {
            let middle = low + length / 2;
            let left = digest_entries(entries, forks, low, middle);
            let right = digest_entries(entries, forks, middle, high);
            forks[middle] = hash(b"\x10ic-hashtree-fork", &[&left, &right]);
            forks[middle]
        }
    }
}

#[cfg(test)]
mod tests {
    use ic_certification::LookupResult;
    use proptest::prelude::*;

    use super::*;

    fn flat(labels: &[u8]) -> Arc<Tree> {
        Tree::node(labels.iter().map(|l| (vec![*l], Tree::leaf(vec![*l, *l]))).collect())
    }

    #[test]
    fn should_hash_like_the_public_crate() {
        for labels in [vec![], vec![1], vec![1, 2], vec![1, 2, 3], (0..100).collect()] {
            let tree = flat(&labels);
            assert_eq!(tree.witness(&[vec![]]).digest(), tree.digest(), "{labels:?}");
        }
    }

    #[test]
    fn should_find_nothing_and_prove_it_in_an_empty_tree() {
        let witness = flat(&[]).witness(&[vec![b"a".to_vec()]]);
        assert_eq!(witness.lookup_path(["a"]), LookupResult::Absent);
    }

    #[test]
    fn should_not_reveal_what_was_not_asked_for() {
        let tree = flat(&[10, 20, 30, 40, 50]);
        let witness = tree.witness(&[vec![vec![20]]]);
        assert_eq!(witness.lookup_path([[20u8]]), LookupResult::Found(&[20, 20]));
        assert_eq!(witness.lookup_path([[40u8]]), LookupResult::Unknown);
        assert_eq!(witness.digest(), tree.digest());
    }

    proptest! {
        #[test]
        fn should_reveal_or_refute_any_path(
            labels in proptest::collection::btree_set(any::<u8>(), 0..40),
            asked in proptest::collection::vec(any::<u8>(), 1..5),
        ) {
            let labels: Vec<u8> = labels.into_iter().collect();
            let tree = Tree::node(BTreeMap::from([
                (b"in".to_vec(), flat(&labels)),
                (b"other".to_vec(), Tree::leaf("secret")),
            ]));
            let paths: Vec<Path> = asked.iter().map(|l| vec![b"in".to_vec(), vec![*l]]).collect();
            let witness = tree.witness(&paths);
            prop_assert_eq!(witness.digest(), tree.digest());
            for label in asked {
                let found = witness.lookup_path([b"in".as_slice(), &[label]]);
                if labels.contains(&label) {
                    prop_assert_eq!(found, LookupResult::Found(&[label, label]));
                } else {
                    prop_assert_eq!(found, LookupResult::Absent);
                }
            }
            prop_assert_eq!(witness.lookup_path(["other"]), LookupResult::Unknown);
        }
    }
}
