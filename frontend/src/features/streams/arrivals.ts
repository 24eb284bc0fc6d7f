// How fast records arrive, as this page has seen it: the registry says how many there are, and how that grew is counted here.
import { useState } from 'react';
import type { StreamInfo } from '@/api/registry';

const KEPT = 24;

interface Seen {
  /** Which answer was counted last. */
  updatedAt: number;
  streams: ReadonlyMap<bigint, { records: bigint; rates: number[] }>;
}

/** New records of each stream between one look and the next, oldest first. */
export function useArrivals(
  streams: readonly StreamInfo[] | undefined,
  updatedAt: number,
): ReadonlyMap<bigint, { records: bigint; rates: number[] }> {
  const [seen, setSeen] = useState<Seen>({ updatedAt: 0, streams: new Map() });
  // Once for each answer, even where nothing has changed.
  if (streams && updatedAt !== seen.updatedAt) setSeen({ updatedAt, streams: grown(seen.streams, streams) });
  return seen.streams;
}

export function grown(before: Seen['streams'], streams: readonly StreamInfo[]): Seen['streams'] {
  return new Map(
    streams.map(({ id, records }) => {
      const known = before.get(id);
      const rates = known ? [...known.rates, Number(records - known.records)].slice(-KEPT) : [];
      return [id, { records, rates }];
    }),
  );
}
