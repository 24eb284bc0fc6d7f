// SHA-256 with the prefixes of docs/leaf-format.md: the first byte says what follows, so that nothing passes as another kind.
import { sha256 as digest } from '@noble/hashes/sha2.js';

export type Hash = Uint8Array;

export const sha256 = (bytes: Uint8Array): Hash => digest(bytes);

function prefixed(prefix: number, ...parts: Uint8Array[]): Hash {
  const hasher = digest.create().update(Uint8Array.of(prefix));
  for (const part of parts) hasher.update(part);
  return hasher.digest();
}

/** RFC 9162, 2.1.1. */
export const leafHash = (leaf: Uint8Array): Hash => prefixed(0x00, leaf);
/** RFC 9162, 2.1.1. */
export const nodeHash = (left: Hash, right: Hash): Hash => prefixed(0x01, left, right);
export const creditsHash = (list: Uint8Array): Hash => prefixed(0x02, list);
export const sourcesHash = (list: Uint8Array): Hash => prefixed(0x03, list);
export const headHash = (head: Uint8Array): Hash => prefixed(0x04, head);
export const labelHash = (label: string): Hash => prefixed(0x05, new TextEncoder().encode(label));
/** RFC 9162, 2.1.1: the root of the tree without leaves. */
export const emptyRoot = (): Hash => sha256(new Uint8Array());
