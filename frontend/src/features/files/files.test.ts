import { constants, crc32, deflateRawSync, gzipSync, inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { gunzip, GzipFault, type Inflate } from './gunzip';
import { FileFault, readText } from './read-text';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const joined = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const gz = (text: string): Uint8Array => new Uint8Array(gzipSync(utf8(text)));
const RECORDS = '{"a":1}\n{"a":2}\n';

/** As browsers unpack: one member, and anything behind it is an error. (RFC 1952 without optional fields.) */
const strict: Inflate = (member) => {
  try {
    const { buffer, engine } = inflateRawSync(member.subarray(10), {
      info: true,
      finishFlush: constants.Z_SYNC_FLUSH,
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    const trailer = Buffer.from(member.subarray(10 + engine.bytesWritten));
    const whole = trailer.length === 8 && trailer.readUInt32LE(0) === crc(buffer);
    return Promise.resolve(whole ? new Uint8Array(buffer) : undefined);
  } catch {
    return Promise.resolve(undefined);
  }
};

function utf16(text: string, little: boolean): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < text.length; index += 1) {
    view.setUint16(index * 2, text.charCodeAt(index), little);
  }
  return bytes;
}

const crc = (bytes: Uint8Array): number => crc32(bytes);

describe('text of a file', () => {
  it.each([
    ['as it is', utf8(RECORDS)],
    ['with a byte order mark', joined(Uint8Array.of(0xef, 0xbb, 0xbf), utf8(RECORDS))],
    ['in UTF-16, little endian', joined(Uint8Array.of(0xff, 0xfe), utf16(RECORDS, true))],
    ['in UTF-16, big endian', joined(Uint8Array.of(0xfe, 0xff), utf16(RECORDS, false))],
    ['in gzip', gz(RECORDS)],
    ['in gzip of several members', joined(gz('{"a":1}\n'), gz(''), gz('{"a":2}\n'))],
    ['in gzip with zeros behind', joined(gz(RECORDS), new Uint8Array(512))],
    [
      'with a mark, in gzip',
      new Uint8Array(gzipSync(joined(Uint8Array.of(0xef, 0xbb, 0xbf), utf8(RECORDS)))),
    ],
    ['in UTF-16, in gzip', new Uint8Array(gzipSync(joined(Uint8Array.of(0xff, 0xfe), utf16(RECORDS, true))))],
  ])('should be read %s', async (_, bytes) => {
    await expect(readText(bytes)).resolves.toBe(RECORDS);
    await expect(readText(bytes, strict)).resolves.toBe(RECORDS);
  });

  it('should keep characters of every length', async () => {
    const text = 'ä€🌍 ￿\r\n';
    await expect(readText(utf8(text))).resolves.toBe(text);
    await expect(readText(joined(Uint8Array.of(0xff, 0xfe), utf16('ä€', true)))).resolves.toBe('ä€');
  });

  it.each([
    [
      'a character in Latin-1',
      joined(utf8('{"a":1}\r\n{"b":"ä'), Uint8Array.of(0xe9), utf8('"}\n')),
      'Line 2, column 8: the characters from here on are not UTF-8',
    ],
    [
      'a character that is cut off',
      joined(utf8('ab'), Uint8Array.of(0xf0, 0x9f)),
      'Line 1, column 3: the characters',
    ],
    [
      'half of a character',
      joined(utf8('"'), Uint8Array.of(0xed, 0xa0, 0x80)),
      'Line 1, column 2: the characters',
    ],
    ['a zero byte', utf8('{"a":1}\n\0\n'), 'Line 2, column 1: this is no text: a zero byte'],
    ['UTF-16 without its mark', utf16('{"a":1}\n', true), 'If it is text in UTF-16: Save it as UTF-8'],
    [
      'UTF-16 that is cut off',
      joined(Uint8Array.of(0xff, 0xfe), utf16('{"a":1}', true).subarray(0, 5)),
      'a byte is missing at its end',
    ],
    ['UTF-32', Uint8Array.of(0xff, 0xfe, 0, 0, 0x61, 0, 0, 0), 'This is text in UTF-32'],
    [
      'a spreadsheet',
      joined(Uint8Array.of(0x50, 0x4b, 3, 4), utf8('xl/')),
      'This is a zip file or a spreadsheet, not text',
    ],
    ['gzip within gzip', new Uint8Array(gzipSync(gz(RECORDS))), 'It is packed twice'],
    [
      'gzip that is cut off',
      gz('{"a":1}\n'.repeat(1_000)).subarray(0, -12),
      'cannot be unpacked: it is cut off or damaged. Get the whole file again.',
    ],
    [
      'gzip whose second member is cut off',
      joined(gz(RECORDS), gz(RECORDS.repeat(99)).subarray(0, -9)),
      'after 1 of its parts: it is cut off or damaged',
    ],
    ['gzip with something else behind', joined(gz(RECORDS), utf8('and more')), 'cannot be unpacked'],
  ])('should be refused with its place where there is %s', async (_, bytes, told) => {
    for (const inflate of [undefined, strict]) {
      const read = readText(bytes, inflate);
      await expect(read).rejects.toBeInstanceOf(FileFault);
      await expect(read).rejects.toThrow(told);
    }
  });

  it('should be found in a member that holds what looks like the beginning of another', async () => {
    const stored = utf8('\x1f');
    const inside = joined(stored, Uint8Array.of(0x8b, 0x08, 0x00), new Uint8Array(64).fill(0x61));
    const raw = new Uint8Array(deflateRawSync(inside, { level: 0 }));
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(crc(inside), 0);
    trailer.writeUInt32LE(inside.length, 4);
    const member = joined(Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255), raw, trailer);
    await expect(gunzip(joined(member, gz('b')), strict)).resolves.toEqual(joined(inside, utf8('b')));
    await expect(gunzip(member.subarray(0, 60), strict)).rejects.toBeInstanceOf(GzipFault);
  });
});
