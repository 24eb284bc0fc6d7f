use super::*;
use ic_certification::{HashTreeNode, LookupResult};
use ic_stable_structures::{Memory, VectorMemory};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

type Model = BTreeMap<Vec<u8>, Hash>;

/// The tree from its definition: a labelled leaf, or a fork at the first bit that differs.
fn root_of(entries: &[(&Vec<u8>, &Hash)]) -> TreeHash {
    match entries {
        [] => empty_hash(),
        [(key, value)] => labeled_hash(key, &leaf_content_hash(&value.0)),
        [first, .., last] => {
            let bit = first_difference(first.0, last.0).unwrap();
            let middle = entries.partition_point(|(key, _)| bit_of(key, bit) == 0);
            fork_hash(&root_of(&entries[..middle]), &root_of(&entries[middle..]))
        }
    }
}

fn check(map: &MerkleMap<impl MapStore>, model: &Model) {
    let entries: Vec<_> = model.iter().collect();
    assert_eq!(map.root_hash(), root_of(&entries));
    assert_eq!(map.len(), model.len() as u64);
}

fn check_witness(map: &MerkleMap<impl MapStore>, model: &Model, keys: &[Vec<u8>]) {
    let witness = map.witness(keys).unwrap();
    assert_eq!(witness.digest(), map.root_hash());
    for key in keys {
        let expected = model
            .get(key)
            .map_or(LookupResult::Absent, |value| LookupResult::Found(value.0.as_slice()));
        assert_eq!(witness.lookup_path([key]), expected, "{key:?}");
    }
    // Nothing else is shown with its value, and at most two neighbours for each absent key.
    let absent = keys.iter().filter(|key| !model.contains_key(*key)).count();
    let shown = witness.list_paths();
    assert!(shown.len() <= keys.len());
    assert!(
        shown
            .iter()
            .all(|path| keys.iter().any(|key| path[0].as_bytes() == key))
    );
    let text = format!("{witness:?}").matches("Label").count();
    assert!(text <= keys.len() + absent, "{text}");
}

#[derive(Clone, Debug)]
enum Change {
    Insert(Vec<u8>, Hash),
    Remove(Vec<u8>),
}

/// Keys of one length, close together, so that they collide and share beginnings.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0, 1, 2, 0x80, 0xff]), 3)
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (key(), any::<u8>()).prop_map(|(key, byte)| Change::Insert(key, Hash([byte; 32]))),
        1 => key().prop_map(Change::Remove),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn should_be_the_tree_of_its_entries_after_any_changes(
        changes in prop::collection::vec(change(), 1..80),
        asked in prop::collection::vec(key(), 1..6),
    ) {
        let memory = VectorMemory::default();
        let mut map = MerkleMap::init(StableMapStore::new(memory.clone())).unwrap();
        let mut model = Model::new();
        for change in changes {
            match change {
                Change::Insert(key, value) => {
                    prop_assert_eq!(map.insert(&key, value).unwrap(), model.insert(key, value));
                }
                Change::Remove(key) => {
                    prop_assert_eq!(map.remove(&key).unwrap(), model.remove(&key));
                }
            }
            check(&map, &model);
        }
        for key in &asked {
            prop_assert_eq!(map.get(key).unwrap(), model.get(key).copied());
            check_witness(&map, &model, std::slice::from_ref(key));
        }
        check_witness(&map, &model, &asked);
        // Reopened after an upgrade: the same root from one read, the same entries.
        let reopened = MerkleMap::init(StableMapStore::new(memory)).unwrap();
        check(&reopened, &model);
        check_witness(&reopened, &model, &asked);
    }
}

/// Every tree that differs from this one in a bit of a label, a value or a pruned hash, or in two sides swapped.
fn forgeries(node: &HashTreeNode) -> Vec<HashTreeNode> {
    let flipped = |bytes: &[u8]| -> Vec<Vec<u8>> {
        (0..bytes.len() * 8)
            .map(|bit| {
                let mut bytes = bytes.to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                bytes
            })
            .collect()
    };
    match node {
        HashTreeNode::Empty() => vec![HashTreeNode::Pruned([0; 32])],
        HashTreeNode::Leaf(value) => flipped(value).into_iter().map(HashTreeNode::Leaf).collect(),
        HashTreeNode::Pruned(hash) => flipped(hash)
            .into_iter()
            .map(|hash| HashTreeNode::Pruned(hash.try_into().unwrap()))
            .collect(),
        HashTreeNode::Labeled(label, below) => {
            let labels = flipped(label.as_bytes()).into_iter();
            let belows = forgeries(below).into_iter();
            labels
                .map(|label| HashTreeNode::Labeled(label.into(), below.clone()))
                .chain(belows.map(|below| HashTreeNode::Labeled(label.clone(), Box::new(below))))
                .collect()
        }
        HashTreeNode::Fork(sides) => {
            let (left, right) = (&sides.0, &sides.1);
            let swapped = HashTreeNode::Fork(Box::new((right.clone(), left.clone())));
            let lefts = forgeries(left).into_iter();
            let rights = forgeries(right).into_iter();
            std::iter::once(swapped)
                .chain(lefts.map(|left| HashTreeNode::Fork(Box::new((left, right.clone())))))
                .chain(rights.map(|right| HashTreeNode::Fork(Box::new((left.clone(), right)))))
                .collect()
        }
    }
}

