// SHA-256 with the prefixes of docs/leaf-format.md: the first byte says what follows, so that nothing passes as another kind.
import { sha256 as digest } from '@noble/hashes/sha2.js';
import { concatBytes } from './bytes';

export type Hash = Uint8Array;

export const sha256 = (bytes: Uint8Array): Hash => digest(bytes);

/** Below this, handing the bytes to the browser's own implementation takes longer than hashing them here. */
const NATIVE_FROM = 4_096;

/** The same, by the browser's own implementation where it has one: pages that are not served securely have none. */
export async function sha256Fast(bytes: Uint8Array): Promise<Hash> {
  const native = (crypto as Partial<Crypto>).subtle;
  if (!native || bytes.length < NATIVE_FROM) return sha256(bytes);
  return new Uint8Array(await native.digest('SHA-256', bytes as BufferSource));
}

function prefixed(prefix: number, ...parts: Uint8Array[]): Hash {
  const hasher = digest.create().update(Uint8Array.of(prefix));
  for (const part of parts) hasher.update(part);
  return hasher.digest();
}

/** RFC 9162, 2.1.1. */
export const leafHash = (leaf: Uint8Array): Hash => prefixed(0x00, leaf);
/** RFC 9162, 2.1.1. */
export const nodeHash = (left: Hash, right: Hash): Hash => prefixed(0x01, left, right);
/** The same for a large leaf, by the browser's own implementation where it has one. */
export const leafHashFast = (leaf: Uint8Array): Promise<Hash> =>
  sha256Fast(concatBytes(Uint8Array.of(0x00), leaf));
export const creditsHash = (list: Uint8Array): Hash => prefixed(0x02, list);
export const sourcesHash = (list: Uint8Array): Hash => prefixed(0x03, list);
export const headHash = (head: Uint8Array): Hash => prefixed(0x04, head);
export const labelHash = (label: string): Hash => prefixed(0x05, new TextEncoder().encode(label));
/** RFC 9162, 2.1.1: the root of the tree without leaves. */
export const emptyRoot = (): Hash => sha256(new Uint8Array());
