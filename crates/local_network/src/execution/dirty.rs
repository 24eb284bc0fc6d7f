//! Which pages of a private file mapping have been written.
//!
//! A page of such a mapping belongs to the file until it is written; then the kernel gives the process a copy that is
//! its own. `/proc/self/pagemap` tells the two apart, and Linux 6.7 has a call that returns only the ranges asked for.
#![allow(unsafe_code, reason = "system calls that no crate here wraps")]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::heap::OS_PAGE;

const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
const FILE: u64 = 1 << 61;

/// `struct pm_scan_arg` of `linux/fs.h`.
#[repr(C)]
struct ScanArg {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// `struct page_region` of `linux/fs.h`.
#[repr(C)]
#[derive(Clone, Copy)]
struct PageRegion {
    start: u64,
    end: u64,
    categories: u64,
}

const PAGE_IS_FILE: u64 = 1 << 2;
const PAGE_IS_PRESENT: u64 = 1 << 3;
const PAGE_IS_SWAPPED: u64 = 1 << 4;
/// `_IOWR('f', 16, struct pm_scan_arg)`.
const PAGEMAP_SCAN: libc::c_ulong = 0xc060_6610;
const REGIONS: usize = 512;

fn pagemap() -> io::Result<&'static File> {
    static PAGEMAP: OnceLock<io::Result<File>> = OnceLock::new();
    match PAGEMAP.get_or_init(|| File::open("/proc/self/pagemap")) {
        Ok(file) => Ok(file),
        Err(e) => Err(io::Error::from(e.kind())),
    }
}

/// Adds a page to ranges that are in ascending order.
pub(super) fn push(ranges: &mut Vec<Range<usize>>, page: usize) {
    match ranges.last_mut() {
        Some(last) if last.end == page => last.end += 1,
        _ => ranges.push(page..page + 1),
    }
}

/// The pages written among the `size` bytes at `base`, as ranges of page numbers relative to `base`.
///
/// # Errors
/// The operating system does not tell; the caller has to compare.
pub(super) fn private_pages(base: usize, size: usize) -> io::Result<Vec<Range<usize>>> {
    static SCAN_WORKS: AtomicBool = AtomicBool::new(true);
    if SCAN_WORKS.load(Ordering::Relaxed) {
        match scan(base, size) {
            Ok(ranges) => return Ok(ranges),
            Err(_) => SCAN_WORKS.store(false, Ordering::Relaxed),
        }
    }
    read(base, size)
}

/// By `PAGEMAP_SCAN`.
fn scan(base: usize, size: usize) -> io::Result<Vec<Range<usize>>> {
    let file = pagemap()?;
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut regions = [PageRegion {
        start: 0,
        end: 0,
        categories: 0,
    }; REGIONS];
    let end = (base + size) as u64;
    let mut start = base as u64;
    while start < end {
        let mut arg = ScanArg {
            size: size_of::<ScanArg>() as u64,
            flags: 0,
            start,
            end,
            walk_end: 0,
            vec: regions.as_mut_ptr() as u64,
            vec_len: REGIONS as u64,
            max_pages: 0,
            // Not of the file, and there (in memory or swapped out).
            category_inverted: PAGE_IS_FILE,
            category_mask: PAGE_IS_FILE,
            category_anyof_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
            return_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
        };
        // SAFETY: the argument and the vector it points to live through the call and have the sizes given.
        let found = unsafe { libc::ioctl(file.as_raw_fd(), PAGEMAP_SCAN, &raw mut arg) };
        if found < 0 {
            return Err(io::Error::last_os_error());
        }
        for region in &regions[..usize::try_from(found).unwrap_or(0)] {
            let first = (usize::try_from(region.start).unwrap_or(base) - base) / OS_PAGE;
            let last = (usize::try_from(region.end).unwrap_or(base) - base) / OS_PAGE;
            match ranges.last_mut() {
                Some(previous) if previous.end == first => previous.end = last,
                _ => ranges.push(first..last),
            }
        }
        if arg.walk_end <= start {
            return Err(io::Error::other("the page map scan does not advance"));
        }
        start = arg.walk_end;
    }
    Ok(ranges)
}

/// By reading the page map, 8 bytes a page.
fn read(base: usize, size: usize) -> io::Result<Vec<Range<usize>>> {
    const BATCH: usize = 8192;
    let file = pagemap()?;
    let mut ranges = Vec::new();
    let mut buffer = vec![0; BATCH * 8];
    let pages = size / OS_PAGE;
    let mut page = 0;
    while page < pages {
        let count = BATCH.min(pages - page);
        let bytes = &mut buffer[..count * 8];
        file.read_exact_at(bytes, ((base / OS_PAGE + page) * 8) as u64)?;
        for (i, entry) in bytes.as_chunks::<8>().0.iter().enumerate() {
            let entry = u64::from_ne_bytes(*entry);
            if entry & (PRESENT | SWAPPED) != 0 && entry & FILE == 0 {
                push(&mut ranges, page + i);
            }
        }
        page += count;
    }
    Ok(ranges)
}
