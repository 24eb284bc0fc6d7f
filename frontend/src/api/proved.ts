// Queries whose replies prove themselves: they go to the worker as they came, to be decoded and verified there.
import { IDL } from '@icp-sdk/core/candid';
import type { Anchor } from '@/verify/certificate';
import { askInWorker } from '@/verify/client';
import { VerificationError } from '@/verify/error';
import type { WorkAnswer } from '@/verify/protocol';
import { actingIdentity, CallFailed, loadSigning, network, replyOf } from './agent';
import { environment } from './environment';

/** The time that certificates are compared with, ns since the Unix epoch. */
export const now = () => BigInt(Date.now()) * 1_000_000n;

/**
 * How one canister is asked, and to whom its answers are proved. What a node signed adds nothing to that, and a reply that was altered is
 * to be refused with the reason: so nodes' signatures are not looked at.
 */
export function proving(factory: (types: { IDL: typeof IDL }) => IDL.ServiceClass, canister: () => string) {
  let service: IDL.ServiceClass | undefined;
  return {
    /** A query's reply as it came; asked for by who is signed in, where it depends on who asks. */
    ask: async (method: string, values: unknown[], asCaller = false): Promise<Uint8Array> => {
      try {
        service ??= factory({ IDL });
        const types = service._fields.find(([name]) => name === method)?.[1].argTypes ?? [];
        const arg = IDL.encode(types, values);
        const identity = asCaller ? actingIdentity() : undefined;
        if (identity) return await (await loadSigning()).replyAs(identity, canister(), method, arg);
        const question = { network: network(), canister: canister(), method, arg, signed: false };
        return replyOf(await askInWorker({ kind: 'ask', ...question }));
      } catch (error) {
        throw new CallFailed(method, 'nothing-done', error);
      }
    },
    anchor: (): Anchor => ({ rootKey: environment().rootKey, canister: canister() }),
  };
}

/** Why the worker did not answer what was asked for. */
export function failure(answer: WorkAnswer): Error {
  return answer.kind === 'failed'
    ? new VerificationError(answer.code, answer.message)
    : new Error(`the verifier answered ${answer.kind}`);
}
