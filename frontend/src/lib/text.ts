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

/** A table as RFC 4180 has it. */
export function csv(rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return rows.map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}

/** A name as the name of a file, without an ending. */
export const fileStem = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

/** Hands the reader a file. */
export function download(name: string, content: BlobPart, type: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
