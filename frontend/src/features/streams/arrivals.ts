// How fast records arrive, as this page has seen it: the registry says how many there are, and how that grew is counted here.
import { useEffect, useState } from 'react';
import type { StreamInfo } from '@/api/registry';

const KEPT = 24;

/** New records of each stream between one look and the next, oldest first. */
export function useArrivals(
  streams: readonly StreamInfo[] | undefined,
  updatedAt: number,
): Map<bigint, number[]> {
  const [seen, setSeen] = useState<Map<bigint, { records: bigint; rates: number[] }>>(() => new Map());
  useEffect(() => {
    if (!streams) return;
    setSeen((before) => {
      const after = new Map<bigint, { records: bigint; rates: number[] }>();
      for (const { id, records } of streams) {
        const known = before.get(id);
        const rates = known ? [...known.rates, Number(records - known.records)].slice(-KEPT) : [];
        after.set(id, { records, rates });
      }
      return after;
    });
    // Once for each answer, even where nothing has changed.
  }, [streams, updatedAt]);
  return new Map([...seen].map(([id, { rates }]) => [id, rates]));
}
