import type { TaskInfo } from '@/api/aggregator';
import { Amount, Notice, Time } from '@/components/basics';
import type { Unit } from '@/lib/amount';
import { size } from '@/lib/text';
import { useRewardUnit } from './queries';
import { draftNeeds, type Need } from './standing';

/** What an open draft waits for before its owner can start it. */
export function DraftNeeds({ info }: { info: TaskInfo }) {
  const unit = useRewardUnit(info);
  const needs = draftNeeds(info);
  const expires = info.expires_at[0];
  return (
    <Notice title="Draft">
      {needs.length === 0 ? (
        <p>All is there. It waits for its owner to start it.</p>
      ) : (
        <>
          <p>It waits for its owner. Missing:</p>
          <ul className="bullets">
            {needs.map((need) => (
              <li key={need.what}>
                <Missing need={need} unit={unit} />
              </li>
            ))}
          </ul>
        </>
      )}
      {expires !== undefined && (
        <p>
          {info.storage_paid
            ? 'If it is not started, it ends and its budget goes back '
            : 'If it is not paid for, it is forgotten '}
          <Time ns={expires} />.
        </p>
      )}
    </Notice>
  );
}

function Missing({ need, unit }: { need: Need; unit: Unit | undefined }) {
  switch (need.what) {
    case 'fee':
      return <>the fee for storage and computing; nothing else comes in before it</>;
    case 'evaluation':
      return (
        <>
          the held-out set: {size(need.received)} of {size(need.bytes)} are here
        </>
      );
    case 'weights':
      return (
        <>
          the first weights: {size(need.received)} of {size(need.bytes)} are here
        </>
      );
    case 'budget':
      return (
        <>
          <Amount units={need.missing} unit={unit} /> of the budget
        </>
      );
  }
}
