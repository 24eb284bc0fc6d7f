// What the verifier refuses, with replies that a registry on a local network gave (dev/record.mjs), forged one by one.
import { IDL } from '@icp-sdk/core/candid';
import { describe, expect, it } from 'vitest';
import {
  idlFactory,
  type ConsistencyProof,
  type Pulled,
  type PullError,
} from '@/bindings/stream_registry.did';
import { fromHex, toHex } from './bytes';
import { sha256 } from './hash';
import type { WorkAnswer } from './protocol';
import recorded from './recorded.json';
import { restore, store, type StoredHeld } from './stored';
import { work } from './work';

type Answer = keyof typeof recorded.answers;

const anchor = { rootKey: fromHex(recorded.root_key), canister: recorded.registry };
const stream = BigInt(recorded.stream);
const size = BigInt(recorded.size);
const now = BigInt(recorded.at);
const MINUTE = 60_000_000_000n;

const returns = (method: string) =>
  idlFactory({ IDL })._fields.find(([name]) => name === method)?.[1].retTypes ?? [];
const types = returns('pull');
const proofTypes = returns('consistency_proof');
const bytes = (answer: Answer) =>
  Uint8Array.from(atob(recorded.answers[answer]), (digit) => digit.charCodeAt(0));

/** A recorded reply with something changed. */
function forged(answer: Answer, change: (reply: Pulled) => void): Uint8Array {
  const [reply] = IDL.decode(types, bytes(answer)) as unknown as [{ Ok: Pulled } | { Err: PullError }];
  if (!('Ok' in reply)) throw new Error('recorded a refusal');
  change(reply.Ok);
  return IDL.encode(types, [reply]);
}

/** The same with one bit flipped; what is decoded is not to be changed in place. */
function flip(array: Uint8Array, at = array.length >> 1): Uint8Array {
  return array.with(at, (array[at] ?? 0) ^ 1);
}

interface Ask {
  reply: Uint8Array;
  from: bigint;
  withLeft?: boolean;
  held?: StoredHeld | undefined;
  consistency?: Uint8Array;
  at?: bigint;
  as?: typeof anchor;
  of?: bigint;
}

const pull = ({
  reply,
  from,
  withLeft = from > 0n,
  held,
  consistency,
  at = now,
  as = anchor,
  of = stream,
}: Ask) => work({ kind: 'pull', anchor: as, stream: of, from, withLeft, reply, consistency, held, now: at });

async function pulled(ask: Ask) {
  const answer = await pull(ask);
  if (answer.kind !== 'pulled')
    throw new Error(`refused: ${JSON.stringify(answer, (_, value: unknown) => String(value))}`);
  return answer.pulled;
}

const end = size - 1n;
const code = (answer: WorkAnswer) => (answer.kind === 'failed' ? answer.code : answer.kind);

