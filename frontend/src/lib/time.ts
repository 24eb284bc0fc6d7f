// Times: nanoseconds since the Unix epoch outside, words inside.

const NS_PER_MS = 1_000_000n;

export const toDate = (ns: bigint): Date => new Date(Number(ns / NS_PER_MS));
export const nowNs = (): bigint => BigInt(Date.now()) * NS_PER_MS;

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['second', 60],
  ['minute', 60],
  ['hour', 24],
  ['day', 30],
  ['month', 12],
  ['year', Number.POSITIVE_INFINITY],
];

const formats = new Map<string | undefined, Intl.RelativeTimeFormat>();

/** Making a format takes milliseconds: one for each language. */
function relativeFormat(locale: string | undefined): Intl.RelativeTimeFormat {
  const format = formats.get(locale) ?? new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  formats.set(locale, format);
  return format;
}

/** `3 minutes ago`, `in 30 days`. */
export function relative(date: Date, now: Date = new Date(), locale?: string): string {
  const format = relativeFormat(locale);
  let value = (date.getTime() - now.getTime()) / 1000;
  if (Math.abs(value) < 5) return format.format(0, 'second');
  for (const [unit, size] of STEPS) {
    if (Math.abs(value) < size) return format.format(Math.round(value), unit);
    value /= size;
  }
  return date.toLocaleDateString(locale);
}

/** The exact time, in the reader's zone, with the zone's name. */
export const exact = (date: Date, locale?: string): string =>
  date.toLocaleString(locale, { dateStyle: 'long', timeStyle: 'long' });

/** A day counted from 1970-01-01 in UTC, as a date. */
export const calendarDay = (day: bigint, locale?: string): string =>
  new Date(Number(day) * 86_400_000).toLocaleDateString(locale, { dateStyle: 'medium', timeZone: 'UTC' });

const DURATIONS: [string, bigint][] = [
  ['year', 365n * 86_400n],
  ['day', 86_400n],
  ['hour', 3_600n],
  ['minute', 60n],
  ['second', 1n],
];

const MOST_PARTS = 3;

/** `30 days`, `1 day 1 hour`, `90 days 12 hours 5 minutes`: never more than three parts, a rest smaller than those is left out. */
export function duration(ns: bigint): string {
  if (ns < 0n) return `minus ${duration(-ns)}`;
  if (ns > 0n && ns < 1_000_000_000n) return 'less than a second';
  let left = ns / 1_000_000_000n;
  const parts: string[] = [];
  for (const [name, size] of DURATIONS) {
    const count = left / size;
    left %= size;
    if (count > 0n && parts.length < MOST_PARTS) {
      parts.push(`${count.toLocaleString()} ${name}${count === 1n ? '' : 's'}`);
    }
  }
  return parts.join(' ') || '0 seconds';
}
