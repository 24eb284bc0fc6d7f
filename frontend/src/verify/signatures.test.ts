import { bls12_381 } from '@noble/curves/bls12-381';
import { describe, expect, it } from 'vitest';
import { isSigned } from './signatures';

describe('signatures', () => {
  const secret = new Uint8Array(32).fill(7);
  const key = bls12_381.getPublicKeyForShortSignatures(secret);
  const message = new TextEncoder().encode('a state of the network');
  const signature = bls12_381.signShortSignature(message, secret);
  const flipped = (bytes: Uint8Array) => bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1);

  it('should remember what is true of a key, a signature and a message, and of nothing else', () => {
    expect(isSigned(key, signature, message)).toBe(true);
    expect(isSigned(key, signature, message)).toBe(true);
    expect(isSigned(key, signature, flipped(message))).toBe(false);
    expect(isSigned(key, signature, flipped(message))).toBe(false);
    const other = bls12_381.getPublicKeyForShortSignatures(new Uint8Array(32).fill(8));
    expect(isSigned(other, signature, message)).toBe(false);
  });
});
