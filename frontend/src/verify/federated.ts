// From a certificate to a federated task's record: the report of a round, or the model in force (docs/federated.md).
import { IDL } from '@icp-sdk/core/candid';
import {
  idlFactory,
  type CertifiedModel,
  type CertifiedReport,
  type ModelVersion,
  type RoundReport,
} from '@/bindings/federated_aggregator.did';
import { concatBytes, equalBytes, u32, u64 } from './bytes';
import { certifiedEntry, checkFreshness, verifyCertificate } from './certificate';
import { VerificationError } from './error';
import { sha256 } from './hash';
import type { FederatedRequest, ProvedRecord } from './protocol';

const service = idlFactory({ IDL });

function returns(method: string): IDL.Type {
  const found = service._fields.find(([name]) => name === method)?.[1].retTypes[0];
  if (!found) throw new Error(`the interface has no method ${method}`);
  return found;
}

/** The type of a field of a record, or of a variant's case, below an `opt` or not. */
function within(type: IDL.Type, field: string): IDL.Type {
  const inner = type instanceof IDL.OptClass ? type._type : type;
  const fields = inner instanceof IDL.RecClass ? inner.getType() : inner;
  const found = (fields as IDL.RecordClass | IDL.VariantClass)._fields.find(([name]) => name === field);
  if (!found) throw new Error(`the interface has no ${field}`);
  return found[1];
}

/** Candid types of what is certified. */
export const REPORT = within(returns('round'), 'Over');
export const MODEL = within(returns('model_info'), 'model');

export const decodeReport = (encoded: Uint8Array): RoundReport =>
  IDL.decode([REPORT], encoded)[0] as unknown as RoundReport;
export const decodeModel = (encoded: Uint8Array): ModelVersion =>
  IDL.decode([MODEL], encoded)[0] as unknown as ModelVersion;

/** A piece of a model, or why there is none. It proves nothing by itself: its file's content hash does. */
export const decodeChunk = (reply: Uint8Array) =>
  IDL.decode([returns('model_chunk')], reply)[0] as unknown as
    { Ok: { bytes: Uint8Array; total: bigint } } | { Err: object };

interface Told {
  encoded: Uint8Array;
  certificate: [] | [Uint8Array];
  witness: Uint8Array;
}

function told({ reply, round }: FederatedRequest): Told | undefined {
  const method = round === undefined ? 'model_info' : 'report';
  const [answer] = IDL.decode([returns(method)], reply)[0] as unknown as
    [] | [CertifiedReport | CertifiedModel];
  if (!answer) return undefined;
  const { certificate, witness } = answer;
  return { encoded: 'report' in answer ? answer.report : answer.encoded, certificate, witness };
}

/** The record that a reply holds, proved; nothing if the canister says that it has none. */
export async function verifyRecord(request: FederatedRequest): Promise<ProvedRecord | undefined> {
  const answer = told(request);
  if (!answer) return undefined;
  const { task, round, anchor, now } = request;
  const name =
    round === undefined ? `the model of task ${task}` : `the report of round ${round} of task ${task}`;
  const certificate = answer.certificate[0];
  if (!certificate) throw new VerificationError('certificate-missing', 'the reply has no certificate');
  const certified = await verifyCertificate(certificate, anchor);
  checkFreshness(certified.time, now);
  const path =
    round === undefined
      ? (['models', u64(task)] as const)
      : (['reports', concatBytes(u64(task), u32(round))] as const);
  const entry = await certifiedEntry(answer.witness, certified, path);
  if (typeof entry === 'string') {
    throw new VerificationError('record-not-shown', `the witness does not show ${name}`);
  }
  if (!equalBytes(sha256(answer.encoded), entry)) {
    throw new VerificationError(
      'record-altered',
      `${name} was altered: its bytes are not the certified ones`,
    );
  }
  checkSubject(answer.encoded, request, name);
  return {
    encoded: answer.encoded,
    hash: entry,
    certifiedData: certified.data,
    certifiedAt: certified.time,
    subnet: certified.subnet,
  };
}

/** What is certified must also be about what was asked. */
function checkSubject(encoded: Uint8Array, { task, round }: FederatedRequest, name: string): void {
  const record = round === undefined ? decodeModel(encoded) : decodeReport(encoded);
  if (record.task !== task || (round !== undefined && record.round !== round)) {
    throw new VerificationError(
      'record-altered',
      `this is not ${name}, but of round ${record.round} of task ${record.task}`,
    );
  }
}
