// The canonical leaf, version 1: docs/leaf-format.md.
import { Reader, Truncated } from './bytes';
import type { Hash } from './hash';

const VERSION = 1;
const DERIVED = 1;
const KNOWN_VERDICTS = 0b1111;

/** Which quality checks were made and passed, as bits of a leaf's verdict. */
export const VERDICTS = [
  [1, 'parses, and holds the records stated'],
  [2, 'every record obeys the schema'],
  [4, 'no earlier chunk has the same payload'],
  [8, "the provider's time is within bounds"],
] as const;

export interface Leaf {
  stream: bigint;
  sequence: bigint;
  /** When the provider says it made the chunk, ns since the Unix epoch. */
  providerTime: bigint;
  /** When the registry accepted it, ns since the Unix epoch. */
  registryTime: bigint;
  contentType: number;
  records: bigint;
  verdict: number;
  credits: Hash;
  payloadLength: bigint;
  payloadHash: Hash;
  /** Only in a derived stream. */
  sources: Hash | undefined;
}

/** Reads canonical bytes; throws with what is wrong with them. */
export function decodeLeaf(bytes: Uint8Array): Leaf {
  try {
    const reader = new Reader(bytes);
    const leaf = read(reader);
    if (reader.left > 0) throw new Error(`${reader.left} bytes follow the last field`);
    return leaf;
  } catch (error) {
    if (error instanceof Truncated) throw new Error('the leaf ends inside a field', { cause: error });
    throw error;
  }
}

function read(reader: Reader): Leaf {
  const version = reader.u8();
  if (version !== VERSION) throw new Error(`its version is ${version}, known is ${VERSION}`);
  const flags = reader.u8();
  if ((flags & ~DERIVED) !== 0) throw new Error('it has flags set that must be 0');
  const leaf = {
    stream: reader.u64(),
    sequence: reader.u64(),
    providerTime: reader.u64(),
    registryTime: reader.u64(),
    contentType: reader.u16(),
    records: reader.u64(),
    verdict: reader.u8(),
  };
  if ((leaf.verdict & ~KNOWN_VERDICTS) !== 0) throw new Error('its verdict has bits set that must be 0');
  return {
    ...leaf,
    credits: reader.hash(),
    payloadLength: reader.u64(),
    payloadHash: reader.hash(),
    sources: flags & DERIVED ? reader.hash() : undefined,
  };
}
