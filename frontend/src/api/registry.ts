// The stream registry. Every call to it is here.
import { Principal } from '@icp-sdk/core/principal';
import {
  idlFactory,
  type _SERVICE,
  type Account,
  type AddPlanArgs,
  type AppendArgs,
  type BuyArgs,
  type ContributorInfo,
  type ContributorRevenue,
  type CreateStreamArgs,
  type DayOfIncome,
  type Licence,
  type NewContributor,
  type Payee,
  type Plan,
  type ProofError,
  type Pulled,
  type Publisher,
  type PullError,
  type StreamInfo,
} from '@/bindings/stream_registry.did';
import { verifyInWorker } from '@/verify/client';
import type { Leaf } from '@/verify/leaf';
import type { VerifiedLicence, VerifiedPull } from '@/verify/protocol';
import type { StoredHeld } from '@/verify/stored';
import { mayBeLagging, VerificationError } from '@/verify/error';
import {
  actor,
  asked,
  askedResult,
  certifiedActor,
  changed,
  NotAsAsked,
  Refused,
  sessionHasEnded,
  SessionEnded,
  some,
} from './agent';
import { environment } from './environment';
import { legible } from '@/lib/text';
import { allPages, wholePage } from './pages';
import { failure, now, proving } from './proved';

export type {
  Account,
  AppendArgs,
  AppendError,
  Appended,
  AssetListing,
  Audit,
  Balance,
  BuyArgs,
  BuyError,
  Claimed,
  ClaimError,
  ContributorInfo,
  ContributorRevenue,
  CreateStreamArgs,
  DayOfIncome,
  Licence,
  LicenceTerms,
  NewChunk,
  NewContributor,
  Parameters,
  Payee,
  Plan,
  PlanKind,
  PullError,
  Publisher,
  Quote,
  QuoteError,
  StreamError,
  StreamInfo,
  StreamRevenue,
} from '@/bindings/stream_registry.did';

let made: _SERVICE | undefined;
function registry() {
  made ??= actor(idlFactory, environment().registry) as _SERVICE;
  return made;
}

/** What a provider wrote, to be shown. Terms of use stay as they are, since they are hashed. */
const readable = (info: StreamInfo): StreamInfo => ({
  ...info,
  name: legible(info.name),
  description: legible(info.description),
  tags: info.tags.map(legible),
});

export async function listStreams(): Promise<StreamInfo[]> {
  const all = await allPages(
    (after) => asked('list_streams', registry().list_streams(wholePage(after))),
    (stream) => stream.id,
  );
  return all.map(readable);
}

export async function getStream(stream: bigint): Promise<StreamInfo | undefined> {
  const [info] = await asked('stream', registry().stream(stream));
  if (info && info.id !== stream) {
    throw new NotAsAsked(`Stream ${stream} was asked for, and the answer is about stream ${info.id}.`);
  }
  return info && readable(info);
}

export async function getPlans(stream: bigint): Promise<Plan[]> {
  const plans = await asked('plans', registry().plans(stream));
  const other = plans.find((plan) => plan.stream !== stream);
  if (other) {
    throw new NotAsAsked(
      `The plans of stream ${stream} were asked for, and one in the answer is of stream ${other.stream}.`,
    );
  }
  return plans.map((plan) => ({ ...plan, name: legible(plan.name) }));
}

export const getContributors = (stream: bigint): Promise<ContributorInfo[]> =>
  allPages(
    (after) => asked('contributors', registry().contributors(stream, wholePage(after))),
    (contributor) => BigInt(contributor.number),
  );

export const getStreamRevenue = async (stream: bigint, ledger: Principal) =>
  (await asked('stream_revenue', registry().stream_revenue({ stream, ledger })))[0];

const MOST_DAYS = 3_660;

/** Income day by day, oldest first: days without a sale are left out. `since` counts days from 1970-01-01. */
export const getStreamIncome = (stream: bigint, ledger: Principal, since?: bigint): Promise<DayOfIncome[]> =>
  allPages(
    (after) =>
      asked(
        'stream_income',
        registry().stream_income({
          stream,
          ledger,
          page: wholePage(after ?? (since && since > 0n ? since - 1n : undefined)),
        }),
      ),
    ({ day }) => day,
    MOST_DAYS,
  );

export const getContributorRevenue = (stream: bigint, ledger: Principal): Promise<ContributorRevenue[]> =>
  allPages(
    (after) =>
      asked(
        'contributor_revenue',
        registry().contributor_revenue({ stream, ledger, page: wholePage(after) }),
      ),
    (contributor) => BigInt(contributor.number),
  );

export const getParameters = () => asked('parameters', registry().parameters());
export const getAudit = async (ledger: Principal) => (await asked('audit', registry().audit(ledger)))[0];
export const getTreasuryBalance = (ledger: Principal) =>
  asked('treasury_balance', registry().treasury_balance(ledger));
export const getQuarantined = () =>
  asked('quarantined_payments', registry().quarantined_payments(wholePage(undefined)));
export const getPublishers = (stream: bigint) => asked('publishers', registry().publishers(stream));

export const getLicences = (owner: Principal): Promise<Licence[]> =>
  allPages(
    (after) => asked('licences_of', registry().licences_of({ owner, page: wholePage(after) })),
    (licence) => licence.id,
  );

export const getQuote = (plan: bigint, ledger: Principal | undefined) =>
  askedResult('quote', registry().quote({ plan, ledger: some(ledger) }));

