//! The heap of a canister: an image in memory that a message sees through a private, copy-on-write mapping.
//!
//! A message never writes the image. The kernel copies each page that it touches with a store; those pages are found
//! afterwards ([`super::dirty`]) and, if the message succeeded, written into the image. So a message costs what it
//! touches, whether the heap holds one megabyte or one gigabyte, and forgetting its effects costs nothing.
#![allow(unsafe_code, reason = "the image is mapped, which is the point of it")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::dirty;

/// Size of a page of the operating system, and the unit in which writes are counted.
pub const OS_PAGE: usize = 4096;
/// Size of a Wasm page.
pub const WASM_PAGE: usize = 65_536;
/// Largest heap of a wasm32 module: 4 GiB.
pub const MAX_HEAP: usize = 1 << 32;

type Page = [u8; OS_PAGE];

/// A file in memory that holds the bytes of a heap.
#[derive(Debug)]
struct Image(File);

impl Image {
    fn new() -> io::Result<Self> {
        // SAFETY: the name is a valid C string; the result is checked.
        let fd = unsafe { libc::memfd_create(c"canister-heap".as_ptr(), libc::MFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is fresh and owned by nobody else.
        let file = unsafe { File::from_raw_fd(fd) };
        // Sparse: it takes no memory before something is written.
        file.set_len(MAX_HEAP as u64)?;
        Ok(Self(file))
    }

    fn write(&self, offset: usize, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset as u64)
    }

    fn read(&self, offset: usize, bytes: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(bytes, offset as u64)
    }
}

/// The bytes of a heap between messages. Copies are cheap: they share what is the same.
#[derive(Clone, Debug)]
pub struct Heap {
    image: Arc<Image>,
    /// Pages that are newer than the image, while the image is shared with a copy.
    patches: BTreeMap<usize, Arc<Page>>,
    /// Bytes in use; a multiple of [`WASM_PAGE`].
    size: usize,
}

impl Heap {
    /// A heap of zeroes.
    ///
    /// # Errors
    /// The operating system refuses another file in memory.
    pub fn new(size: usize) -> io::Result<Self> {
        Ok(Self {
            image: Arc::new(Image::new()?),
            patches: BTreeMap::new(),
            size,
        })
    }

    /// Bytes in use.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Makes the heap at least `size` bytes long, a multiple of [`WASM_PAGE`].
    pub(super) fn grow_to(&mut self, size: usize) {
        self.size = self.size.max(size);
    }

    /// Writes initial data. The caller has checked that it lies within the heap.
    pub(super) fn initialise(&mut self, offset: usize, bytes: &[u8]) -> io::Result<()> {
        self.image.write(offset, bytes)
    }

    /// Maps the heap for one message, with `guard` inaccessible bytes after its 4 GiB.
    ///
    /// # Errors
    /// The operating system refuses the mapping.
    pub(super) fn map(&self, guard: usize) -> io::Result<Mapping> {
        let mapping = Mapping::new(self.image.clone(), self.size, MAX_HEAP + guard)?;
        for (&index, page) in &self.patches {
            // SAFETY: patches lie within the heap's size, which is mapped for writing.
            unsafe {
                std::ptr::copy_nonoverlapping(page.as_ptr(), mapping.base.add(index * OS_PAGE), OS_PAGE);
            }
        }
        Ok(mapping)
    }

    /// Keeps what a message has written into its mapping.
    ///
    /// # Errors
    /// There is no memory left for the image; the heap must not be used any more then.
    pub(super) fn commit(&mut self, written: &Written) -> io::Result<()> {
        self.size = written.size;
        if Arc::get_mut(&mut self.image).is_some() {
            for (index, page) in std::mem::take(&mut self.patches) {
                self.image.write(index * OS_PAGE, &page[..])?;
            }
            for (first, bytes) in &written.runs {
                self.image.write(first * OS_PAGE, bytes)?;
            }
        } else {
            for (first, bytes) in &written.runs {
                for (i, chunk) in bytes.chunks_exact(OS_PAGE).enumerate() {
                    let mut page = [0; OS_PAGE];
                    page.copy_from_slice(chunk);
                    self.patches.insert(first + i, Arc::new(page));
                }
            }
        }
        Ok(())
    }

