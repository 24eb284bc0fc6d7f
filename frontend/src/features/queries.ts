// What pages read, as queries with one key each.
import { queryOptions, useQueries, useQuery } from '@tanstack/react-query';
import { Principal } from '@icp-sdk/core/principal';
import * as ledgers from '@/api/ledger';
import * as registry from '@/api/registry';
import { useSession } from '@/session/session';
import { accountText, type Account } from '@/lib/account';

export const LIVE_MS = 5_000;

export const streamsQuery = queryOptions({
  queryKey: ['streams'],
  queryFn: registry.listStreams,
  refetchInterval: LIVE_MS,
});

export const streamQuery = (stream: bigint) =>
  queryOptions({
    queryKey: ['stream', String(stream)],
    queryFn: async () => (await registry.getStream(stream)) ?? null,
    refetchInterval: LIVE_MS,
  });

export const plansQuery = (stream: bigint) =>
  queryOptions({ queryKey: ['plans', String(stream)], queryFn: () => registry.getPlans(stream) });

export const contributorsQuery = (stream: bigint) =>
  queryOptions({
    queryKey: ['contributors', String(stream)],
    queryFn: () => registry.getContributors(stream),
  });

export const parametersQuery = queryOptions({
  queryKey: ['parameters'],
  queryFn: registry.getParameters,
  staleTime: 60_000,
});

export const licencesQuery = (owner: Principal) =>
  queryOptions({ queryKey: ['licences', owner.toText()], queryFn: () => registry.getLicences(owner) });

export const revenueQuery = (stream: bigint, ledger: string) =>
  queryOptions({
    queryKey: ['revenue', String(stream), ledger],
    queryFn: async () => (await registry.getStreamRevenue(stream, Principal.fromText(ledger))) ?? null,
  });

export const incomeQuery = (stream: bigint, ledger: string) =>
  queryOptions({
    queryKey: ['income', String(stream), ledger],
    queryFn: () => registry.getStreamIncome(stream, Principal.fromText(ledger)),
  });

export const publishersQuery = (stream: bigint) =>
  queryOptions({ queryKey: ['publishers', String(stream)], queryFn: () => registry.getPublishers(stream) });

export const contributorRevenueQuery = (stream: bigint, ledger: string) =>
  queryOptions({
    queryKey: ['contributor-revenue', String(stream), ledger],
    queryFn: () => registry.getContributorRevenue(stream, Principal.fromText(ledger)),
  });

export const assetQuery = (ledger: string) =>
  queryOptions({ queryKey: ['asset', ledger], queryFn: () => ledgers.getAsset(ledger), staleTime: Infinity });

/** The same, certified, for where money is sent. */
export const certifiedAssetQuery = (ledger: string) =>
  queryOptions({
    queryKey: ['certified-asset', ledger],
    queryFn: () => ledgers.getCertifiedAsset(ledger),
    staleTime: 600_000,
  });

export const balanceQuery = (ledger: string, account: Account) =>
  queryOptions({
    queryKey: ['balance', ledger, accountText(account)],
    queryFn: () => ledgers.getBalance(ledger, account),
    refetchInterval: LIVE_MS,
  });

/** The ledger's index canister; nothing where it names none. */
export const indexQuery = (ledger: string) =>
  queryOptions({
    queryKey: ['index', ledger],
    queryFn: async () => (await ledgers.getIndex(ledger)) ?? null,
    staleTime: Infinity,
  });

export const standardsQuery = (ledger: string) =>
  queryOptions({
    queryKey: ['standards', ledger],
    queryFn: () => ledgers.getStandards(ledger),
    staleTime: Infinity,
  });

/** The listed assets by ledger: what amounts are written in. */
export function useAssets(): Map<string, registry.AssetListing> {
  const { data } = useQuery(parametersQuery);
  return new Map(data?.assets.map((asset) => [asset.ledger.toText(), asset]));
}

/** The offered plans of many streams. */
export function usePlansOf(streams: readonly bigint[]): Map<bigint, registry.Plan[]> {
  const results = useQueries({ queries: streams.map((stream) => plansQuery(stream)) });
  return new Map(
    streams.map((stream, index) => [stream, (results[index]?.data ?? []).filter((plan) => plan.offered)]),
  );
}

/** The licences of who is signed in; none while nobody is. */
export function useMyLicences() {
  const { principal } = useSession();
  return useQuery({ ...licencesQuery(principal ?? Principal.anonymous()), enabled: principal !== undefined });
}
