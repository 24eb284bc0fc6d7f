// What pages read of storage, certified by the whole subnet: each is an update call of seconds, so none is asked again by a clock.
import { queryOptions } from '@tanstack/react-query';
import { Principal } from '@icp-sdk/core/principal';
import { NotAsAsked } from '@/api/agent';
import { getAllowance } from '@/api/ledger';
import { registryAccount } from '@/api/registry';
import * as storage from '@/api/storage';
import { defaultAccount } from '@/lib/account';
import { checkedStorageQuote } from './quote';

const KEPT_MS = 60_000;

export const storagePricesQuery = queryOptions({
  queryKey: ['certified-storage-prices'],
  queryFn: async () => (await storage.getCertifiedParameters()).storage_prices[0] ?? [],
  staleTime: KEPT_MS,
});

/** What a new stream costs its owner, who is signed in. */
export const newStreamQuoteQuery = (owner: Principal, ledger: string, contributors: number) =>
  queryOptions({
    queryKey: ['new-stream-quote', owner.toText(), ledger, contributors],
    queryFn: async () => {
      const asset = Principal.fromText(ledger);
      const asked = { ledger: asset, stream: [] as [], contributors, chunks: 0n, bytes: 0n };
      return checkedStorageQuote(await storage.getCertifiedStorageQuote(asked), ledger);
    },
    staleTime: KEPT_MS,
  });

/** What a stream's owner pays for chunks to be appended; in the asset in which the stream pays. */
export const appendQuoteQuery = (stream: bigint, ledger: string, chunks: bigint, bytes: bigint) =>
  queryOptions({
    queryKey: ['append-quote', String(stream), ledger, String(chunks), String(bytes)],
    queryFn: async () =>
      checkedStorageQuote(
        await storage.getCertifiedStorageQuote({
          ledger: Principal.fromText(ledger),
          stream: [stream],
          contributors: 0,
          chunks,
          bytes,
        }),
        ledger,
      ),
    staleTime: KEPT_MS,
  });

/** The prepaid balance of the owner, who is signed in. Throws where its parts do not sum up. */
export const prepaidQuery = (owner: Principal, ledger: string) =>
  queryOptions({
    queryKey: ['prepaid', owner.toText(), ledger],
    queryFn: async () => {
      const told = await storage.getCertifiedPrepaid(Principal.fromText(ledger));
      if (told.topped_up !== told.free + told.set_aside + told.charged + told.withdrawing + told.withdrawn) {
        throw new NotAsAsked('The parts of the balance in the answer do not sum up.');
      }
      return told;
    },
    staleTime: KEPT_MS,
  });

/** What the registry may take from the account. */
export const registryAllowanceQuery = (owner: Principal, ledger: string) =>
  queryOptions({
    queryKey: ['allowance', ledger, owner.toText()],
    queryFn: () => getAllowance(ledger, defaultAccount(owner), registryAccount()),
  });
