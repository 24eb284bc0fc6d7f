// gzip as people have it: of several members one after another (RFC 1952, 2.2), and cut off. Browsers unpack one member and refuse what
// follows it, so members are found here.

/** Unpacks one whole member; nothing where it is not one whole member. */
export type Inflate = (member: Uint8Array) => Promise<Uint8Array | undefined>;

export class GzipFault extends Error {
  /** Members that are whole before it. */
  readonly whole: number;

  constructor(whole: number, message: string) {
    super(message);
    this.whole = whole;
  }
}

/** More than this is not unpacked: a small file can hold very much. */
export const MOST_BYTES = 256 * 1024 * 1024;

/** The least that a member takes: header, nothing, trailer. */
const LEAST = 20;
const TRAILER = 8;

export const isGzip = (bytes: Uint8Array, from = 0): boolean =>
  bytes[from] === 0x1f && bytes[from + 1] === 0x8b;

/** A member's beginning: deflate, and no flags but those that there are. */
const begins = (bytes: Uint8Array, at: number): boolean =>
  isGzip(bytes, at) && bytes[at + 2] === 8 && ((bytes[at + 3] ?? 0xff) & 0xe0) === 0;

/** Where a member may end, the nearest first. */
function* ends(bytes: Uint8Array, from: number): Generator<number> {
  for (let at = bytes.indexOf(0x1f, from + LEAST); at >= 0; at = bytes.indexOf(0x1f, at + 1)) {
    if (begins(bytes, at)) yield at;
  }
  yield bytes.length;
  // Tapes and some tools fill the end with zeros, and the trailer's own last bytes may be zeros too.
  let filled = bytes.length;
  while (filled > from && bytes[filled - 1] === 0) filled -= 1;
  for (let end = filled; end < bytes.length && end <= filled + TRAILER; end += 1) yield end;
}

/** Everything that a gzip file holds. Throws `GzipFault`. */
export async function gunzip(bytes: Uint8Array, inflate: Inflate = inflateInBrowser): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for (let from = 0; from < bytes.length;) {
    if (parts.length > 0 && bytes.subarray(from).every((byte) => byte === 0)) break;
    if (!begins(bytes, from)) throw new GzipFault(parts.length, 'something that is not gzip follows');
    const { part, end } = await member(bytes, from, parts.length, inflate);
    total += part.length;
    if (total > MOST_BYTES) throw new GzipFault(parts.length, 'it holds more than 256 MiB');
    parts.push(part);
    from = end;
  }
  const all = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

async function member(
  bytes: Uint8Array,
  from: number,
  whole: number,
  inflate: Inflate,
): Promise<{ part: Uint8Array; end: number }> {
  for (const end of ends(bytes, from)) {
    const part = await inflate(bytes.subarray(from, end));
    if (part) return { part, end };
  }
  throw new GzipFault(whole, 'it is cut off or damaged');
}

async function inflateInBrowser(packed: Uint8Array): Promise<Uint8Array | undefined> {
  const stream = new DecompressionStream('gzip');
  const writer = stream.writable.getWriter();
  const written = writer.write(packed as BufferSource).then(() => writer.close());
  // What is wrong is told where it is read.
  written.catch(() => undefined);
  const parts: Uint8Array[] = [];
  let total = 0;
  const reader = (stream.readable as ReadableStream<Uint8Array>).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      total += value.length;
      if (total > MOST_BYTES) throw new GzipFault(0, 'it holds more than 256 MiB');
      parts.push(value);
    }
    await written;
  } catch (error) {
    if (error instanceof GzipFault) {
      reader.cancel().catch(() => undefined);
      throw error;
    }
    return undefined;
  }
  const all = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