/** The same, certified: asked before anything is paid. */
export const getCertifiedQuote = (plan: bigint, ledger: Principal | undefined) =>
  askedResult(
    'quote',
    (certifiedActor(idlFactory, environment().registry) as _SERVICE).quote({ plan, ledger: some(ledger) }),
  );

export const buy = (args: BuyArgs) => changed('buy', () => registry().buy(args));
export const createStream = (args: CreateStreamArgs) =>
  changed('create_stream', () => registry().create_stream(args));
export const addPlan = (args: AddPlanArgs) => changed('add_plan', () => registry().add_plan(args));
export const retirePlan = (stream: bigint, plan: bigint) =>
  changed('retire_plan', () => registry().retire_plan({ stream, plan }));
export const addContributors = (stream: bigint, contributors: NewContributor[]) =>
  changed('add_contributors', () => registry().add_contributors({ stream, contributors }));
/** Where a contributor without an account is paid; by the stream's owner, once. */
export const bindContributorAccount = (stream: bigint, contributor: number, account: Account) =>
  changed('bind_contributor_account', () =>
    registry().bind_contributor_account({ stream, contributor, account }),
  );
/** Where a contributor is paid from now on; by the owner of the account that it has. */
export const changeContributorAccount = (stream: bigint, contributor: number, account: Account) =>
  changed('change_contributor_account', () =>
    registry().change_contributor_account({ stream, contributor, account }),
  );
/** Lets somebody append, for ever or until a time. */
export const setPublisher = (stream: bigint, publisher: Publisher) =>
  changed('set_publisher', () => registry().set_publisher({ stream, publisher }));
export const removePublisher = (stream: bigint, principal: Principal) =>
  changed('remove_publisher', () => registry().remove_publisher({ stream, principal }));
export const append = (args: AppendArgs) => changed('append', () => registry().append(args));
export const closeStream = (stream: bigint) => changed('close_stream', () => registry().close_stream(stream));
export const claim = (stream: bigint, ledger: Principal, payee: Payee) =>
  changed('claim', () => registry().claim({ stream, ledger, payee }));

/** The registry's own account, which buyers approve. */
export const registryAccount = () => ({
  owner: Principal.fromText(environment().registry),
  subaccount: [] as [],
});

const { ask, anchor } = proving(idlFactory, () => environment().registry);

export interface PullOptions {
  stream: bigint;
  from: bigint;
  maxBytes?: bigint;
  licence?: bigint;
  held: StoredHeld | undefined;
}

const LAGGING_RETRIES = 3;
const LAGGING_PAUSE_MS = 1_000;

/** Chunks, verified to the network's root key in the worker. Throws `VerificationError`, and then nothing came. */
export async function pull(options: PullOptions): Promise<VerifiedPull> {
  for (let retries = LAGGING_RETRIES; ; retries -= 1) {
    try {
      return await pullOnce(options);
    } catch (error) {
      if (!(error instanceof VerificationError && mayBeLagging(error.code)) || retries === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, LAGGING_PAUSE_MS));
    }
  }
}

async function pullOnce({ stream, from, maxBytes, licence, held }: PullOptions): Promise<VerifiedPull> {
  // A licence is for whom it belongs to.
  if (licence !== undefined && sessionHasEnded()) throw new SessionEnded('pull');
  const withLeft = from !== 0n && held?.end !== String(from);
  const reply = await ask(
    'pull',
    [{ stream, from, max_bytes: some(maxBytes), licence: some(licence), with_left_frontier: withLeft }],
    licence !== undefined,
  );
  const request = {
    kind: 'pull',
    anchor: anchor(),
    stream,
    from,
    withLeft,
    reply,
    held,
    now: now(),
  } as const;
  let answer = await verifyInWorker({ ...request, consistency: undefined });
  if (answer.kind === 'needs-consistency') {
    const { first, second } = answer;
    const consistency = await ask('consistency_proof', [{ stream, first, second: [second] }]);
    answer = await verifyInWorker({ ...request, consistency });
  }
  if (answer.kind === 'pulled') return answer.pulled;
  if (answer.kind === 'refused') throw new Refused<PullError>('pull', answer.error);
  throw failure(answer);
}

/** A chunk's leaf, proved in the worker to lie in the stream's certified log; asked for again while a node has not got it yet. */
export async function getProvedLeaf(stream: bigint, sequence: bigint): Promise<Leaf> {
  for (let retries = LAGGING_RETRIES; ; retries -= 1) {
    const reply = await ask('inclusion_proof', [{ stream, sequence, tree_size: [] }]);
    const answer = await verifyInWorker({
      kind: 'leaf',
      anchor: anchor(),
      stream,
      sequence,
      reply,
      now: now(),
    });
    if (answer.kind === 'leaf') return answer.leaf;
    if (answer.kind !== 'unproved') throw failure(answer);
    if (retries === 0) throw new Refused<ProofError>('inclusion_proof', answer.error);
    await new Promise((resolve) => setTimeout(resolve, LAGGING_PAUSE_MS));
  }
}

/** A licence as it is certified; nothing if it is certified that there is none. */
export async function getVerifiedLicence(licence: bigint): Promise<VerifiedLicence> {
  const reply = await ask('licence', [licence]);
  const answer = await verifyInWorker({ kind: 'licence', anchor: anchor(), licence, reply, now: now() });
  if (answer.kind === 'licence') return answer.licence;
  throw failure(answer);
}

export type { Pulled };
