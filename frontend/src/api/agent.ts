// The one agent of the page, and what calling a canister can come to.
import {
  Actor,
  AgentError,
  AnonymousIdentity,
  HttpAgent,
  RejectError,
  type ActorSubclass,
  type Identity,
} from '@icp-sdk/core/agent';
import type { IDL } from '@icp-sdk/core/candid';
import { environment } from './environment';

const identified = (verifyQuerySignatures: boolean) =>
  HttpAgent.createSync({
    host: location.origin,
    rootKey: environment().rootKey,
    identity: new AnonymousIdentity(),
    retryTimes: 1,
    verifyQuerySignatures,
  });

let agent: HttpAgent | undefined;
let proving: HttpAgent | undefined;

export function theAgent(): HttpAgent {
  agent ??= identified(true);
  return agent;
}

/**
 * For queries whose replies carry their own proof up to the root key: what a node signed adds nothing to that, and a reply that was altered
 * is to be refused with the reason.
 */
export function theProvingAgent(): HttpAgent {
  proving ??= identified(false);
  return proving;
}

/** From now on calls are made as this identity. */
export function actAs(identity: Identity): void {
  theAgent().replaceIdentity(identity);
  theProvingAgent().replaceIdentity(identity);
}

export function actor<T>(
  factory: IDL.InterfaceFactory | ((arg: never) => IDL.ServiceClass),
  canisterId: string,
): ActorSubclass<T> {
  return Actor.createActor<T>(factory as IDL.InterfaceFactory, { agent: theAgent(), canisterId });
}

/** The canister answered, and the answer is no. */
export class Refused<E extends object = Record<string, unknown>> extends Error {
  readonly error: E;
  readonly method: string;

  constructor(method: string, error: E) {
    super(`${method}: ${Object.keys(error).join()}`);
    this.name = 'Refused';
    this.method = method;
    this.error = error;
  }
}

/** No answer of the canister's own. */
export class CallFailed extends Error {
  /** `nothing-done`: it was certainly not executed. `unknown`: it may have been. */
  readonly outcome: 'nothing-done' | 'unknown';

  constructor(method: string, outcome: 'nothing-done' | 'unknown', cause: unknown) {
    super(`${method}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'CallFailed';
    this.outcome = outcome;
  }
}

async function called<T>(method: string, call: Promise<T>, changes: boolean): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const certain = !changes || (error instanceof AgentError && error instanceof RejectError);
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
export async function changed<T>(method: string, call: Promise<{ Ok: T } | { Err: object }>): Promise<T> {
  return unwrap(method, await called(method, call, true));
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
