// What canisters say, for people. Reasons are English, but may hold what only programs read: nanoseconds, smallest units, names of fields and
// variants. Here they become times, durations, amounts and words, or, where that cannot be, are kept for those who ask.
import { formatAmount, type Unit } from './amount';
import { duration, exact, toDate } from './time';

/** `tooManyChunks`, `TooManyChunks`, `duration_ns`: as words. */
export const spoken = (name: string): string =>
  name
    .replace(/_(ns|bps|s)$/, '')
    .replaceAll('_', ' ')
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase();

/** The fields that people fill in, as the page calls them. */
const FIELDS: Record<string, string> = {
  duration_ns: 'time',
  prices: 'price',
  contributors_share_bps: 'contributors’ part',
  content_type: 'content',
  licence_terms: 'terms of use',
  provider_account: 'account',
  expires_at: 'days',
  principal: 'principal',
};

export const fieldName = (name: string): string => FIELDS[name] ?? spoken(name);

/** An amount in its unit. Where the unit is not known, it is said that these are the smallest ones. */
export const amountText = (units: bigint, unit: Unit | undefined): string =>
  unit ? formatAmount(units, unit) : `${units.toLocaleString()} of the asset’s smallest unit`;

/** Nanoseconds from here on are a moment and no duration: the year 2001. */
const MOMENT_NS = 1_000_000_000_000_000_000n;

const number = (digits: string): bigint => BigInt(digits.replace(/[_,]/g, ''));
const span = (digits: string): string => {
  const ns = number(digits);
  return ns < MOMENT_NS ? duration(ns) : exact(toDate(ns));
};

/** Traces of a program's own notation: braces, paths, names of variants with what they hold. */
const NOTATION = /[{}]|::|\b[A-Z][A-Za-z]*\(|\b[a-z]+_[a-z_]+\b/;

export interface Said {
  words: string;
  /** What was said, where the words do not tell all of it. */
  inFull?: string;
}

/** A reason in words. `field` is what it is about, if it is about one. */
export function inWords(reason: string, unit?: Unit, field?: string): Said {
  let words = reason
    .replace(/\b(\d[\d_,]*) ?ns since the Unix epoch\b/g, (_, digits: string) =>
      exact(toDate(number(digits))),
    )
    .replace(/\b(\d[\d_,]*) ?(?:ns|nanoseconds)\b/g, (_, digits: string) => span(digits))
    .replace(/\bfee is (\d[\d_,]*)/g, (_, digits: string) => `fee is ${amountText(number(digits), unit)}`)
    .replace(/^refused: \d+ /, '');
  if (field?.endsWith('_ns')) words = words.replace(/\b\d[\d_,]*\b/g, span);
  if (field?.endsWith('_bps')) {
    words = words.replace(/\b\d[\d_,]*\b/g, (digits) => `${Number(number(digits)) / 100} %`);
  }
  return NOTATION.test(words)
    ? { words: 'The reason was given in a form for programs.', inFull: reason }
    : { words };
}
