import { Fragment } from 'react';
import { useQuery } from '@tanstack/react-query';
import type { TaskInfo } from '@/api/aggregator';
import { Amount, Loaded, Panel, Seal } from '@/components/basics';
import { taskAuditQuery, useRewardUnit } from './queries';

/** Every unit that came into the task. */
export function Books({ info }: { info: TaskInfo }) {
  const audit = useQuery(taskAuditQuery(info.id));
  const unit = useRewardUnit(info);
  const books = audit.data;
  return (
    <Panel
      title="Books"
      aside={
        books && (
          <Seal state={books.conserved ? 'verified' : 'failed'}>
            {books.conserved ? 'They balance' : 'They do not balance'}
          </Seal>
        )
      }
    >
      <Loaded query={audit}>
        {(told) =>
          told && (
            <dl className="pairs amounts">
              {(
                [
                  ['Paid, ledger fees counted', told.paid],
                  ['On its way', told.in_flight],
                  ['Owed', told.owed],
                  ['Stakes held', told.stakes],
                  ['Stakes lost', told.to_treasury],
                  ['Budget left', told.budget_left],
                ] as const
              ).map(([name, units]) => (
                <Fragment key={name}>
                  <dt>{name}</dt>
                  <dd>
                    <Amount units={units} unit={unit} />
                  </dd>
                </Fragment>
              ))}
              <dt className="pairs-sum">Received</dt>
              <dd className="pairs-sum">
                <Amount units={told.received} unit={unit} />
              </dd>
            </dl>
          )
        }
      </Loaded>
    </Panel>
  );
}
