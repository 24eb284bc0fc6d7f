import { describe, expect, it } from 'vitest';
import { ContentHash, PIECE_BYTES } from './content';
import { emptyRoot, leafHash, nodeHash } from './hash';

describe('content hashes', () => {
  const hashed = async (...pieces: Uint8Array[]) => {
    const content = new ContentHash();
    for (const piece of pieces) await content.push(piece);
    return content.root();
  };

  it('should be the Merkle tree hash over the pieces, whatever their number', async () => {
    const piece = new Uint8Array(PIECE_BYTES).fill(7);
    const rest = new Uint8Array(5).fill(7);
    const [one, last] = [leafHash(piece), leafHash(rest)];
    expect(await hashed()).toEqual(emptyRoot());
    expect(await hashed(rest)).toEqual(last);
    expect(await hashed(piece, piece, rest)).toEqual(nodeHash(nodeHash(one, one), last));
  });

  it('should change with any byte and with the order of pieces', async () => {
    const [a, b] = [new Uint8Array(100).fill(1), new Uint8Array(100).fill(2)];
    expect(await hashed(a, b)).not.toEqual(await hashed(b, a));
    expect(await hashed(a.with(99, 0))).not.toEqual(await hashed(a));
  });
});
