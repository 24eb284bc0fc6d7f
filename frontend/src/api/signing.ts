// What is asked or changed in somebody's name: the part of the agent that signs, and that follows a call to its certified answer. It is
// loaded when somebody signs in, or with the first such call: most visitors only look.
import { Actor, AnonymousIdentity, HttpAgent, type Identity } from '@icp-sdk/core/agent';
import type { IDL } from '@icp-sdk/core/candid';
import { Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import { environment } from './environment';
import { NotDone } from './outcome';
import { certainlyNotDone } from './rejects';

const NOBODY = new AnonymousIdentity();
const agents = new WeakMap<Identity, { signed: HttpAgent; proving: HttpAgent }>();

function agentsOf(identity: Identity) {
  let found = agents.get(identity);
  if (!found) {
    const agent = (verifyQuerySignatures: boolean) =>
      HttpAgent.createSync({
        host: location.origin,
        rootKey: environment().rootKey,
        identity,
        retryTimes: 1,
        verifyQuerySignatures,
      });
    found = { signed: agent(true), proving: agent(false) };
    agents.set(identity, found);
  }
  return found;
}

/** Calls a method as this identity. Throws `NotDone` where it certainly was not carried out. */
export async function callAs(
  identity: Identity | undefined,
  canister: string,
  method: string,
  type: IDL.FuncClass,
  args: unknown[],
): Promise<unknown> {
  const canisterActor = Actor.createActor<Record<string, (...args: unknown[]) => Promise<unknown>>>(
    ({ IDL: idl }) => idl.Service({ [method]: type }),
    { agent: agentsOf(identity ?? NOBODY).signed, canisterId: canister },
  );
  try {
    return await canisterActor[method]?.(...args);
  } catch (error) {
    if (certainlyNotDone(error)) throw new NotDone(error);
    throw error;
  }
}

/** The reply to a query, as it came; it proves itself. */
export async function replyAs(
  identity: Identity,
  canister: string,
  method: string,
  arg: Uint8Array,
): Promise<Uint8Array> {
  const answer = await agentsOf(identity).proving.query(canister, { methodName: method, arg });
  if (!('reply' in answer)) throw new Error(answer.reject_message);
  return answer.reply.arg;
}

/** The identity of an Ed25519 key's seed. */
export const identityOfSeed = (seed: Uint8Array): Identity => Ed25519KeyIdentity.generate(seed);
