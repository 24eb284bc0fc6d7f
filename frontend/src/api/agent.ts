// How the page calls canisters. What anybody may ask goes through the worker, unsigned; what is asked or changed in somebody's name is
// signed, by the part of the agent that is loaded for it.
import { IDL } from '@icp-sdk/core/candid';
import type { Identity } from '@icp-sdk/core/agent';
import { pause } from '@/lib/pause';
import { askInWorker } from '@/verify/client';
import type { Network, WorkAnswer } from '@/verify/protocol';
import { environment } from './environment';
import { CallFailed, NotDone, Refused, SessionEnded } from './outcome';

export { CallFailed, NotAsAsked, NotDone, Refused, SessionEnded } from './outcome';

let signing: Promise<typeof import('./signing')> | undefined;

/** Loads what signs. */
export function loadSigning(): Promise<typeof import('./signing')> {
  signing ??= import('./signing').catch((error: unknown) => {
    signing = undefined;
    throw new NotDone(error);
  });
  return signing;
}

let acting: Identity | undefined;
let ended = false;

/** From now on calls are made as this identity; as nobody if there is none. */
export function actAs(identity: Identity | undefined): void {
  ended = false;
  acting = identity;
  // If this fails, the call that needs it says so.
  if (identity) loadSigning().catch(() => undefined);
}

/** The session has run out: what is public can still be read, and nothing is sent that needs somebody to be signed in. */
export function endSession(): void {
  ended = true;
  acting = undefined;
}

export const sessionHasEnded = (): boolean => ended;

/** Who acts; nobody while not signed in. */
export const actingIdentity = (): Identity | undefined => acting;

export const network = (): Network => ({ host: location.origin, rootKey: environment().rootKey });

/** What a worker's answer to `ask` holds. */
export function replyOf(answer: WorkAnswer): Uint8Array {
  if (answer.kind === 'replied') return answer.arg;
  throw new Error(answer.kind === 'unanswered' ? answer.message : `the worker answered ${answer.kind}`);
}

async function query(
  canister: string,
  method: string,
  type: IDL.FuncClass,
  args: unknown[],
): Promise<unknown> {
  // A page asks for many things as it is opened: each in its turn, so that the browser can draw and answer in between.
  await pause();
  const arg = IDL.encode(type.argTypes, args);
  const reply = replyOf(
    await askInWorker({ kind: 'ask', network: network(), canister, method, arg, signed: true }),
  );
  const values = IDL.decode(type.retTypes, reply);
  return values.length > 1 ? values : values[0];
}

async function signed(
  canister: string,
  method: string,
  type: IDL.FuncClass,
  args: unknown[],
): Promise<unknown> {
  // Whose call it is, is settled when it is made.
  const identity = acting;
  return (await loadSigning()).callAs(identity, canister, method, type, args);
}

/** A canister's methods, each as its generated interface has it. `asCaller` names the queries whose answer depends on who asks. */
export function actor(
  factory: (types: { IDL: typeof IDL }) => IDL.ServiceClass,
  canister: string,
  asCaller: readonly string[] = [],
): object {
  const methods = factory({ IDL })._fields.map(([method, type]) => {
    const open = type.annotations.includes('query') && !asCaller.includes(method);
    const call = open ? query : signed;
    return [method, (...args: unknown[]) => call(canister, method, type, args)] as const;
  });
  return Object.fromEntries(methods);
}

/**
 * The same queries, answered by the whole subnet instead of one of its nodes: each is called as an update, whose answer is certified. It
 * takes seconds; for what money follows.
 */
export function certifiedActor(
  factory: (types: { IDL: typeof IDL }) => IDL.ServiceClass,
  canister: string,
): object {
  const methods = factory({ IDL })._fields.map(([method, type]) => {
    const update = IDL.Func(type.argTypes, type.retTypes, []);
    const ask = async (...args: unknown[]) => {
      // Nobody is there any more for whom to ask.
      if (ended) throw new SessionEnded(method);
      return signed(canister, method, update, args);
    };
    return [method, ask] as const;
  });
  return Object.fromEntries(methods);
}

async function called<T>(method: string, call: Promise<T>, changes: boolean): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof SessionEnded) throw error;
    const certain = !changes || error instanceof NotDone;
    throw new CallFailed(method, certain ? 'nothing-done' : 'unknown', error);
  }
}

/** The answer of a query. */
export const asked = <T>(method: string, call: Promise<T>): Promise<T> => called(method, call, false);

/** The answer of a query that may refuse. */
export async function askedResult<T>(method: string, call: Promise<{ Ok: T } | { Err: object }>): Promise<T> {
  return unwrap(method, await called(method, call, false));
}

/** The answer of a call that changes something. */
export async function changed<T>(
  method: string,
  call: () => Promise<{ Ok: T } | { Err: object }>,
): Promise<T> {
  if (ended) throw new SessionEnded(method);
  return unwrap(method, await called(method, call(), true));
}

function unwrap<T>(method: string, result: { Ok: T } | { Err: object }): T {
  if ('Ok' in result) return result.Ok;
  throw new Refused(method, result.Err);
}

/** The value of a Candid `opt`. */
export function opt<T>(value: [] | [T]): T | undefined {
  return value[0];
}

/** A Candid `opt` of a value. */
export function some<T>(value: T | undefined): [] | [T] {
  return value === undefined ? [] : [value];
}
