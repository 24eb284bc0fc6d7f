import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useMemo, useState } from 'react';
import type { AssetListing, DayOfIncome } from '@/api/registry';
import { Amount, Failure, Panel, Skeleton } from '@/components/basics';
import { incomeQuery, revenueQuery, useAssets } from '@/features/queries';
import { formatAmount } from '@/lib/amount';
import { counted } from '@/lib/text';
import { calendarDay } from '@/lib/time';
import { byDay, dayOf, inAll, lastDays, sumOf } from './income-days';

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
  const { data, error, refetch } = useQuery({
    ...revenueQuery(stream, ledger),
    refetchInterval: 10_000,
  });
  if (data === undefined) {
    return error ? <Failure error={error} retry={() => void refetch()} /> : <Skeleton />;
  }
  if (data === null || data.received === 0n) {
    return (
      <p className="muted">
        Nothing sold in {asset.symbol} yet. Each sale is shown here, with what became of the price.
      </p>
    );
  }
  return (
    <div className="stack">
      <dl className="pairs amounts">
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
        <dt className="pairs-sum">Received from buyers</dt>
        <dd className="pairs-sum">
          <Amount units={data.received} unit={asset} />
        </dd>
      </dl>
      <OverTime stream={stream} asset={asset} />
    </div>
  );
}

const total = (balance: { due: bigint; paid: bigint; ledger_fees: bigint; in_flight: bigint }) =>
  balance.due + balance.paid + balance.ledger_fees + balance.in_flight;

type Span = 'month' | 'quarter' | 'all';
const SPANS: [Span, label: string, days: number][] = [
  ['month', '30 days', 30],
  ['quarter', '90 days', 90],
  ['all', 'In all', 0],
];

function OverTime({ stream, asset }: { stream: bigint; asset: AssetListing }) {
  const ledger = asset.ledger.toText();
  const income = useQuery({ ...incomeQuery(stream, ledger), refetchInterval: 10_000 });
  const [span, setSpan] = useState<Span>('month');
  if (!income.data) {
    return income.error ? (
      <Failure error={income.error} retry={() => void income.refetch()} />
    ) : (
      <Skeleton lines={6} />
    );
  }
  return (
    <div className="stack-small">
      <div className="row row-between">
        <h3>Over time</h3>
        <div className="tagline" role="group" aria-label="Time shown">
          {SPANS.map(([name, label]) => (
            <button
              key={name}
              type="button"
              className="chip"
              aria-pressed={span === name}
              onClick={() => setSpan(name)}
            >
              {label}
            </button>
          ))}
        </div>
      </div>
      <Drawn days={income.data} span={span} asset={asset} today={dayOf(income.dataUpdatedAt)} />
    </div>
  );
}

function Drawn({
  days,
  span,
  asset,
  today,
}: {
  days: DayOfIncome[];
  span: Span;
  asset: AssetListing;
  today: bigint;
}) {
  const count = SPANS.find(([name]) => name === span)?.[2] ?? 0;
  const shown = useMemo(() => (count === 0 ? days : lastDays(days, today, count)), [days, today, count]);
  const curve = useMemo(
    () => (count === 0 ? inAll(days, today, asset.decimals) : byDay(days, today, count, asset.decimals)),
    [days, today, count, asset.decimals],
  );
  const series = useMemo(
    () => [
      {
        label: 'Income',
        values: curve.values,
        ...(count === 0 ? { fill: true, steps: true } : { bars: true }),
      },
    ],
    [curve.values, count],
  );
  const { licences, received } = sumOf(shown);
  const told = `${counted(licences, 'licence')} sold ${count === 0 ? 'in all' : `in the last ${count} days`}, for ${formatAmount(received, asset)}.`;
  return (
    <>
      <Suspense fallback={<Skeleton lines={6} />}>
        <Chart times={curve.times} series={series} unit={asset.symbol} label={told} axis="days" />
      </Suspense>
      <p className="muted small">
        {told} {count === 0 ? 'The line is the sum up to each day.' : 'One bar is one day.'} Days are in UTC.
      </p>
      {shown.length > 0 && (
        <details>
          <summary className="small">As a table</summary>
          <div className="table-scroll table-tall" tabIndex={0} role="group" aria-label="Income by day">
            <table>
              <thead>
                <tr>
                  <th>Day</th>
                  <th className="right">Licences</th>
                  <th className="right">Received</th>
                </tr>
              </thead>
              <tbody>
                {shown.toReversed().map((day) => (
                  <tr key={String(day.day)}>
                    <td>{calendarDay(day.day)}</td>
                    <td className="right num">{String(day.licences)}</td>
                    <td className="right">
                      <Amount units={day.received} unit={asset} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </details>
      )}
    </>
  );
}
