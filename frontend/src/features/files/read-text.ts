// A person's file as text. What can be read safely is: gzip, a byte order mark, UTF-16, every kind of line ending. What cannot is named,
// with its place and what to do. Nothing is replaced or left out on the way.
import { gunzip, GzipFault, isGzip, MOST_BYTES, type Inflate } from './gunzip';

/** A file cannot be read, or not be used. Lines and columns count from 1. */
export class FileFault extends Error {
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(reason: string, line?: number, column?: number) {
    const place = [line && `Line ${line}`, column && `column ${column}`].filter(Boolean).join(', ');
    super(place ? `${place}: ${reason}` : reason);
    this.name = 'FileFault';
    this.line = line;
    this.column = column;
  }
}

const SAVE_AS = 'Save it as UTF-8 and choose it again.';

/** The first bytes of what is no text, and what to do about it. */
const OTHERS: [string, number[], string][] = [
  ['a zip file or a spreadsheet', [0x50, 0x4b, 0x03, 0x04], 'Unpack it, or save the sheet as text.'],
  ['an old spreadsheet', [0xd0, 0xcf, 0x11, 0xe0], 'Save the sheet as text.'],
  ['a file packed with zstd', [0x28, 0xb5, 0x2f, 0xfd], 'Unpack it, or pack it with gzip.'],
  ['a file packed with bzip2', [0x42, 0x5a, 0x68], 'Unpack it, or pack it with gzip.'],
  ['a file packed with xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a], 'Unpack it, or pack it with gzip.'],
  ['a PDF', [0x25, 0x50, 0x44, 0x46], 'Save what is in it as text.'],
  ['a Parquet file', [0x50, 0x41, 0x52, 0x31], 'Convert it to text.'],
  ['text in UTF-32', [0xff, 0xfe, 0, 0], SAVE_AS],
  ['text in UTF-32', [0, 0, 0xfe, 0xff], SAVE_AS],
];

const begins = (bytes: Uint8Array, first: readonly number[]): boolean =>
  first.every((byte, index) => bytes[index] === byte);

/** The text of a file. Throws `FileFault`. */
export async function readText(file: Uint8Array, inflate?: Inflate): Promise<string> {
  const bytes = isGzip(file) ? await unpacked(file, inflate) : file;
  if (bytes.length > MOST_BYTES) {
    throw new FileFault('It is larger than 256 MiB. Split it, or use the ddsx command.');
  }
  for (const [what, first, next] of OTHERS) {
    if (begins(bytes, first)) throw new FileFault(`This is ${what}, not text. ${next}`);
  }
  if (begins(bytes, [0xff, 0xfe])) return utf16('utf-16le', bytes);
  if (begins(bytes, [0xfe, 0xff])) return utf16('utf-16be', bytes);
  if (isGzip(bytes)) throw new FileFault('It is packed twice. Unpack it once, then choose it again.');
  return utf8(bytes);
}

async function unpacked(file: Uint8Array, inflate: Inflate | undefined): Promise<Uint8Array> {
  try {
    return await gunzip(file, inflate);
  } catch (error) {
    if (!(error instanceof GzipFault)) throw error;
    const before = error.whole > 0 ? ` after ${error.whole} of its parts` : '';
    throw new FileFault(
      `The gzip file cannot be unpacked${before}: ${error.message}. Get the whole file again.`,
    );
  }
}

function utf16(encoding: 'utf-16le' | 'utf-16be', bytes: Uint8Array): string {
  const order = encoding === 'utf-16le' ? 'little' : 'big';
  if (bytes.length % 2 !== 0) {
    throw new FileFault(
      `It is text in UTF-16 (${order} endian) that is cut off: a byte is missing at its end.`,
    );
  }
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    const units = new TextDecoder(encoding).decode(bytes);
    const [line, column] = placeOf(units, units.indexOf('\ufffd'));
    throw new FileFault(`this is no character of UTF-16. ${SAVE_AS}`, line, column);
  }
}

function utf8(bytes: Uint8Array): string {
  const nul = bytes.indexOf(0);
  if (nul >= 0) {
    const text = new TextDecoder().decode(bytes.subarray(0, nul));
    const [line, column] = placeOf(text, text.length);
    throw new FileFault(`this is no text: a zero byte. If it is text in UTF-16: ${SAVE_AS}`, line, column);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, rightBytes(bytes)));
    const [line, column] = placeOf(text, text.length);
    throw new FileFault(
      `the characters from here on are not UTF-8, but perhaps Windows-1252 or Latin-1. ${SAVE_AS}`,
      line,
      column,
    );
  }
}

/** How many bytes are whole characters of UTF-8, from the first (RFC 3629, 4). */
function rightBytes(bytes: Uint8Array): number {
  for (let at = 0; ;) {
    const length = characterAt(bytes, at);
    if (length === 0) return at;
    at += length;
  }
}

/** The bytes of the character that begins here; 0 if none does. */
function characterAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0xff;
  if (first < 0x80) return 1;
  const length = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  for (let index = 1; index < length; index += 1) {
    const byte = bytes[at + index] ?? 0;
    const [low, high] = index === 1 ? [least, most] : [0x80, 0xbf];
    if (byte < low || byte > high) return 0;
  }
  return length;
}

/** Line and column, from 1, of a place in a text. */
export function placeOf(text: string, at: number): [line: number, column: number] {
  const before = linesOf(text.slice(0, at));
  return [before.length, (before.at(-1)?.length ?? 0) + 1];
}

/** The lines of a text, whichever way they end. */
export const linesOf = (text: string): string[] => text.split(/\r\n|\n|\r/);
