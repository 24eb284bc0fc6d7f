import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useMemo } from 'react';
import type { AssetListing } from '@/api/registry';
import { Amount, Panel, Skeleton } from '@/components/basics';
import { revenueQuery, useAssets } from '@/features/queries';
import { counted } from '@/lib/text';
import { formatAmount } from '@/lib/amount';
import { toDate } from '@/lib/time';
import { LOOKED_THROUGH, useSales } from './sales';

const Chart = lazy(() => import('@/components/chart'));

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
  const { sales, complete } = useSales(stream, ledger);
  const curve = useMemo(() => {
    let sum = 0n;
    const points = (sales ?? []).map((sale) => {
      sum += sale.price;
      return [toDate(sale.bought_at).getTime() / 1000, Number(sum) / 10 ** asset.decimals] as const;
    });
    const first = points[0];
    return {
      times: first ? [first[0] - 1, ...points.map(([time]) => time), Date.now() / 1000] : [],
      values: first ? [0, ...points.map(([, value]) => value), points.at(-1)?.[1] ?? 0] : [],
    };
  }, [sales, asset.decimals]);
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
