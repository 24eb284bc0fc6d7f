// Who controls a canister, from the network's certified state.
import { CanisterStatus } from '@icp-sdk/core/agent';
import { Principal } from '@icp-sdk/core/principal';
import { theAgent, CallFailed } from './agent';

/** The controllers' principals, as text. */
export async function getControllers(canister: string): Promise<string[]> {
  const id = Principal.fromText(canister);
  const status = await CanisterStatus.request({ agent: theAgent(), canisterId: id, paths: ['controllers'] });
  const controllers = status.get('controllers');
  if (!Array.isArray(controllers)) {
    throw new CallFailed('read_state', 'nothing-done', new Error('the state shows no controllers'));
  }
  return controllers.map((one) => String(one));
}
