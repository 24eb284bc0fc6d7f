// A stream's head, version 1: docs/leaf-format.md.
import { concatBytes, u64 } from './bytes';
import { headHash, type Hash } from './hash';

export interface Head {
  /** Chunks in the log. */
  size: bigint;
  /** When the last one was added, ns since the Unix epoch. */
  timestamp: bigint;
  root: Hash;
}

export function encodeHead(head: Head): Uint8Array {
  return concatBytes(Uint8Array.of(1), u64(head.size), u64(head.timestamp), head.root);
}

/** What the canister certifies of a head. */
export const hashOfHead = (head: Head): Hash => headHash(encodeHead(head));
