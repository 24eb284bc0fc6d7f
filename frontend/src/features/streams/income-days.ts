// Income over time, as the registry tells it: one entry for each day (UTC) with a sale.
import type { DayOfIncome } from '@/api/registry';

const DAY_MS = 86_400_000;
const DAY_S = 86_400;

/** The day of a time, counted from 1970-01-01 in UTC, as the registry counts. */
export const dayOf = (ms: number): bigint => BigInt(Math.floor(ms / DAY_MS));

export interface Curve {
  /** Seconds since the Unix epoch: the beginning of each day. */
  times: number[];
  /** In whole units, for drawing only. */
  values: (number | null)[];
}

export interface Sum {
  licences: bigint;
  received: bigint;
}

export const sumOf = (days: readonly DayOfIncome[]): Sum =>
  days.reduce<Sum>(
    (sum, { licences, received }) => ({
      licences: sum.licences + licences,
      received: sum.received + received,
    }),
    { licences: 0n, received: 0n },
  );

/** The entries of the last `count` days, today among them. */
export const lastDays = (days: readonly DayOfIncome[], today: bigint, count: number): DayOfIncome[] =>
  days.filter(({ day }) => day <= today && day > today - BigInt(count));

/** Each of the last `count` days; nothing is drawn for those without a sale. */
export function byDay(days: readonly DayOfIncome[], today: bigint, count: number, decimals: number): Curve {
  const known = new Map(days.map(({ day, received }) => [day, received]));
  const each = Array.from({ length: count }, (_, index) => today - BigInt(count - 1 - index));
  return {
    times: each.map((day) => Number(day) * DAY_S),
    values: each.map((day) => {
      const received = known.get(day);
      return received === undefined ? null : Number(received) / 10 ** decimals;
    }),
  };
}

/** All income up to each day, from the day before the first sale until today. */
export function inAll(days: readonly DayOfIncome[], today: bigint, decimals: number): Curve {
  const first = days[0];
  if (!first) return { times: [], values: [] };
  const times = [Number(first.day - 1n) * DAY_S];
  const values: (number | null)[] = [0];
  let sum = 0n;
  for (const { day, received } of days) {
    sum += received;
    times.push(Number(day) * DAY_S);
    values.push(Number(sum) / 10 ** decimals);
  }
  const last = days.at(-1);
  if (last && last.day < today) {
    times.push(Number(today) * DAY_S);
    values.push(Number(sum) / 10 ** decimals);
  }
  return { times, values };
}
