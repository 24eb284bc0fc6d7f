import { useQuery } from '@tanstack/react-query';
import { getAggregatorQuarantined, type Parameters } from '@/api/aggregator';
import { Amount, Id, Loaded, Notice, Panel } from '@/components/basics';
import { assetQuery } from '@/features/queries';
import { accountText } from '@/lib/account';
import { count, counted, size } from '@/lib/text';
import { aggregatorParametersQuery } from './queries';

const TRILLION = 1_000_000_000_000;

/** The parameters of federated tasks that are in force. */
export function AggregatorRules() {
  const parameters = useQuery({ ...aggregatorParametersQuery, staleTime: 0 });
  return (
    <Panel title="Federated tasks">
      <Loaded query={parameters} lines={6}>
        {(rules) => (
          <>
            {rules.paused && (
              <Notice kind="signal" title="Federated tasks are paused">
                <p>Governance has stopped rounds and changes. Reading goes on.</p>
              </Notice>
            )}
            <InForce rules={rules} />
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function InForce({ rules }: { rules: Parameters }) {
  const { limits } = rules;
  return (
    <dl className="pairs">
      <dt>Storage costs</dt>
      <dd>
        <StorageFee fee={rules.storage_fee} />
      </dd>
      <dt>Fees and lost stakes go to</dt>
      <dd>
        <Id text={accountText(rules.treasury)} label="the account of the aggregator’s treasury" />
      </dd>
      <dt>Assets paid in</dt>
      <dd>{rules.assets.map(({ symbol }) => symbol).join(', ') || 'none'}</dd>
      <dt>A model</dt>
      <dd>
        at most {counted(limits.parameters, 'parameter')} and {count(limits.multiply_adds)} multiply-adds a
        sample
      </dd>
      <dt>A task</dt>
      <dd>
        at most {counted(limits.clients, 'client')}, {size(limits.task_bytes)}, a held-out set of{' '}
        {size(limits.evaluation_bytes)}
      </dd>
      <dt>A round</dt>
      <dd>
        at most {counted(limits.updates, 'update')}; {counted(limits.attempts, 'upload')} begun by one client
      </dd>
      <dt>A client</dt>
      <dd>is let in no more after {counted(limits.faults, 'update')} provably false</dd>
      <dt>An owner</dt>
      <dd>has at most {counted(limits.tasks_per_owner, 'task')} at a time</dd>
      <dt>All tasks</dt>
      <dd>at most {size(limits.total_bytes)}</dd>
    </dl>
  );
}

function StorageFee({ fee }: { fee: Parameters['storage_fee'] }) {
  const ledger = fee.ledger[0]?.toText();
  const asset = useQuery({ ...assetQuery(ledger ?? ''), enabled: ledger !== undefined });
  const tokens = ledger !== undefined && fee.per_mib > 0n;
  const cycles = fee.cycles_per_mib > 0n;
  if (!tokens && !cycles) return <>nothing</>;
  return (
    <>
      {tokens && <Amount units={fee.per_mib} unit={asset.data} />}
      {tokens && cycles && ' or '}
      {cycles && `${count(Number(fee.cycles_per_mib) / TRILLION)} trillion cycles`} for each MiB and month
    </>
  );
}

/** Who governs the aggregator. */
export function AggregatorGovernance() {
  const { data } = useQuery(aggregatorParametersQuery);
  return (
    <>
      <dt>Governed by</dt>
      <dd>
        {data ? <Id text={data.governance.toText()} label="the aggregator’s governance principal" /> : '…'}
      </dd>
    </>
  );
}

/** Payments of federated tasks that wait for governance. */
export function AggregatorQuarantine() {
  const quarantined = useQuery({ queryKey: ['aggregator-quarantined'], queryFn: getAggregatorQuarantined });
  const waiting = quarantined.data?.length ?? 0;
  if (waiting === 0) return null;
  return <p>{counted(waiting, 'payment')} of federated tasks wait likewise.</p>;
}
