// Any listed ledger, by the ICRC standards. Every call to one is here.
import { IDL } from '@icp-sdk/core/candid';
import type { Principal } from '@icp-sdk/core/principal';
import {
  idlFactory,
  type _SERVICE,
  type Account,
  type ApproveArgs,
  type TransferArg,
} from '@/bindings/icrc_ledger.did';
import { fromHex } from '@/verify/bytes';
import { actor, asked, askedResult, certifiedActor, changed, loadSigning } from './agent';
import { environment } from './environment';

export type {
  AllowanceEntry,
  ApproveArgs,
  ApproveError,
  Transaction,
  TransferArg,
  TransferError,
} from '@/bindings/icrc_ledger.did';

const made = new Map<string, _SERVICE>();
function ledger(id: string) {
  let found = made.get(id);
  if (!found) {
    // Allowances are told to whom they are given by.
    found = actor(idlFactory, id, ['icrc103_get_allowances']) as _SERVICE;
    made.set(id, found);
  }
  return found;
}

export interface Asset {
  ledger: string;
  symbol: string;
  decimals: number;
  fee: bigint;
}

/** A ledger's symbol, decimal places and fee, as one node has them: to be looked at. */
export const getAsset = (id: string): Promise<Asset> => assetOf(id, ledger(id));

/** The same, certified: what amounts are read and written in where money is sent. */
export const getCertifiedAsset = (id: string): Promise<Asset> =>
  assetOf(id, certifiedActor(idlFactory, id) as _SERVICE);

async function assetOf(id: string, service: _SERVICE): Promise<Asset> {
  const [symbol, decimals, fee] = await Promise.all([
    asked('icrc1_symbol', service.icrc1_symbol()),
    asked('icrc1_decimals', service.icrc1_decimals()),
    asked('icrc1_fee', service.icrc1_fee()),
  ]);
  return { ledger: id, symbol, decimals, fee };
}

export const getBalance = (id: string, account: Account) =>
  asked('icrc1_balance_of', ledger(id).icrc1_balance_of(account));
export const getTotalSupply = (id: string) => asked('icrc1_total_supply', ledger(id).icrc1_total_supply());
export const getMintingAccount = async (id: string) =>
  (await asked('icrc1_minting_account', ledger(id).icrc1_minting_account()))[0];
export const getAllowance = (id: string, account: Account, spender: Account) =>
  asked('icrc2_allowance', ledger(id).icrc2_allowance({ account, spender }));
export const transfer = (id: string, args: TransferArg) =>
  changed('icrc1_transfer', () => ledger(id).icrc1_transfer(args));
export const approve = (id: string, args: ApproveArgs) =>
  changed('icrc2_approve', () => ledger(id).icrc2_approve(args));

/** The names of the standards that a ledger says it supports, for example `ICRC-103`. */
export async function getStandards(id: string): Promise<string[]> {
  const standards = await asked('icrc10_supported_standards', ledger(id).icrc10_supported_standards());
  return standards.map(({ name }) => name);
}

/** ICRC-103. */
export const getAllowances = (id: string, account: Account) =>
  askedResult(
    'icrc103_get_allowances',
    ledger(id).icrc103_get_allowances({ from_account: [account], prev_spender: [], take: [100n] }),
  );

/** Where a ledger's index canister is, if it says so (ICRC-106); it may be the ledger itself. */
export async function getIndex(id: string): Promise<string | undefined> {
  if (!(await getStandards(id)).includes('ICRC-106')) return undefined;
  const metadata = await asked('icrc1_metadata', ledger(id).icrc1_metadata());
  const value = metadata.find(([key]) => key === 'icrc106:index_principal')?.[1];
  return value && 'Text' in value ? value.Text : undefined;
}

/** An account's latest transactions, newest first, from an index canister; `before` continues a list. */
export const getTransactions = (id: string, account: Account, before?: bigint) =>
  askedResult(
    'get_account_transactions',
    ledger(id).get_account_transactions({
      account,
      start: before === undefined ? [] : [before],
      max_results: 50n,
    }),
  );

/**
 * Sends test tokens from the account whose key the local network made public. The key is no secret, and there is none on any
 * other network.
 */
export async function askFaucet(to: Principal, amount: bigint): Promise<bigint> {
  const { faucetSeed, ledger: id } = environment();
  if (!faucetSeed) throw new Error('this network has no faucet');
  const type = idlFactory({ IDL })._fields.find(([name]) => name === 'icrc1_transfer')?.[1];
  if (!type) throw new Error('the interface has no icrc1_transfer');
  const transferred: TransferArg = {
    to: { owner: to, subaccount: [] },
    amount,
    fee: [],
    memo: [],
    from_subaccount: [],
    created_at_time: [BigInt(Date.now()) * 1_000_000n],
  };
  return changed('icrc1_transfer', async () => {
    const { callAs, identityOfSeed } = await loadSigning();
    const faucet = identityOfSeed(fromHex(faucetSeed));
    return (await callAs(faucet, id, 'icrc1_transfer', type, [transferred])) as Awaited<
      ReturnType<_SERVICE['icrc1_transfer']>
    >;
  });
}
