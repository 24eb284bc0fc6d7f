// What the verifier believes of federated tasks' records, and what it refuses: replies certified by a test network, forged one by one.
import { IDL } from '@icp-sdk/core/candid';
import type { HashTree } from '@icp-sdk/core/agent';
import { Principal } from '@icp-sdk/core/principal';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  idlFactory,
  type CertifiedModel,
  type CertifiedReport,
  type ModelVersion,
  type RoundReport,
} from '@/bindings/federated_aggregator.did';
import { fork, label, leaf, pruned, testNetwork } from '@/testing/certify';
import { concatBytes, u32, u64 } from './bytes';
import { decodeModel, decodeReport, MODEL, REPORT } from './federated';
import { sha256 } from './hash';
import type { WorkAnswer } from './protocol';
import { work } from './work';

const canister = 'ryjl3-tyaaa-aaaaa-aaaba-cai';
const network = testNetwork();
const now = 1_800_000_000_000_000_000n;
const MINUTE = 60_000_000_000n;
const hash = (fill: number) => new Uint8Array(32).fill(fill);

const report: RoundReport = {
  task: 3n,
  round: 2,
  outcome: { Accepted: null },
  version: 2,
  parent: 1,
  model: hash(1),
  parent_model: hash(2),
  candidate: [hash(1)],
  evaluated: [{ samples: 359n, loss: 0.25, accuracy: [0.94], per_class: [[36n, 35n]] }],
  clients: [
    {
      client: Principal.fromText('aaaaa-aa'),
      samples: 120n,
      update: hash(3),
      norm: 0.5,
      staleness: 0,
      score: [0.01],
      reward: 5_000n,
      lineage: [],
      finding: [],
    },
  ],
  seed: [],
  budget: 10_000n,
  rewarded: 5_000n,
  progress: [],
  scores_later: [],
  opened_at: now - MINUTE,
  published_at: now - 1n,
};
const model: ModelVersion = { task: 3n, version: 2, round: 2, hash: hash(1), parent: hash(2), bytes: 2_784n };

const encodeReport = (value: RoundReport) => IDL.encode([REPORT], [value]);
const encodeModel = (value: ModelVersion) => IDL.encode([MODEL], [value]);
const service = idlFactory({ IDL });
const returns = (method: string) => service._fields.find(([name]) => name === method)?.[1].retTypes ?? [];

type Method = 'report' | 'model_info';
let genuine: { report: CertifiedReport; model_info: CertifiedModel };

/** The canister's tree with one entry shown, at the path where an honest one has it or at another. */
function treeOf(method: Method, entry: Uint8Array, key: Uint8Array): HashTree {
  const other = pruned(hash(9));
  return method === 'report'
    ? fork(other, label('reports', label(key, leaf(entry))))
    : fork(label('models', label(key, leaf(entry))), other);
}

const REPORT_KEY = concatBytes(u64(3n), u32(2));

async function certified(method: Method, encoded: Uint8Array, key: Uint8Array, by = network, of = canister) {
  const { certificate, witness } = await by.certify(of, treeOf(method, sha256(encoded), key), now);
  return { certificate: [certificate] as [Uint8Array], witness };
}

beforeAll(async () => {
  const [reported, versioned] = [encodeReport(report), encodeModel(model)];
  genuine = {
    report: { report: reported, ...(await certified('report', reported, REPORT_KEY)) },
    model_info: { model, encoded: versioned, ...(await certified('model_info', versioned, u64(3n))) },
  };
});

interface Ask {
  at?: bigint;
  task?: bigint;
  round?: number;
  rootKey?: Uint8Array;
}

function ask(
  method: Method,
  reply: CertifiedReport | CertifiedModel | undefined,
  { at = now, task = 3n, round = 2, rootKey = network.rootKey }: Ask = {},
) {
  return work({
    kind: 'federated',
    anchor: { rootKey, canister },
    task,
    round: method === 'report' ? round : undefined,
    reply: IDL.encode(returns(method), [reply ? [reply] : []]),
    now: at,
  });
}

const flip = (bytes: Uint8Array, at = bytes.length >> 1) => bytes.with(at, (bytes[at] ?? 0) ^ 1);
const code = (answer: WorkAnswer) => (answer.kind === 'failed' ? answer.code : answer.kind);

