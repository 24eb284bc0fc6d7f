// Queries whose replies prove themselves: they go to the worker as they came, to be decoded and verified there.
import { IDL } from '@icp-sdk/core/candid';
import type { Anchor } from '@/verify/certificate';
import { VerificationError } from '@/verify/error';
import type { WorkAnswer } from '@/verify/protocol';
import { CallFailed, theProvingAgent } from './agent';
import { environment } from './environment';

/** The time that certificates are compared with, ns since the Unix epoch. */
export const now = () => BigInt(Date.now()) * 1_000_000n;

/** How one canister is asked, and to whom its answers are proved. */
export function proving(factory: (types: { IDL: typeof IDL }) => IDL.ServiceClass, canister: () => string) {
  const service = factory({ IDL });
  return {
    /** A query's reply as it came. */
    ask: async (method: string, values: unknown[]): Promise<Uint8Array> => {
      try {
        const types = service._fields.find(([name]) => name === method)?.[1].argTypes ?? [];
        const answer = await theProvingAgent().query(canister(), {
          methodName: method,
          arg: IDL.encode(types, values),
        });
        if (!('reply' in answer)) throw new Error(answer.reject_message);
        return answer.reply.arg;
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
