import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useMemo } from 'react';
import type { AssetListing, Licence } from '@/api/registry';
import { Amount, Panel, Skeleton } from '@/components/basics';
import { revenueQuery, useAssets } from '@/features/queries';
import { counted } from '@/lib/text';
import { formatAmount } from '@/lib/amount';
import { toDate } from '@/lib/time';
import { LOOKED_THROUGH, useSales } from './sales';

const Chart = lazy(() => import('@/components/chart'));

/** Income summed up to each sale, in the asset's units: for drawing only. */
function curveOf(
  sales: readonly Licence[],
  decimals: number,
  now: number,
): { times: number[]; values: number[] } {
  const first = sales[0];
  if (!first) return { times: [], values: [] };
  const seconds = (ns: bigint) => toDate(ns).getTime() / 1000;
  const values = [0];
  for (const { price } of sales) values.push((values.at(-1) ?? 0) + Number(price) / 10 ** decimals);
  const times = [seconds(first.bought_at) - 1, ...sales.map((sale) => seconds(sale.bought_at))];
  return { times: [...times, now / 1000], values: [...values, values.at(-1) ?? 0] };
}

/** What a stream has earned, in each listed asset. */
export function Income({ stream }: { stream: bigint }) {
  const assets = [...useAssets().values()];
  return (
    <Panel title="Income">
      {assets.length === 0 && <Skeleton />}
      {assets.map((asset) => (
        <InAsset key={asset.ledger.toText()} stream={stream} asset={asset} />
      ))}
    </Panel>
  );
}

function InAsset({ stream, asset }: { stream: bigint; asset: AssetListing }) {
  const ledger = asset.ledger.toText();
  const { data } = useQuery({ ...revenueQuery(stream, ledger), refetchInterval: 10_000 });
  const { sales, complete, updatedAt } = useSales(stream, ledger);
  const curve = useMemo(
    () => curveOf(sales ?? [], asset.decimals, updatedAt),
    [sales, asset.decimals, updatedAt],
  );
  const series = useMemo(
    () => [{ label: 'Income', values: curve.values, fill: true, steps: true }],
    [curve.values],
  );
  if (data === undefined) return <Skeleton />;
  if (data === null || data.received === 0n) {
    return <p className="muted">Nothing sold in {asset.symbol} yet.</p>;
  }
  return (
    <div className="stack">
      <dl className="pairs amounts">
        <dt>Received from buyers</dt>
        <dd>
          <Amount units={data.received} unit={asset} />
        </dd>
        <dt>Contributors’ part</dt>
        <dd>
          <Amount units={data.received - data.protocol_fee - total(data.provider)} unit={asset} />
        </dd>
        <dt>Provider’s part</dt>
        <dd>
          <Amount units={total(data.provider)} unit={asset} />
        </dd>
        <dt>Protocol fee</dt>
        <dd>
          <Amount units={data.protocol_fee} unit={asset} />
        </dd>
      </dl>
      {curve.times.length > 0 && (
        <Suspense fallback={<Skeleton lines={6} />}>
          <Chart
            times={curve.times}
            series={series}
            unit={asset.symbol}
            label={`Income over time: ${formatAmount(data.received, asset)} from ${counted(sales?.length ?? 0, 'licence')}`}
          />
          <p className="muted small">
            {counted(sales?.length ?? 0, 'licence')} sold.
            {!complete && ` The curve looks at the exchange’s first ${LOOKED_THROUGH} licences only.`}
          </p>
        </Suspense>
      )}
    </div>
  );
}

const total = (balance: { due: bigint; paid: bigint; ledger_fees: bigint; in_flight: bigint }) =>
  balance.due + balance.paid + balance.ledger_fees + balance.in_flight;
