// That a chunk's leaf lies in a stream's certified log, and that it credits whom it was meant to.
import { IDL } from '@icp-sdk/core/candid';
import { describe, expect, it, vi } from 'vitest';
import type { NewChunk } from '@/api/registry';
import { idlFactory, type InclusionProof, type ProofError } from '@/bindings/stream_registry.did';
import { creditsCheck } from '@/features/publishing/credited';
import { label, leaf as treeLeaf, testNetwork } from '@/testing/certify';
import { concatBytes, u32, u64 } from './bytes';
import { decodeCredits, encodeCredits } from './credits';
import { creditsHash, labelHash, leafHash, nodeHash, sha256 } from './hash';
import { hashOfHead } from './head';
import { decodeLeaf, type Leaf } from './leaf';
import { work } from './work';

const REGISTRY = '7tjcv-pp777-77776-qaaaa-cai';
const NOW = 1_796_031_271_000_000_000n;
const network = testNetwork();
const anchor = { rootKey: network.rootKey, canister: REGISTRY };
const types = idlFactory({ IDL })._fields.find(([name]) => name === 'inclusion_proof')?.[1].retTypes ?? [];

const payload = Uint8Array.from([1, 2, 3]);
const credits = [
  { contributor: 0, records: 2n, label: labelHash('ci') },
  { contributor: 7, records: 1n, label: labelHash('nc') },
];

/** docs/leaf-format.md. */
const leafOf = (sequence: bigint, stream = 4n): Uint8Array =>
  concatBytes(
    Uint8Array.of(1, 0),
    u64(stream),
    u64(sequence),
    u64(NOW),
    u64(NOW),
    Uint8Array.of(0, 2),
    u64(3n),
    Uint8Array.of(1),
    creditsHash(encodeCredits(credits)),
    u64(3n),
    sha256(payload),
  );

/** A log of three leaves, and the proof of the second. */
async function proof(change: Partial<InclusionProof> = {}): Promise<Uint8Array> {
  const [a, b, c] = [0n, 1n, 2n].map((sequence) => leafHash(leafOf(sequence))) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const root = nodeHash(nodeHash(a, b), c);
  const head = { tree_size: 3n, timestamp: NOW, root };
  const hash = hashOfHead({ size: 3n, timestamp: NOW, root });
  const tree = label('heads', label(u64(4n), treeLeaf(hash)));
  const { certificate, witness } = await network.certify(REGISTRY, tree, NOW);
  const genuine: InclusionProof = {
    head: { head, certificate: [certificate], witness },
    leaf: leafOf(1n),
    path: [a, c],
    tree_size: 3n,
  };
  return IDL.encode(types, [{ Ok: { ...genuine, ...change } }]);
}

const ask = (reply: Uint8Array, sequence = 1n, now = NOW) =>
  work({ kind: 'leaf', anchor, stream: 4n, sequence, reply, now });

describe('a proved leaf', () => {
  it('should be believed where it lies in the certified log', async () => {
    const answer = await ask(await proof());
    expect(answer).toMatchObject({ kind: 'leaf', leaf: { stream: 4n, sequence: 1n, records: 3n } });
  });

  it.each<[string, Partial<InclusionProof>, bigint]>([
    ['another leaf', { leaf: leafOf(2n) }, 1n],
    ['another place', {}, 2n],
    ['another path', { path: [] }, 1n],
    ['another size', { tree_size: 2n }, 1n],
  ])('should be refused with %s', async (_, change, sequence) => {
    await expect(ask(await proof(change), sequence)).resolves.toMatchObject({ kind: 'failed', code: 'root' });
  });

  it('should be refused with an old certificate, and asked for again where a node has it not yet', async () => {
    await expect(ask(await proof(), 1n, NOW + 600_000_000_000n)).resolves.toMatchObject({
      kind: 'failed',
      code: 'certificate-too-old',
    });
    const error: ProofError = { OutOfRange: { tree_size: 1n } };
    await expect(ask(IDL.encode(types, [{ Err: error }]))).resolves.toEqual({ kind: 'unproved', error });
  });
});

describe('whom records are credited to', () => {
  const chunk: NewChunk = {
    payload,
    provider_timestamp: NOW,
    credits: credits.map(({ contributor, records }) => ({ contributor, records })),
  };
  const shown = new Map([
    [0, 'ci'],
    [7, 'nc'],
  ]);
  const asked = vi.fn((sequence: bigint): Promise<Leaf> => Promise.resolve(decodeLeaf(leafOf(sequence))));

  it('should be written and read as one', () => {
    const list = encodeCredits(credits);
    expect(decodeCredits(list)).toEqual({ credits, records: 3n });
    expect(list.slice(0, 5)).toEqual(concatBytes(Uint8Array.of(1), u32(2)));
  });

  it('should be proved once for each contributor', async () => {
    const check = creditsCheck(shown, asked);
    await check(10n, [chunk, chunk, { ...chunk, credits: [] }]);
    await check(13n, [chunk]);
    expect(asked.mock.calls).toEqual([[10n]]);
  });

  it.each<[string, Map<number, string>]>([
    [
      'swapped',
      new Map([
        [0, 'nc'],
        [7, 'ci'],
      ]),
    ],
    ['unknown', new Map([[0, 'ci']])],
  ])('should end the publishing where the contributors were %s', async (_, labels) => {
    await expect(creditsCheck(labels, asked)(10n, [chunk])).rejects.toMatchObject({ code: 'credits-hash' });
  });

  it('should end it where another payload stands there', async () => {
    const other = { ...chunk, payload: Uint8Array.of(9) };
    await expect(creditsCheck(shown, asked)(10n, [other])).rejects.toMatchObject({ code: 'payload-hash' });
  });
});
