// Who controls a canister, from the network's certified state.
import { askInWorker } from '@/verify/client';
import { CallFailed, network } from './agent';

/** The controllers' principals, as text. */
export async function getControllers(canister: string): Promise<string[]> {
  const answer = await askInWorker({ kind: 'controllers', network: network(), canister });
  if (answer.kind === 'controllers') return answer.controllers;
  const why = answer.kind === 'unanswered' ? answer.message : `the worker answered ${answer.kind}`;
  throw new CallFailed('read_state', 'nothing-done', new Error(why));
}
