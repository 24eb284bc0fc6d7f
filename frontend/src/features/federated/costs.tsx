import { useQuery } from '@tanstack/react-query';
import type { TaskInfo } from '@/api/aggregator';
import { Amount, Panel, Time } from '@/components/basics';
import { assetQuery } from '@/features/queries';
import type { Unit } from '@/lib/amount';
import { size } from '@/lib/text';
import { aggregatorParametersQuery } from './queries';
import { cycles, instructions } from './words';

/** The asset that storage and computing are paid in; nothing where they are paid in cycles alone. */
function useFeeUnit(): Unit | undefined {
  const { data } = useQuery(aggregatorParametersQuery);
  const ledger = data?.storage_fee.ledger[0]?.toText();
  const asset = useQuery({ ...assetQuery(ledger ?? ''), enabled: ledger !== undefined });
  return asset.data;
}

/** A price in the fee's asset, in cycles, or in either; nothing if both are zero. */
function Price({
  units,
  inCycles,
  unit,
}: {
  units: bigint | undefined;
  inCycles: bigint;
  unit: Unit | undefined;
}) {
  const tokens = units !== undefined && units > 0n;
  if (!tokens && inCycles === 0n) return <>nothing</>;
  return (
    <>
      {tokens && <Amount units={units} unit={unit} />}
      {tokens && inCycles > 0n && ' or '}
      {inCycles > 0n && cycles(inCycles)}
    </>
  );
}

/** What a task's storage and computing cost its owner, and what of it comes back. */
export function Costs({ info }: { info: TaskInfo }) {
  const unit = useFeeUnit();
  const compute = info.compute[0];
  const expires = info.expires_at[0];
  const ended = 'Ended' in info.stage.stage;
  const cameBack = compute && (compute.returned > 0n || compute.returned_cycles > 0n);
  return (
    <Panel title="What it costs">
      <dl className="pairs pairs-stacked">
        <dt>{ended ? 'Kept for 30 days more' : 'Storage and computing'}</dt>
        <dd>
          <Price units={info.storage_fee[0]} inCycles={info.storage_fee_cycles} unit={unit} />
          {!ended && (info.storage_paid ? ', paid' : ', not paid yet')}
        </dd>
        {compute && (
          <>
            <dt>{ended ? 'Its computing was priced at' : 'Of it computing'}</dt>
            <dd>
              <Price units={compute.total} inCycles={compute.total_cycles} unit={unit} />
            </dd>
            <dt>Computing of one round</dt>
            <dd>
              <Price units={compute.per_round} inCycles={compute.per_round_cycles} unit={unit} />
              <span className="muted small">
                {' '}
                for at most {instructions(compute.round_instructions)}; comes back to the owner for each round
                that is never worked on
              </span>
            </dd>
            <dt>Before the first round</dt>
            <dd>at most {instructions(compute.prepare_instructions)}</dd>
            {cameBack && (
              <>
                <dt>Came back to the owner</dt>
                <dd>
                  <Price units={compute.returned} inCycles={compute.returned_cycles} unit={unit} />
                </dd>
              </>
            )}
          </>
        )}
        <dt>Room reserved</dt>
        <dd>{size(info.storage_bytes)}</dd>
        {expires !== undefined && (
          <>
            <dt>{ended ? 'Forgotten' : 'Ends unless started'}</dt>
            <dd>
              <Time ns={expires} />
            </dd>
          </>
        )}
      </dl>
    </Panel>
  );
}
