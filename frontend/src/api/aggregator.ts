// The federated aggregator. Every call to it is here.
import { Principal } from '@icp-sdk/core/principal';
import {
  idlFactory,
  type _SERVICE,
  type ModelVersion,
  type Participant,
  type RoundReport,
  type TaskInfo,
} from '@/bindings/federated_aggregator.did';
import { equalBytes } from '@/verify/bytes';
import { verifyInWorker } from '@/verify/client';
import { ContentHash, PIECE_BYTES } from '@/verify/content';
import { VerificationError } from '@/verify/error';
import { decodeChunk, decodeModel, decodeReport } from '@/verify/federated';
import type { ProvedRecord } from '@/verify/protocol';
import { actor, asked, askedResult, Refused, some } from './agent';
import { environment } from './environment';
import { legible } from '@/lib/text';
import { allPages, wholePage } from './pages';
import { failure, now, proving } from './proved';

export type {
  ClientReport,
  JoinRule,
  Layer,
  LineageStream,
  ModelSpec,
  ModelVersion,
  NamedLayer,
  Parameters,
  Participant,
  Reward,
  RoundOutcome,
  RoundReport,
  RoundRules,
  RoundState,
  RoundView,
  Scoring,
  Stage,
  Strategy,
  TaskAudit,
  TaskInfo,
} from '@/bindings/federated_aggregator.did';

const CLIENTS_PER_PAGE = 100;
const MOST_CLIENTS = 1_000;

/** The canister's id; throws where there is none. */
export function aggregator(): string {
  const id = environment().aggregator;
  if (!id) throw new Error('no federated tasks run on this network');
  return id;
}

let made: _SERVICE | undefined;
function canister() {
  made ??= actor(idlFactory, aggregator()) as _SERVICE;
  return made;
}

/** What an owner wrote, to be shown. */
const readable = (task: TaskInfo): TaskInfo => ({
  ...task,
  args: { ...task.args, name: legible(task.args.name) },
});

export async function listTasks(): Promise<TaskInfo[]> {
  const all = await allPages(
    (after) => asked('tasks', canister().tasks(wholePage(after))),
    (task) => task.id,
  );
  return all.map(readable);
}

export async function getTask(task: bigint): Promise<TaskInfo | undefined> {
  const [info] = await asked('task', canister().task(task));
  return info && readable(info);
}
export const getRound = async (task: bigint, round: number) =>
  (await asked('round', canister().round({ task, round })))[0];
export const getTaskAudit = async (task: bigint) => (await asked('audit', canister().audit(task)))[0];

export const getParticipants = (task: bigint): Promise<Participant[]> =>
  allPages<Participant, Principal>(
    (after) =>
      asked(
        'participants',
        canister().participants({ task, start_after: some(after), limit: some(CLIENTS_PER_PAGE) }),
      ),
    ({ client }) => client,
    MOST_CLIENTS,
  );

/** What the model in force makes of one sample. One replica answers, and proves nothing. */
export async function predict(task: bigint, inputs: readonly number[]): Promise<number[]> {
  return [...(await askedResult('predict', canister().predict({ task, inputs: [...inputs] })))];
}

export const getAggregatorParameters = () => asked('parameters', canister().parameters());
export const getAggregatorQuarantined = () =>
  asked('quarantined_payments', canister().quarantined_payments(wholePage(undefined)));

const { ask, anchor } = proving(idlFactory, aggregator);

/** A record proved to the network's root key, with the proof. */
export interface Proved<T> {
  value: T;
  proof: ProvedRecord;
}

async function proved<T>(
  task: bigint,
  round: number | undefined,
  reply: Uint8Array,
  decode: (encoded: Uint8Array) => T,
): Promise<Proved<T> | undefined> {
  const answer = await verifyInWorker({
    kind: 'federated',
    anchor: anchor(),
    task,
    round,
    reply,
    now: now(),
  });
  if (answer.kind !== 'record') throw failure(answer);
  return answer.record && { value: decode(answer.record.encoded), proof: answer.record };
}

/** A round's report, verified in the worker; nothing if there is none. Throws `VerificationError`. */
export async function getReport(task: bigint, round: number): Promise<Proved<RoundReport> | undefined> {
  return proved(task, round, await ask('report', [{ task, round }]), decodeReport);
}

/** The model in force, verified in the worker; nothing before the first. Throws `VerificationError`. */
export async function getModel(task: bigint): Promise<Proved<ModelVersion> | undefined> {
  return proved(task, undefined, await ask('model_info', [task]), decodeModel);
}

export interface Downloaded {
  model: ModelVersion;
  /** The safetensors file, in pieces. */
  pieces: Uint8Array[];
}

const NEW_VERSIONS = 5;

/**
 * The model in force as a safetensors file, each piece against the certified content hash; nothing before the first. A version that
 * is replaced meanwhile is begun anew.
 */
export async function downloadModel(
  task: bigint,
  onProgress: (bytes: number, of: number) => void,
  signal: AbortSignal,
): Promise<Downloaded | undefined> {
  for (let left = NEW_VERSIONS; ; left -= 1) {
    const info = await getModel(task);
    if (!info) return undefined;
    try {
      const pieces = await downloadVersion(info.value, onProgress, signal);
      return { model: info.value, pieces };
    } catch (error) {
      if (left === 0 || !(error instanceof Refused && 'VersionGone' in error.error)) throw error;
    }
  }
}

async function downloadVersion(
  { task, version, bytes, hash }: ModelVersion,
  onProgress: (bytes: number, of: number) => void,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const content = new ContentHash();
  const pieces: Uint8Array[] = [];
  const total = Number(bytes);
  for (let offset = 0; offset < total; offset += PIECE_BYTES) {
    signal.throwIfAborted();
    const answer = decodeChunk(await ask('model_chunk', [{ task, version, offset: BigInt(offset) }]));
    if ('Err' in answer) throw new Refused('model_chunk', answer.Err);
    const piece = answer.Ok.bytes;
    if (piece.length !== Math.min(PIECE_BYTES, total - offset)) {
      throw new VerificationError('content-altered', `a piece of the model has ${piece.length} bytes`);
    }
    await content.push(piece);
    pieces.push(piece);
    onProgress(offset + piece.length, total);
  }
  if (!equalBytes(content.root(), hash)) {
    throw new VerificationError(
      'content-altered',
      'the model was altered on its way: its content hash is not the certified one',
    );
  }
  return pieces;
}
