// Small texts: shortened ids, counts, sizes.

/** `7uieb…qaaaq-cai`: enough to tell apart and to compare. */
export function shorten(id: string, head = 5, tail = 9): string {
  return id.length <= head + tail + 3 ? id : `${id.slice(0, head)}…${id.slice(-tail)}`;
}

export const count = (value: number | bigint): string => value.toLocaleString();

/** `1 record`, `1,707 records`. */
export const counted = (value: number | bigint, one: string, many = `${one}s`): string =>
  `${count(value)} ${BigInt(value) === 1n ? one : many}`;

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

export function size(bytes: number | bigint): string {
  let value = Number(bytes);
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toLocaleString(undefined, { maximumFractionDigits: unit === 0 ? 0 : 1 })} ${UNITS[unit] ?? ''}`;
}

/** Basis points as a percentage. */
export const percent = (basisPoints: number): string =>
  `${(basisPoints / 100).toLocaleString(undefined, { maximumFractionDigits: 2 })} %`;

/** A part of one as a percentage. */
export const share = (part: number, places = 1): string =>
  `${(part * 100).toLocaleString(undefined, { maximumFractionDigits: places })} %`;

/** A measured number, as exact as it is worth reading. */
export const figure = (value: number): string =>
  value.toLocaleString(undefined, { maximumSignificantDigits: 4 });

/** The name of a Candid variant. */
export const tag = (variant: object): string => Object.keys(variant)[0] ?? '';

/** Characters that are not seen and change what is: the order of others, or whether two names look the same (UTS 55, 3). */
const UNSEEN = /[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/** What somebody else wrote, so that it reads as it is: characters that are not seen are named in their place. */
export const legible = (text: string): string =>
  text.replace(
    UNSEEN,
    (character) => `[U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}]`,
  );

/** An address that somebody else wrote, as a link; nothing where it would lead elsewhere than it reads. */
export function webLink(text: string): { href: string; words: string } | undefined {
  if (!text.startsWith('https://') || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.username || url.password) return undefined;
  // As the browser reads it: other alphabets in a host's name are spelt out.
  const path = `${url.pathname}${url.search}${url.hash}`;
  return { href: url.href, words: `${url.host}${path === '/' ? '' : path}` };
}

/** What a spreadsheet would compute (OWASP, *CSV Injection*); numbers it may. */
const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^-?\d+(?:\.\d+)?$/;

/** A table as RFC 4180 has it. Cells that a spreadsheet would take for formulas get an apostrophe, as spreadsheets write text. */
export function csv(rows: readonly (readonly string[])[]): string {
  const safe = (text: string) => (FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text);
  const cell = (given: string) => {
    const text = safe(given);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}

/** A name as the name of a file, without an ending. A name of other characters alone gives `data`. */
export const fileStem = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '') || 'data';

/** Hands the reader a file. */
export function download(name: string, content: BlobPart, type: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
