// What Explore searches and sorts by.
import type { Plan, StreamInfo } from '@/api/registry';
import { tag } from '@/lib/text';

export interface Search {
  text: string;
  tag: string | undefined;
  price: 'any' | 'free' | 'paid';
  fresh: 'any' | 'hour' | 'day';
  order: 'newest-data' | 'most-records' | 'name';
}

export const EVERYTHING: Search = {
  text: '',
  tag: undefined,
  price: 'any',
  fresh: 'any',
  order: 'newest-data',
};

const HOUR_NS = 3_600_000_000_000n;

export function find(
  streams: readonly StreamInfo[],
  plans: ReadonlyMap<bigint, Plan[]>,
  search: Search,
  now: bigint,
): StreamInfo[] {
  const words = search.text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = streams.filter((stream) => {
    const said = [stream.name, stream.description, ...stream.tags].join(' ').toLowerCase();
    if (!words.every((word) => said.includes(word))) return false;
    if (search.tag !== undefined && !stream.tags.includes(search.tag)) return false;
    const paid = (plans.get(stream.id) ?? []).some((plan) => tag(plan.kind) !== 'Free');
    if (search.price === 'free' && !stream.open_to_everyone) return false;
    if (search.price === 'paid' && !paid) return false;
    if (search.fresh === 'any') return true;
    const last = stream.last_append_at[0];
    return last !== undefined && now - last < HOUR_NS * (search.fresh === 'hour' ? 1n : 24n);
  });
  return found.sort((a, b) => {
    if (search.order === 'name') return a.name.localeCompare(b.name);
    const [x, y] =
      search.order === 'most-records'
        ? [a.records, b.records]
        : [a.last_append_at[0] ?? 0n, b.last_append_at[0] ?? 0n];
    return x === y ? 0 : x < y ? 1 : -1;
  });
}

/** Tags with how many streams have them, the commonest first. */
export function tagsOf(streams: readonly StreamInfo[]): [string, number][] {
  const counts = new Map<string, number>();
  streams.flatMap((stream) => stream.tags).forEach((name) => counts.set(name, (counts.get(name) ?? 0) + 1));
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}