#[test]
fn should_refuse_every_altered_witness() {
    let mut map = MerkleMap::init(VecMapStore::default()).unwrap();
    for id in (0..60_u64).step_by(3) {
        map.insert(&id.to_be_bytes(), Hash([0x5a; 32])).unwrap();
    }
    for id in [0_u64, 27, 28, 57, 59] {
        let witness = map.witness(&[id.to_be_bytes()]).unwrap();
        let forgeries = forgeries(witness.as_ref());
        assert!(forgeries.len() > 500);
        for forged in forgeries {
            assert_ne!(forged.digest(), map.root_hash(), "{forged:?}");
        }
    }
}

#[test]
fn should_not_depend_on_the_order_of_arrival() {
    let keys: Vec<_> = (0..500_u64).map(|id| (id * 77 % 500).to_be_bytes()).collect();
    let mut forward = MerkleMap::init(VecMapStore::default()).unwrap();
    let mut backward = MerkleMap::init(VecMapStore::default()).unwrap();
    for key in &keys {
        forward.insert(key, Hash([key[7]; 32])).unwrap();
    }
    for key in keys.iter().rev() {
        backward.insert(key, Hash([key[7]; 32])).unwrap();
    }
    assert_eq!(forward.root_hash(), backward.root_hash());
}

#[test]
fn should_show_keys_before_between_and_after_the_others_to_be_absent() {
    let mut map = MerkleMap::init(VecMapStore::default()).unwrap();
    let mut model = Model::new();
    check_witness(&map, &model, &[vec![1]]);
    for key in [[10_u8], [20], [30], [200]] {
        map.insert(&key, Hash([key[0]; 32])).unwrap();
        model.insert(key.to_vec(), Hash([key[0]; 32]));
        for asked in 0..=255_u8 {
            check_witness(&map, &model, &[vec![asked]]);
        }
    }
}

#[test]
fn should_refuse_keys_that_do_not_fit() {
    let mut map = MerkleMap::init(VecMapStore::default()).unwrap();
    let value = Hash([1; 32]);
    assert_eq!(map.insert(&[], value), Err(MapError::KeyLength(0)));
    assert_eq!(map.insert(&[0; 63], value), Err(MapError::KeyLength(63)));
    assert_eq!(map.insert(b"abc", value), Ok(None));
    for key in [b"ab".as_slice(), b"abcd", b"a"] {
        assert_eq!(map.insert(key, value), Err(MapError::Prefix));
        assert_eq!(map.get(key), Ok(None));
        assert_eq!(map.remove(key), Ok(None));
        assert_eq!(map.witness(&[key]).err(), Some(MapError::Prefix));
    }
    assert_eq!(map.insert(&[7; 62], value), Ok(None));
    assert_eq!(map.get(&[7; 62]), Ok(Some(value)));
    assert_eq!(map.len(), 2);
}

#[test]
fn should_refuse_a_memory_that_holds_something_else() {
    let memory = VectorMemory::default();
    memory.grow(1);
    memory.write(0, b"ANYTHING");
    let error = MerkleMap::init(StableMapStore::new(memory)).err();
    let found = *b"ANYTHING";
    assert_eq!(error, Some(StoreError::Foreign { found }.into()));
}

/// Counts what an operation touches.
#[derive(Default)]
struct Counting {
    inner: VecMapStore,
    touched: Cell<u64>,
    limit: Option<u64>,
}

impl MapStore for Rc<RefCell<Counting>> {
    fn is_new(&self) -> bool {
        self.borrow().inner.is_new()
    }
    fn reserve(&mut self, slots: u64) -> Result<(), StoreError> {
        let mut this = self.borrow_mut();
        if this.limit.is_some_and(|limit| slots > limit) {
            return Err(StoreError::Full);
        }
        this.inner.reserve(slots)
    }
    fn read(&self, slot: u64) -> Record {
        let this = self.borrow();
        this.touched.set(this.touched.get() + 1);
        this.inner.read(slot)
    }
    fn write(&mut self, slot: u64, record: &Record) {
        let mut this = self.borrow_mut();
        this.touched.set(this.touched.get() + 1);
        this.inner.write(slot, record);
    }
}

#[test]
fn should_touch_a_logarithmic_number_of_nodes() {
    let store = Rc::new(RefCell::new(Counting::default()));
    let mut map = MerkleMap::init(store.clone()).unwrap();
    for id in 0..20_000_u64 {
        store.borrow().touched.set(0);
        map.insert(&id.to_be_bytes(), Hash([1; 32])).unwrap();
        let depth = u64::from((id + 1).ilog2()) + 1;
        assert!(store.borrow().touched.get() <= 2 * depth + 4);
    }
    store.borrow().touched.set(0);
    assert_eq!(map.root_hash(), map.root_hash());
    assert_eq!(store.borrow().touched.get(), 0);
}

#[test]
fn should_change_nothing_when_the_store_is_full_and_use_freed_slots_again() {
    let store = Rc::new(RefCell::new(Counting::default()));
    let mut map = MerkleMap::init(store.clone()).unwrap();
    for key in 0..8_u8 {
        map.insert(&[key], Hash([key; 32])).unwrap();
    }
    store.borrow_mut().limit = Some(16);
    let (root, len) = (map.root_hash(), map.len());
    let full = Err(StoreError::Full.into());
    assert_eq!(map.insert(&[100], Hash([1; 32])), full);
    assert_eq!((map.root_hash(), map.len()), (root, len));
    map.remove(&[3]).unwrap();
    assert_eq!(map.insert(&[100], Hash([1; 32])), Ok(None));
    let reopened = MerkleMap::init(store).unwrap();
    assert_eq!(reopened.root_hash(), map.root_hash());
    assert_eq!(reopened.get(&[100]), Ok(Some(Hash([1; 32]))));
    assert_eq!(reopened.get(&[3]), Ok(None));
}