describe('records of federated tasks', () => {
  it('should be believed as they are certified, and decoded from the certified bytes', async () => {
    const reported = await ask('report', genuine.report);
    expect(reported.kind).toBe('record');
    if (reported.kind !== 'record' || !reported.record) throw new Error('no record');
    expect(decodeReport(reported.record.encoded)).toEqual(report);
    expect(reported.record.certifiedAt).toBe(now);
    expect(reported.record.hash).toEqual(sha256(genuine.report.report));
    const versioned = await ask('model_info', genuine.model_info);
    if (versioned.kind !== 'record' || !versioned.record) throw new Error('no record');
    expect(decodeModel(versioned.record.encoded)).toEqual(model);
  });

  it('should be nothing where the canister says that there is none', async () => {
    expect(await ask('report', undefined)).toEqual({ kind: 'record', record: undefined });
    expect(await ask('model_info', undefined)).toEqual({ kind: 'record', record: undefined });
  });

  it('should be taken from what is certified, not from what stands beside it', async () => {
    const answer = await ask('model_info', { ...genuine.model_info, model: { ...model, hash: hash(8) } });
    if (answer.kind !== 'record' || !answer.record) throw new Error('no record');
    expect(decodeModel(answer.record.encoded).hash).toEqual(hash(1));
  });

  it('should be refused with any bit of the report altered', async () => {
    for (let at = 0; at < genuine.report.report.length; at += 7) {
      const altered = { ...genuine.report, report: flip(genuine.report.report, at) };
      expect(code(await ask('report', altered)), `byte ${at}`).toBe('record-altered');
    }
  });

  it.each<[string, (reply: CertifiedReport) => CertifiedReport, string]>([
    [
      'a reward put higher',
      (reply) => ({ ...reply, report: encodeReport({ ...report, rewarded: 9_999n }) }),
      'record-altered',
    ],
    ['a report cut short', (reply) => ({ ...reply, report: reply.report.slice(0, -1) }), 'record-altered'],
    [
      'the witness',
      (reply) => ({ ...reply, witness: flip(reply.witness, reply.witness.length - 1) }),
      'witness-root',
    ],
    ['a witness that is none', (reply) => ({ ...reply, witness: Uint8Array.of(1) }), 'witness-malformed'],
    ['no certificate', (reply) => ({ ...reply, certificate: [] }), 'certificate-missing'],
    [
      'the certificate',
      (reply) => ({ ...reply, certificate: [flip(reply.certificate[0] ?? new Uint8Array(), 60)] }),
      'certificate-signature',
    ],
  ])('should be refused: %s', async (_, change, expected) => {
    expect(code(await ask('report', change(genuine.report)))).toBe(expected);
  });

  it('should be refused from another network, of another canister, of another round and task', async () => {
    const encoded = genuine.report.report;
    const foreign = await certified('report', encoded, REPORT_KEY, testNetwork(8));
    expect(code(await ask('report', { report: encoded, ...foreign }))).toBe('certificate-signature');
    const elsewhere = await certified('report', encoded, REPORT_KEY, network, 'rrkah-fqaaa-aaaaa-aaaaq-cai');
    expect(code(await ask('report', { report: encoded, ...elsewhere }))).toBe(
      'certificate-of-other-canister',
    );
    expect(code(await ask('report', genuine.report, { round: 3 }))).toBe('record-not-shown');
    expect(code(await ask('report', genuine.report, { task: 4n }))).toBe('record-not-shown');
    expect(code(await ask('model_info', genuine.model_info, { task: 4n }))).toBe('record-not-shown');
    // Even a canister that certifies one round's report in another's place.
    const misplaced = await certified('report', encoded, concatBytes(u64(3n), u32(3)));
    expect(code(await ask('report', { report: encoded, ...misplaced }, { round: 3 }))).toBe('record-altered');
  });

  it('should be refused when they are old or from the future', async () => {
    expect(code(await ask('report', genuine.report, { at: now + 6n * MINUTE }))).toBe('certificate-too-old');
    expect(code(await ask('report', genuine.report, { at: now - 2n * MINUTE }))).toBe(
      'certificate-from-future',
    );
  });
});