describe('the verifier', () => {
  it('should believe a genuine reply, and say what was proved', async () => {
    const verified = await pulled({ reply: bytes('end'), from: end });
    expect(verified.next).toBe(size);
    expect(verified.head.size).toBe(size);
    expect(verified.history).toBe('first-visit');
    expect(verified.subnet).toBeDefined();
    expect(verified.chunks).toHaveLength(1);
    const [chunk] = verified.chunks;
    expect(chunk && toHex(sha256(chunk.payload))).toBe(chunk && toHex(chunk.leaf.payloadHash));
    expect(chunk?.credits.reduce((sum, { records }) => sum + records, 0n)).toBe(chunk?.leaf.records);
  });

  it('should start at the beginning without a frontier, and stop short of the head', async () => {
    const verified = await pulled({ reply: bytes('begin'), from: 0n });
    expect(verified.next).toBe(1n);
    expect(verified.held.end).toBe('1');
    expect(restore(JSON.parse(JSON.stringify(verified.held)) as StoredHeld).head.size).toBe(size);
  });

  it('should see that a head continues the one of the last visit, from the chunks or from a proof', async () => {
    const { held } = await pulled({ reply: bytes('end'), from: end });
    const followed = await pulled({ reply: bytes('grown'), from: size, withLeft: false, held });
    expect([followed.history, followed.comparedWith, followed.head.size]).toEqual([
      'chunks',
      size,
      size + 1n,
    ]);

    const early = (await pulled({ reply: bytes('begin'), from: 0n })).held;
    const jumped = { reply: bytes('grown'), from: size, held: { ...early } };
    expect((await pulled({ ...jumped, withLeft: true, reply: bytes('rewound'), from: end })).history).toBe(
      'chunks',
    );
    const consistency = bytes('consistency');
    const proved = await pulled({ reply: bytes('rewound'), from: end, held: early, consistency });
    expect(proved.history).toBe('proof');
  });

  it('should ask for a consistency proof where the chunks do not reach back to the head held', async () => {
    const { held } = await pulled({ reply: bytes('begin'), from: 0n });
    const older = store({ ...restore(held), head: { ...restore(held).head, size: 3n } });
    const answer = await pull({ reply: bytes('end'), from: end, held: older });
    expect(answer).toEqual({ kind: 'needs-consistency', first: 3n, second: size });
  });

  it('should find history rewritten where the head held is not a prefix', async () => {
    const { held } = await pulled({ reply: bytes('end'), from: end });
    const other = { ...held, root: toHex(sha256(fromHex(held.root))) };
    expect(code(await pull({ reply: bytes('end'), from: end, held: other }))).toBe('head-forked');
    expect(code(await pull({ reply: bytes('rewound'), from: end, held: other }))).toBe('history-rewritten');
    const [proof] = IDL.decode(proofTypes, bytes('consistency')) as unknown as [{ Ok: ConsistencyProof }];
    proof.Ok.path[0] = flip(proof.Ok.path[0] ?? new Uint8Array(32));
    const consistency = IDL.encode(proofTypes, [proof]);
    expect(code(await pull({ reply: bytes('rewound'), from: end, held, consistency }))).toBe('consistency');
  });

  it('should refuse what is older than what was seen', async () => {
    const { held } = await pulled({ reply: bytes('grown'), from: size });
    expect(code(await pull({ reply: bytes('end'), from: end, held }))).toBe('certificate-older-than-held');
    const future = { ...held, certifiedAt: '0' };
    expect(code(await pull({ reply: bytes('end'), from: end, held: future }))).toBe('head-shrank');
  });

  it.each<[string, (reply: Pulled) => void, string]>([
    [
      'a payload byte',
      ({ chunks: [chunk] }) => chunk && (chunk.payload = flip(chunk.payload)),
      'payload-hash',
    ],
    [
      'a payload cut short',
      ({ chunks: [chunk] }) => chunk && (chunk.payload = chunk.payload.slice(1)),
      'payload-length',
    ],
    ['a credit', ({ chunks: [chunk] }) => chunk && (chunk.credits = flip(chunk.credits)), 'credits-hash'],
    ['the leaf: its times', ({ chunks: [chunk] }) => chunk && (chunk.leaf = flip(chunk.leaf, 33)), 'root'],
    [
      'the leaf: its stream',
      ({ chunks: [chunk] }) => chunk && (chunk.leaf = flip(chunk.leaf, 9)),
      'leaf-of-other-stream',
    ],
    [
      'the leaf: its number',
      ({ chunks: [chunk] }) => chunk && (chunk.leaf = flip(chunk.leaf, 17)),
      'leaf-out-of-sequence',
    ],
    [
      'the leaf: its version',
      ({ chunks: [chunk] }) => chunk && (chunk.leaf = flip(chunk.leaf, 0)),
      'leaf-malformed',
    ],
    ['a chunk left out', (reply) => (reply.chunks = []), 'next-mismatch'],
    ['where to go on', (reply) => (reply.next += 1n), 'next-mismatch'],
    [
      'a frontier hash',
      (reply) => (reply.left_frontier[0] = flip(reply.left_frontier[0] ?? new Uint8Array(32))),
      'root',
    ],
    [
      'a frontier too short',
      (reply) => (reply.left_frontier = reply.left_frontier.slice(1)),
      'left-frontier',
    ],
    ['a frontier too long', (reply) => (reply.right_frontier = [new Uint8Array(32)]), 'right-frontier'],
    ["the head's size", ({ head }) => (head.head.tree_size += 1n), 'head-altered'],
    ["the head's root", ({ head }) => (head.head.root = flip(head.head.root)), 'head-altered'],
    ["the head's time", ({ head }) => (head.head.timestamp += 1n), 'head-altered'],
    [
      'the witness',
      ({ head }) => (head.witness = flip(head.witness, head.witness.length - 1)),
      'witness-root',
    ],
    ['no certificate', ({ head }) => (head.certificate = []), 'certificate-missing'],
    [
      'no certificate at all',
      ({ head }) => (head.certificate = [Uint8Array.of(1, 2, 3)]),
      'certificate-malformed',
    ],
  ])('should refuse %s', async (_, change, expected) => {
    expect(code(await pull({ reply: forged('end', change), from: end }))).toBe(expected);
  });

  it('should refuse a certificate in which any sampled byte is altered', async () => {
    const [reply] = IDL.decode(types, bytes('end')) as unknown as [{ Ok: Pulled }];
    const length = reply.Ok.head.certificate[0]?.length ?? 0;
    expect(length).toBeGreaterThan(100);
    for (let at = 7; at < length; at += Math.floor(length / 12)) {
      const altered = forged('end', ({ head }) => {
        head.certificate = [flip(head.certificate[0] ?? new Uint8Array(), at)];
      });
      const answer = await pull({ reply: altered, from: end });
      expect(answer.kind, `byte ${at}`).toBe('failed');
    }
  });

  it('should refuse another network, another canister and another stream', async () => {
    const reply = bytes('end');
    const rootKey = flip(anchor.rootKey, anchor.rootKey.length - 1);
    expect((await pull({ reply, from: end, as: { ...anchor, rootKey } })).kind).toBe('failed');
    const canister = 'ryjl3-tyaaa-aaaaa-aaaba-cai';
    expect(code(await pull({ reply, from: end, as: { ...anchor, canister } }))).toBe('delegation');
    expect((await pull({ reply, from: end, of: 0n })).kind).toBe('failed');
  });

  it('should refuse certificates that are old or from the future', async () => {
    const reply = bytes('end');
    expect(code(await pull({ reply, from: end, at: now + 6n * MINUTE }))).toBe('certificate-too-old');
    expect(code(await pull({ reply, from: end, at: now - 2n * MINUTE }))).toBe('certificate-from-future');
  });

  it('should tell a refusal of the registry from a failed proof', async () => {
    const reply = IDL.encode(types, [{ Err: { NoLicence: null } }]);
    expect(await pull({ reply, from: end })).toEqual({ kind: 'refused', error: { NoLicence: null } });
    expect(code(await pull({ reply: Uint8Array.of(0), from: end }))).toBe('certificate-malformed');
  });
});
