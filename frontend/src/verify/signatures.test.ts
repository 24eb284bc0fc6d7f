import { bls12_381 } from '@noble/curves/bls12-381';
import { describe, expect, it } from 'vitest';
import { isSigned } from './signatures';

describe('signatures', () => {
  const { shortSignatures } = bls12_381;
  const secret = new Uint8Array(32).fill(7);
  const publicKey = (of: Uint8Array) => shortSignatures.getPublicKey(of).toBytes();
  const message = new TextEncoder().encode('a state of the network');
  const signature = shortSignatures.sign(shortSignatures.hash(message), secret).toBytes();
  const flipped = (bytes: Uint8Array) => bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1);

  it('should remember what is true of a key, a signature and a message, and of nothing else', () => {
    const key = publicKey(secret);
    expect(isSigned(key, signature, message)).toBe(true);
    expect(isSigned(key, signature, message)).toBe(true);
    expect(isSigned(key, signature, flipped(message))).toBe(false);
    expect(isSigned(key, signature, flipped(message))).toBe(false);
    expect(isSigned(publicKey(new Uint8Array(32).fill(8)), signature, message)).toBe(false);
  });
});
