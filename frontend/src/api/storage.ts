// What storing costs, and the prepaid balance that pays for it, at the stream registry. Reads are certified: money follows them. Only pages
// that need it load this.
import { IDL } from '@icp-sdk/core/candid';
import type { Principal } from '@icp-sdk/core/principal';
import {
  idlFactory,
  type _SERVICE,
  type CreateStreamArgs,
  type StorageQuoteArgs,
  type TopUpArgs,
  type WithdrawArgs,
} from '@/bindings/stream_registry.did';
import { fromHex, toHex } from '@/verify/bytes';
import { actor, asked, askedResult, certifiedActor, changed, NotAsAsked } from './agent';
import { environment } from './environment';

export type {
  PrepaidBalance,
  StoragePrice,
  StorageQuote,
  StorageQuoteArgs,
  StorageState,
  StreamStorage,
  TopUpArgs,
  TopUpError,
  WithdrawArgs,
  WithdrawError,
} from '@/bindings/stream_registry.did';

const registry = () => actor(idlFactory, environment().registry) as _SERVICE;
const certified = () => certifiedActor(idlFactory, environment().registry) as _SERVICE;

/** The parameters in force, storage prices among them. */
export const getCertifiedParameters = () => asked('parameters', certified().parameters());

/** What a step costs whoever is signed in. */
export const getCertifiedStorageQuote = (args: StorageQuoteArgs) =>
  askedResult('storage_quote', certified().storage_quote(args));

/** The prepaid balance of whoever is signed in. */
export const getCertifiedPrepaid = (ledger: Principal) => asked('balance', certified().balance(ledger));

/** A stream's storage; nothing where none is entered yet, or there is no such stream. */
export async function getCertifiedStorage(stream: bigint) {
  const [info] = await asked('stream', certified().stream(stream));
  if (info && info.id !== stream) {
    throw new NotAsAsked(`Stream ${stream} was asked for, and the answer is about stream ${info.id}.`);
  }
  return info?.storage[0];
}

export const topUp = (args: TopUpArgs) => changed('top_up', () => registry().top_up(args));
export const withdraw = (args: WithdrawArgs) => changed('withdraw', () => registry().withdraw(args));
/** Pays a stream's payloads until then from the owner's balance. A time that is paid already changes nothing. */
export const extendStorage = (stream: bigint, until: bigint) =>
  changed('extend_storage', () => registry().extend_storage({ stream, until }));
/** Drops a closed stream's payloads for good. */
export const dropPayloads = (stream: bigint) =>
  changed('drop_payloads', () => registry().drop_payloads(stream));

function createTypes(): IDL.Type[] {
  const method = idlFactory({ IDL })._fields.find(([name]) => name === 'create_stream')?.[1];
  if (!method) throw new Error('the interface has no create_stream');
  return method.argTypes;
}

/** The arguments of `create_stream` as a text from which the very same come back: Candid, in hexadecimal digits. */
export const createArgsText = (args: CreateStreamArgs): string =>
  toHex(new Uint8Array(IDL.encode(createTypes(), [args])));
/** Throws where the text is none. */
export const createArgsOf = (text: string): CreateStreamArgs =>
  IDL.decode(createTypes(), fromHex(text))[0] as unknown as CreateStreamArgs;
