// Streams of others that somebody may publish to. The registry has no list of them, so the publishers of each stream are asked for.
import { useQueries, type UseQueryResult } from '@tanstack/react-query';
import type { Publisher, StreamInfo } from '@/api/registry';
import { publishersQuery } from '@/features/queries';
import { nowNs } from '@/lib/time';
import { mayPublish } from './may-publish';

/** The newest streams are asked about, and no more. */
const MOST_ASKED = 200;

export interface MayPublish {
  streams: StreamInfo[];
  asking: boolean;
  error: Error | undefined;
  retry: () => void;
}

function combine(results: UseQueryResult<Publisher[]>[]) {
  return {
    publishers: results.map(({ data }) => data ?? []),
    asking: results.some(({ isPending }) => isPending),
    error: results.find(({ error }) => error)?.error ?? undefined,
    retry: () => {
      for (const { isError, refetch } of results) if (isError) void refetch();
    },
  };
}

/** Of these streams, those of others that are open and that `me` may publish to. */
export function useMayPublish(all: readonly StreamInfo[], me: string): MayPublish {
  const others = all
    .filter(({ owner, status }) => owner.toText() !== me && !('Closed' in status))
    .slice(-MOST_ASKED);
  const { publishers, ...state } = useQueries({
    queries: others.map(({ id }) => ({ ...publishersQuery(id), staleTime: 60_000 })),
    combine,
  });
  const now = nowNs();
  return { ...state, streams: others.filter((_, index) => mayPublish(publishers[index] ?? [], me, now)) };
}