    #[cfg(test)]
    fn read(&self, offset: usize, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.image.read(offset, &mut bytes)?;
        for (i, byte) in bytes.iter_mut().enumerate() {
            if let Some(page) = self.patches.get(&((offset + i) / OS_PAGE)) {
                *byte = page[(offset + i) % OS_PAGE];
            }
        }
        Ok(bytes)
    }
}

/// The pages that a message wrote, copied out of its mapping.
#[derive(Debug)]
pub(super) struct Written {
    /// Index of the first page of each run, and the run's bytes.
    runs: Vec<(usize, Vec<u8>)>,
    /// The heap's size after the message.
    size: usize,
}

/// A heap as one message sees it.
#[derive(Debug)]
pub(super) struct Mapping {
    base: *mut u8,
    /// Bytes reserved in the address space.
    reserved: usize,
    /// Bytes that may be accessed.
    size: usize,
    image: Arc<Image>,
}

// SAFETY: the mapping is owned memory; it is shared and sent like a `Vec`.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(image: Arc<Image>, size: usize, reserved: usize) -> io::Result<Self> {
        // SAFETY: a fresh reservation of address space, accessible to nobody.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                reserved,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let mut mapping = Self {
            base: base.cast(),
            reserved,
            size: 0,
            image,
        };
        // SAFETY: replaces the first 4 GiB of the reservation just made.
        let image = unsafe {
            libc::mmap(
                base,
                MAX_HEAP,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_FIXED | libc::MAP_NORESERVE,
                mapping.image.0.as_raw_fd(),
                0,
            )
        };
        if image == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        mapping.grow_to(size)?;
        Ok(mapping)
    }

    pub(super) fn base(&self) -> *mut u8 {
        self.base
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Whether at least `bytes` of address space are reserved.
    pub(super) fn reserves(&self, bytes: usize) -> bool {
        self.reserved >= bytes
    }

    /// Makes more of the heap accessible.
    pub(super) fn grow_to(&mut self, size: usize) -> io::Result<()> {
        if size > MAX_HEAP {
            return Err(io::Error::from(io::ErrorKind::OutOfMemory));
        }
        if size > self.size {
            // SAFETY: the range lies within the mapping and is not in use yet.
            let result = unsafe {
                libc::mprotect(
                    self.base.add(self.size).cast(),
                    size - self.size,
                    libc::PROT_READ | libc::PROT_WRITE,
                )
            };
            if result != 0 {
                return Err(io::Error::last_os_error());
            }
            self.size = size;
        }
        Ok(())
    }

    /// How many pages have been written, and, where `copy` asks for it, their bytes.
    pub(super) fn written(&self, copy: bool) -> io::Result<(u64, Option<Written>)> {
        let ranges = match dirty::private_pages(self.base as usize, self.size) {
            Ok(ranges) => ranges,
            Err(_) => self.compare()?,
        };
        let pages = ranges.iter().map(|r| r.len() as u64).sum();
        let written = copy.then(|| Written {
            runs: ranges
                .into_iter()
                .map(|run| {
                    // SAFETY: the run lies within the accessible part; nobody writes it any more.
                    let bytes =
                        unsafe { std::slice::from_raw_parts(self.base.add(run.start * OS_PAGE), run.len() * OS_PAGE) };
                    (run.start, bytes.to_vec())
                })
                .collect(),
            size: self.size,
        });
        Ok((pages, written))
    }

    /// Finds written pages by comparing, where the operating system does not tell.
    fn compare(&self) -> io::Result<Vec<std::ops::Range<usize>>> {
        let mut ranges = Vec::new();
        let mut original = vec![0; WASM_PAGE];
        for offset in (0..self.size).step_by(WASM_PAGE) {
            self.image.read(offset, &mut original)?;
            // SAFETY: the page lies within the accessible part; nobody writes it any more.
            let now = unsafe { std::slice::from_raw_parts(self.base.add(offset), WASM_PAGE) };
            for (i, (a, b)) in original.chunks(OS_PAGE).zip(now.chunks(OS_PAGE)).enumerate() {
                if a != b {
                    let page = offset / OS_PAGE + i;
                    dirty::push(&mut ranges, page);
                }
            }
        }
        Ok(ranges)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the whole reservation is this mapping's own.
        unsafe {
            libc::munmap(self.base.cast(), self.reserved);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(mapping: &Mapping, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= mapping.size());
        // SAFETY: checked above.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), mapping.base().add(offset), bytes.len()) }
    }

    #[test]
    fn should_find_and_keep_exactly_the_written_pages() {
        let mut heap = Heap::new(4 * WASM_PAGE).unwrap();
        heap.initialise(10, b"hello").unwrap();
        let mut mapping = heap.map(0).unwrap();
        write(&mapping, 11, b"a");
        write(&mapping, 5 * OS_PAGE - 1, b"xy");
        mapping.grow_to(6 * WASM_PAGE).unwrap();
        write(&mapping, 6 * WASM_PAGE - 1, b"z");
        let (pages, written) = mapping.written(true).unwrap();
        assert_eq!(pages, 4);
        assert_eq!(heap.read(10, 5).unwrap(), b"hello");
        drop(mapping);
        heap.commit(&written.unwrap()).unwrap();
        assert_eq!(heap.size(), 6 * WASM_PAGE);
        assert_eq!(heap.read(10, 5).unwrap(), b"hallo");
        assert_eq!(heap.read(5 * OS_PAGE - 1, 2).unwrap(), b"xy");
        assert_eq!(heap.read(6 * WASM_PAGE - 1, 1).unwrap(), b"z");
    }

    #[test]
    fn should_not_count_pages_that_are_only_read() {
        let mut heap = Heap::new(16 * WASM_PAGE).unwrap();
        heap.initialise(0, &vec![7; WASM_PAGE]).unwrap();
        let mapping = heap.map(0).unwrap();
        // SAFETY: within the heap.
        let sum: usize = (0..16 * WASM_PAGE)
            .map(|i| unsafe { *mapping.base().add(i) } as usize)
            .sum();
        assert_eq!(sum, 7 * WASM_PAGE);
        assert_eq!(mapping.written(false).unwrap().0, 0);
        assert_eq!(mapping.compare().unwrap().len(), 0);
    }

    #[test]
    fn should_keep_copies_apart() {
        let mut heap = Heap::new(WASM_PAGE).unwrap();
        heap.initialise(0, b"base").unwrap();
        let mut copy = heap.clone();
        for (target, byte) in [(&mut copy, b"C"), (&mut heap, b"H")] {
            let mapping = target.map(0).unwrap();
            write(&mapping, 0, byte);
            let (_, written) = mapping.written(true).unwrap();
            drop(mapping);
            target.commit(&written.unwrap()).unwrap();
        }
        assert_eq!(copy.read(0, 4).unwrap(), b"Case");
        assert_eq!(heap.read(0, 4).unwrap(), b"Hase");
        drop(copy);
        let mapping = heap.map(0).unwrap();
        write(&mapping, 1, b"o");
        let (_, written) = mapping.written(true).unwrap();
        drop(mapping);
        heap.commit(&written.unwrap()).unwrap();
        assert_eq!(heap.patches.len(), 0);
        assert_eq!(heap.read(0, 4).unwrap(), b"Hose");
    }
}
