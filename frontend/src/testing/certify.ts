// A network of one key, for tests: it certifies what it is given, as the interface specification says.
import { bls12_381 } from '@noble/curves/bls12-381';
import { Cbor, reconstruct, type HashTree } from '@icp-sdk/core/agent';
import { Principal } from '@icp-sdk/core/principal';
import { concatBytes, fromHex } from '@/verify/bytes';

const { shortSignatures } = bls12_381;
/** A BLS public key's DER before its 96 bytes. */
const DER_PREFIX = fromHex('308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100');
/** The encoder's bytes are of another realm than the tests' under jsdom. */
const bytes = (text: string) => Uint8Array.from(new TextEncoder().encode(text));
const SIGNED = concatBytes(Uint8Array.of(13), bytes('ic-state-root'));

export const leaf = (value: Uint8Array) => [3, value] as unknown as HashTree;
export const label = (name: string | Uint8Array, below: HashTree) =>
  [2, typeof name === 'string' ? bytes(name) : name, below] as unknown as HashTree;
export const fork = (left: HashTree, right: HashTree) => [1, left, right] as unknown as HashTree;
export const pruned = (hash: Uint8Array) => [4, hash] as unknown as HashTree;

/** An unsigned LEB128 number. */
function leb128(value: bigint): Uint8Array {
  const out: number[] = [];
  let rest = value;
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    out.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Uint8Array.from(out);
}

export interface TestNetwork {
  rootKey: Uint8Array;
  /** A certificate of a canister's hash tree, and the tree as a witness. */
  certify: (
    canister: string,
    tree: HashTree,
    time: bigint,
  ) => Promise<{ certificate: Uint8Array; witness: Uint8Array }>;
}

export function testNetwork(seed = 7): TestNetwork {
  const secret = new Uint8Array(32).fill(seed);
  const rootKey = concatBytes(DER_PREFIX, shortSignatures.getPublicKey(secret).toBytes());
  return {
    rootKey,
    certify: async (canister, tree, time) => {
      const id = Principal.fromText(canister).toUint8Array();
      const state = fork(
        label('canister', label(id, label('certified_data', leaf(await reconstruct(tree))))),
        label('time', leaf(leb128(time))),
      );
      const message = concatBytes(SIGNED, await reconstruct(state));
      const signature = shortSignatures.sign(shortSignatures.hash(message), secret).toBytes();
      return {
        certificate: new Uint8Array(Cbor.encode({ tree: state, signature })),
        witness: new Uint8Array(Cbor.encode(tree)),
      };
    },
  };
}
