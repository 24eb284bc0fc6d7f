// What somebody is owed and was paid: as the provider of a stream, and as a contributor wherever an account of theirs is bound.
import { Principal } from '@icp-sdk/core/principal';
import {
  getContributorRevenue,
  getStreamRevenue,
  type AssetListing,
  type Balance,
  type Payee,
  type StreamInfo,
} from '@/api/registry';
import { csv } from '@/lib/text';
import { plainNumber } from '@/lib/amount';

export interface Entry {
  stream: bigint;
  streamName: string;
  asset: AssetListing;
  payee: Payee;
  /** `provider`, or the contributor's label. */
  as: string;
  balance: Balance;
}

export async function entriesOf(
  who: Principal,
  streams: readonly StreamInfo[],
  assets: readonly AssetListing[],
): Promise<Entry[]> {
  const me = who.toText();
  const jobs = streams.flatMap((stream) => assets.map((asset) => ({ stream, asset })));
  const parts = await Promise.all(
    jobs.map(async ({ stream, asset }) => {
      const found: Entry[] = [];
      const about = { stream: stream.id, streamName: stream.name, asset };
      if (stream.provider_account.owner.toText() === me) {
        const revenue = await getStreamRevenue(stream.id, asset.ledger);
        if (revenue)
          found.push({ ...about, payee: { Provider: null }, as: 'provider', balance: revenue.provider });
      }
      const contributors = await getContributorRevenue(stream.id, asset.ledger);
      for (const { account, label, number, balance } of contributors) {
        if (account[0]?.owner.toText() !== me) continue;
        found.push({ ...about, payee: { Contributor: number }, as: label, balance });
      }
      return found;
    }),
  );
  return parts.flat();
}

/** Sums by asset. */
export function totals(entries: readonly Entry[]): { asset: AssetListing; due: bigint; paid: bigint }[] {
  const sums = new Map<string, { asset: AssetListing; due: bigint; paid: bigint }>();
  for (const { asset, balance } of entries) {
    const key = asset.ledger.toText();
    const sum = sums.get(key) ?? { asset, due: 0n, paid: 0n };
    sums.set(key, { asset, due: sum.due + balance.due + balance.in_flight, paid: sum.paid + balance.paid });
  }
  return [...sums.values()];
}

export function toCsv(entries: readonly Entry[]): string {
  const rows = entries.map(({ stream, streamName, as, asset, balance }) => [
    String(stream),
    streamName,
    as,
    asset.symbol,
    ...[balance.due, balance.in_flight, balance.paid, balance.ledger_fees].map((units) =>
      plainNumber(units, asset.decimals),
    ),
  ]);
  return csv([['stream', 'name', 'as', 'asset', 'due', 'on its way', 'paid', 'ledger fees'], ...rows]);
}
