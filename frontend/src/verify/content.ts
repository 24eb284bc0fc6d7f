// Content hashes: the RFC 6962 Merkle tree hash over a file's pieces (docs/federated.md).
import { CompactRange } from './compact';
import { leafHashFast, type Hash } from './hash';

/** Bytes of a piece; the last may be shorter. */
export const PIECE_BYTES = 1_064_960;

/** Hashes a file piece by piece. */
export class ContentHash {
  readonly #pieces = CompactRange.emptyAt(0n);

  async push(piece: Uint8Array): Promise<void> {
    this.#pieces.append(await leafHashFast(piece));
  }

  /** The hash of what was pushed. */
  root(): Hash {
    return this.#pieces.root();
  }
}
