//! A keyed hash index in stable memory: from a 64-bit tag (the SipHash of a caller's key under a secret key, [`SipKey`]) to
//! a record number.
//!
//! An ordinary lookup, insertion or removal touches **one** 4 KiB page, and the index grows by **linear hashing** (W. Litwin,
//! *Linear hashing: a new tool for file and table addressing*, VLDB 1980): one bucket split at a time, never a pause.
//!
//! # Layout
//! Page 0 is the header. Pages `1 ..= buckets` are the buckets, bucket `b` at byte 4096·(1 + b). The overflow pages follow
//! without a gap: a split that needs the place of one moves it to the end, and freeing one moves the last into the hole, so that
//! there is no free list. A page holds a 16-byte header (count, next and previous page of its chain) and 255 slots of 16 bytes
//! (tag, value with its top bit set; a zero value is an empty slot). All integers are little-endian.
//!
//! The low 32 bits of a tag choose the bucket, the high 32 bits the slot where linear probing starts. Removal shifts
//! backward (Knuth, *The Art of Computer Programming* 3, 6.4, algorithm R), so there are no tombstones. A page with a successor is
//! always full: a search ends at the first empty slot, and reads a link only after 255 full ones.
//!
//! # When a bucket is split
//! Linear hashing usually splits when the mean load passes a bound. That needs the number of entries, hence a second page
//! written by every insertion; and while buckets are split one after the other, those still waiting hold up to twice as much as
//! the others, so a bound of 70 % would drive them into overflow. Here the bucket that has just received an entry decides: when its
//! page holds [`SPLIT_FROM`] entries or more, the bucket next in turn is split. The header page then changes only with a split, the
//! waiting buckets cannot grow much beyond the bound, the load moves between 34 and 70 %, and [`HashIndex::open`] finds all of its
//! state in 24 bytes. The price is that the number of entries is not known in O(1); who needs it counts what he inserts.
//!
//! Who has a quieter time for it can put splits off ([`HashIndex::with_splits_put_off`]) and do them then ([`HashIndex::settle`]).
//!
//! # Cost
//! At 1 M entries: one page for every lookup and removal, found or not, and 1.02 a mean insertion; an insertion that splits touches 4,
//! reads 6 KB and writes 8. The splits come in a wave as the load nears the bound, at most 78 in a thousand insertions. In Wasm, over a
//! `VirtualMemory` with 20,000 entries (wasmtime fuel, one an operation, plus 20 + 1 a byte for each stable access): lookup 530, insertion
//! 960 (with a split 60,000), removal 1,600, the tag of 61 bytes 930.
//!
//! # Hostile tags
//! With a secret key nobody can choose tags, and overflow pages practically never occur. With chosen tags everything stays correct
//! and the work of an insertion stays bounded by the length of one chain, but a lookup walks that chain. A bucket next in turn that is
//! nearly empty, or whose chain is long, is not split, so chosen tags cannot blow up the memory either.
//!
//! ```
//! use ddsx_hash_index::{HashIndex, SipKey};
//! use ic_stable_structures::VectorMemory;
//!
//! let names = ["ada", "grace"];
//! let key = SipKey([7; 16]);
//! let mut index = HashIndex::open(VectorMemory::default()).unwrap();
//! for (number, name) in (0..).zip(names) {
//!     index.insert(key.hash(name.as_bytes()), number);
//! }
//! let is_grace = |number: u64| names.get(usize::try_from(number).unwrap()) == Some(&"grace");
//! assert_eq!(index.find(key.hash(b"grace"), is_grace), Some(1));
//! ```

mod chain;
mod index;
mod key;
mod layout;
mod page;
pub mod page_count;
mod split;
#[cfg(test)]
mod tests;

pub use index::{Entry, HashIndex, Vacancy, VacantEntry};
pub use key::SipKey;
pub use layout::{MAX_VALUE, OpenError, PAGE_BYTES, PAGE_SLOTS};
pub use split::{SPLIT_AT_ONCE_FROM, SPLIT_CHAIN_PAGES, SPLIT_FROM, SPLIT_LEAST};
