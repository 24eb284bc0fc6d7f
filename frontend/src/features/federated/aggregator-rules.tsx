import type { Principal } from '@icp-sdk/core/principal';
import { useQuery } from '@tanstack/react-query';
import { getAggregatorQuarantined, type Parameters } from '@/api/aggregator';
import { Amount, Id, Loaded, Notice, Panel } from '@/components/basics';
import { assetQuery } from '@/features/queries';
import { accountText } from '@/lib/account';
import { count, counted, size } from '@/lib/text';
import { aggregatorParametersQuery } from './queries';
import { cycles } from './words';

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
  const compute = rules.compute_fee[0];
  const registries = rules.registries[0];
  return (
    <dl className="pairs">
      <dt>Storage costs</dt>
      <dd>
        <Fee
          ledger={rules.storage_fee.ledger[0]}
          units={rules.storage_fee.per_mib}
          inCycles={rules.storage_fee.cycles_per_mib}
        >
          for each MiB and 30 days
        </Fee>
      </dd>
      {compute && (
        <>
          <dt>Computing costs</dt>
          <dd>
            <Fee
              ledger={rules.storage_fee.ledger[0]}
              units={compute.per_billion}
              inCycles={compute.cycles_per_billion}
            >
              for each billion instructions
            </Fee>
          </dd>
        </>
      )}
      <dt>Fees and lost stakes go to</dt>
      <dd>
        <Id text={accountText(rules.treasury)} label="the account of the aggregator’s treasury" />
      </dd>
      <dt>Assets paid in</dt>
      <dd>{rules.assets.map(({ symbol }) => symbol).join(', ') || 'none'}</dd>
      {registries && (
        <>
          <dt>Licences are asked of</dt>
          <dd>
            {registries.length === 0
              ? 'no registry'
              : registries.map((registry) => (
                  <Id key={registry.toText()} text={registry.toText()} label="the registry’s id" />
                ))}
          </dd>
        </>
      )}
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

/** A fee in the fees' asset, in cycles, or in either. */
function Fee({
  ledger,
  units,
  inCycles,
  children,
}: {
  ledger: Principal | undefined;
  units: bigint;
  inCycles: bigint;
  children: string;
}) {
  const id = ledger?.toText();
  const asset = useQuery({ ...assetQuery(id ?? ''), enabled: id !== undefined });
  const tokens = id !== undefined && units > 0n;
  if (!tokens && inCycles === 0n) return <>nothing</>;
  return (
    <>
      {tokens && <Amount units={units} unit={asset.data} />}
      {tokens && inCycles > 0n && ' or '}
      {inCycles > 0n && cycles(inCycles)} {children}
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
