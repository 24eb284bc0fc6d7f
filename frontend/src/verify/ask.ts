// Questions that anybody may ask, put to canisters from the worker: whether a node of the subnet signed an answer takes pairings and
// signatures to find out, which would hold up the page.
import { AnonymousIdentity, CanisterStatus, HttpAgent } from '@icp-sdk/core/agent';
import { Principal } from '@icp-sdk/core/principal';
import type { AskRequest, ControllersRequest, Network, WorkAnswer } from './protocol';

const agents = new Map<string, HttpAgent>();

/** `signed`: only answers that a node of the canister's subnet signed. */
function agentOf({ host, rootKey }: Network, signed: boolean): HttpAgent {
  const name = `${host} ${signed}`;
  let agent = agents.get(name);
  if (!agent) {
    agent = HttpAgent.createSync({
      host,
      rootKey,
      identity: new AnonymousIdentity(),
      retryTimes: 1,
      verifyQuerySignatures: signed,
    });
    agents.set(name, agent);
  }
  return agent;
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Never throws. */
export async function ask({ network, canister, method, arg, signed }: AskRequest): Promise<WorkAnswer> {
  try {
    const answer = await agentOf(network, signed).query(canister, { methodName: method, arg });
    return 'reply' in answer
      ? { kind: 'replied', arg: answer.reply.arg }
      : { kind: 'unanswered', message: answer.reject_message };
  } catch (error) {
    return { kind: 'unanswered', message: words(error) };
  }
}

/** Who controls a canister, from the network's certified state. Never throws. */
export async function controllers({ network, canister }: ControllersRequest): Promise<WorkAnswer> {
  try {
    const status = await CanisterStatus.request({
      agent: agentOf(network, true),
      canisterId: Principal.fromText(canister),
      paths: ['controllers'],
    });
    const found = status.get('controllers');
    return Array.isArray(found)
      ? { kind: 'controllers', controllers: found.map((one) => String(one)) }
      : { kind: 'unanswered', message: 'the state shows no controllers' };
  } catch (error) {
    return { kind: 'unanswered', message: words(error) };
  }
}
