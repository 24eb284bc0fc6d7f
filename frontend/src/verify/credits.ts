// The credits list, version 1: docs/leaf-format.md.
import { concatBytes, Reader, Truncated, u32, u64 } from './bytes';
import type { Hash } from './hash';

const MAX_RECORDS = 2n ** 64n - 1n;

export interface Credit {
  contributor: number;
  label: Hash;
  records: bigint;
}

/** The canonical list, of credits by ascending contributor. */
export const encodeCredits = (credits: readonly Credit[]): Uint8Array =>
  concatBytes(
    Uint8Array.of(1),
    u32(credits.length),
    ...credits.map(({ contributor, label, records }) => concatBytes(u32(contributor), label, u64(records))),
  );

/** Reads a canonical list and the sum of its records; throws with what is wrong with it. */
export function decodeCredits(bytes: Uint8Array): { credits: Credit[]; records: bigint } {
  try {
    return read(new Reader(bytes));
  } catch (error) {
    if (error instanceof Truncated) throw new Error('the list ends inside an entry', { cause: error });
    throw error;
  }
}

function read(reader: Reader): { credits: Credit[]; records: bigint } {
  const version = reader.u8();
  if (version !== 1) throw new Error(`its version is ${version}, known is 1`);
  const count = reader.u32();
  if (reader.left !== count * 44) throw new Error('its length does not fit its number of entries');
  const credits: Credit[] = [];
  let records = 0n;
  for (let index = 0; index < count; index += 1) {
    const credit = { contributor: reader.u32(), label: reader.hash(), records: reader.u64() };
    const before = credits.at(-1);
    if (before && before.contributor >= credit.contributor) throw new Error('its entries are not ascending');
    if (credit.records === 0n) throw new Error('an entry credits no record');
    records += credit.records;
    if (records > MAX_RECORDS) throw new Error('its records sum to more than 64 bits');
    credits.push(credit);
  }
  return { credits, records };
}
