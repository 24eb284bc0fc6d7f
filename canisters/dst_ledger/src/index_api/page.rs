//! Which part of a history a page is.

/// Which way a history is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the last block seen towards the oldest.
    NewestFirst,
    /// From the last block seen towards the newest.
    OldestFirst,
}

/// The ordinals of the page's blocks, in its order: at most `limit` of a history of `length` blocks, `block_at` each of which
/// rises with the ordinal. The page begins beside the block `seen`, whether or not that is in the history.
pub(super) fn ordinals(
    length: u64,
    seen: Option<u64>,
    limit: u64,
    order: Order,
    block_at: impl Fn(u64) -> u64,
) -> Box<dyn Iterator<Item = u64>> {
    match order {
        Order::NewestFirst => {
            let end = seen.map_or(length, |seen| first_from(length, |ordinal| block_at(ordinal) >= seen));
            Box::new((end.saturating_sub(limit)..end).rev())
        }
        Order::OldestFirst => {
            let begin = seen.map_or(0, |seen| first_from(length, |ordinal| block_at(ordinal) > seen));
            Box::new(begin..begin.saturating_add(limit).min(length))
        }
    }
}

/// The first ordinal for which `is_there` holds, `length` if it holds for none; it holds for all that follow one.
fn first_from(length: u64, is_there: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_there(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(blocks: &[u64], seen: Option<u64>, limit: u64, order: Order) -> Vec<u64> {
        let block_at = |ordinal| blocks[usize::try_from(ordinal).unwrap()];
        ordinals(blocks.len() as u64, seen, limit, order, block_at)
            .map(block_at)
            .collect()
    }

    proptest! {
        #[test]
        fn should_give_what_a_plain_search_gives(
            blocks in prop::collection::btree_set(0..60_u64, 0..40),
            seen in prop::option::of(0..70_u64),
            limit in 0..50_u64,
        ) {
            let blocks: Vec<u64> = blocks.into_iter().collect();
            let limit_of = usize::try_from(limit).unwrap();
            let older: Vec<u64> = blocks.iter().rev().copied().filter(|block| seen.is_none_or(|seen| *block < seen)).take(limit_of).collect();
            let newer: Vec<u64> = blocks.iter().copied().filter(|block| seen.is_none_or(|seen| *block > seen)).take(limit_of).collect();
            prop_assert_eq!(page(&blocks, seen, limit, Order::NewestFirst), older);
            prop_assert_eq!(page(&blocks, seen, limit, Order::OldestFirst), newer);
        }

        #[test]
        fn should_lead_through_the_whole_history_page_by_page(
            blocks in prop::collection::btree_set(any::<u64>(), 0..60),
            limit in 1..9_u64,
        ) {
            let blocks: Vec<u64> = blocks.into_iter().collect();
            for order in [Order::NewestFirst, Order::OldestFirst] {
                let mut read = vec![];
                loop {
                    let next = page(&blocks, read.last().copied(), limit, order);
                    if next.is_empty() {
                        break;
                    }
                    read.extend(next);
                }
                if order == Order::NewestFirst {
                    read.reverse();
                }
                prop_assert_eq!(&read, &blocks);
            }
        }
    }

    #[test]
    fn should_read_a_history_of_a_million_blocks_at_few_places() {
        let reads = std::cell::Cell::new(0);
        let block_at = |ordinal| {
            reads.set(reads.get() + 1);
            ordinal * 3
        };
        let page: Vec<u64> = ordinals(1_000_000, Some(1_500_000), 5, Order::NewestFirst, block_at).collect();
        assert_eq!(page, [499_999, 499_998, 499_997, 499_996, 499_995]);
        assert!(reads.get() <= 20, "{} reads", reads.get());
    }
}
