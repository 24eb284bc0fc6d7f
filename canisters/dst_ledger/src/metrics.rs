//! What `/metrics` tells an operator's Prometheus, in its text format 0.0.4.

use ddsx_runtime::Metrics;
use ic_stable_structures::Memory;

use crate::ledger::Ledger;

/// What the ledger cannot know by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemFigures {
    /// Days that the canister's cycles will last, as [`ddsx_runtime::cycles_days_left`].
    pub cycles_days_left: u16,
    /// Time of the request, nanoseconds.
    pub now: u64,
    /// When the canister was installed or last upgraded, nanoseconds.
    pub started: u64,
    /// Bytes of stable memory.
    pub stable_bytes: u64,
    /// Bytes of the heap: the Wasm memory's size, which never shrinks but by an upgrade.
    pub heap_bytes: u64,
}

/// The page.
pub fn page<M: Memory>(ledger: &Ledger<M>, system: SystemFigures) -> Metrics {
    let mut page = Metrics::new("dst_ledger", system.now);
    let (storage, totals) = ledger.stored();
    let config = ledger.config();
    page.gauge("total_supply", "Sum of all balances, smallest units.", totals.supply);
    page.gauge(
        "max_supply",
        "The supply that no mint can exceed, smallest units.",
        config.max_supply,
    );
    page.counter("minted", "Ever minted, smallest units.", totals.minted);
    page.counter(
        "burnt",
        "Ever burnt by transfers to the minting account, smallest units.",
        totals.burnt,
    );
    page.counter("fees_burnt", "Ever burnt as fees, smallest units.", totals.fees_burnt);
    page.gauge("fee", "Fee of a transfer or approval, smallest units.", config.fee);
    page.counter("blocks", "Blocks in the log.", totals.blocks);
    page.counter("block_bytes", "Bytes of blocks in the log.", totals.log_bytes);
    page.gauge(
        "history_blocks",
        "Blocks that are in the accounts' histories.",
        totals.history_blocks,
    );
    page.gauge("holders", "Accounts with a balance above 0.", totals.holders);
    page.gauge("accounts", "Accounts ever seen.", totals.accounts);
    page.gauge("allowances", "Allowances stored.", storage.allowances.len());
    page.gauge(
        "dedup_entries",
        "Transactions remembered for deduplication.",
        storage.dedup.len(totals),
    );
    page.gauge(
        "ready",
        "Whether transactions are taken (0 or 1).",
        u8::from(ledger.is_ready()),
    );
    page.counter("log_lines", "Lines ever written to /logs.", storage.log.written());
    page.cycles_days_left(system.cycles_days_left);
    page.gauge("stable_memory_bytes", "Size of the stable memory.", system.stable_bytes);
    page.gauge("heap_memory_bytes", "Size of the Wasm memory.", system.heap_bytes);
    page.gauge(
        "last_start_timestamp_seconds",
        "When the canister was installed or last upgraded, seconds since 1970.",
        system.started / 1_000_000_000,
    );
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ledger::test_support::{account, install};

    fn text() -> String {
        let ledger = install(&[(account(1), 5_000_000)]);
        let page = super::page(
            &ledger,
            SystemFigures {
                cycles_days_left: 30,
                now: 1_000_000_000,
                started: 7_900_000_000,
                stable_bytes: 8,
                heap_bytes: 9,
            },
        );
        String::from_utf8(page.respond().body.into_vec()).unwrap()
    }

    /// Prometheus, "Text-based format": per metric HELP, then TYPE, then one sample `name value milliseconds`, each metric once,
    /// every line ended.
    #[test]
    fn should_follow_the_text_format() {
        let page = text();
        assert!(page.ends_with('\n'));
        let lines: Vec<&str> = page.lines().collect();
        let mut samples = BTreeMap::new();
        for [help, kind, sample] in lines.as_chunks::<3>().0 {
            let (name, text) = help.strip_prefix("# HELP ").unwrap().split_once(' ').unwrap();
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.strip_prefix("dst_ledger_").unwrap().chars().all(plain), "{name}");
            assert!(!text.is_empty() && !text.contains('\\'), "{help}");
            let kind = kind.strip_prefix(&format!("# TYPE {name} ")).unwrap();
            assert!(["gauge", "counter"].contains(&kind), "{kind}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
            let [have, value, time] = sample.split(' ').collect::<Vec<_>>()[..] else {
                panic!("no sample: {sample}")
            };
            assert_eq!((have, time), (name, "1000"));
            assert!(value.parse::<f64>().unwrap().is_finite(), "{sample}");
            assert_eq!(samples.insert(name, value), None, "{name} twice");
        }
        assert_eq!(lines.len(), 3 * samples.len());
        let table = [
            ("total_supply", "5000000"),
            ("minted_total", "5000000"),
            ("blocks_total", "1"),
            ("history_blocks", "1"),
            ("holders", "1"),
            ("accounts", "1"),
            ("allowances", "0"),
            ("ready", "1"),
            ("cycles_days_left", "30"),
            ("stable_memory_bytes", "8"),
            ("heap_memory_bytes", "9"),
            ("last_start_timestamp_seconds", "7"),
        ];
        for (name, expected) in table {
            assert_eq!(samples[format!("dst_ledger_{name}").as_str()], expected, "{name}");
        }
    }
}
