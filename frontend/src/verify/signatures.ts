// BLS signatures over the network's states. A verification is two pairings, which is most of what checking a reply takes; and the
// delegation to a subnet is the same in every reply for days. So what was once found true is remembered.
import { blsVerify } from '@icp-sdk/core/agent';
import { concatBytes, toHex } from './bytes';
import { sha256 } from './hash';

const REMEMBERED = 64;
const verified = new Set<string>();

/** Whether `signature` is that of `key` over `message`. Only what is true is remembered, under all three. */
export function isSigned(key: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean {
  // Each part is hashed by itself, so that no two triples can run together into the same bytes.
  const name = toHex(sha256(concatBytes(sha256(key), sha256(signature), sha256(message))));
  if (verified.has(name)) return true;
  if (!blsVerify(key, signature, message)) return false;
  const oldest = verified.values().next().value;
  if (verified.size >= REMEMBERED && oldest !== undefined) verified.delete(oldest);
  verified.add(name);
  return true;
}
