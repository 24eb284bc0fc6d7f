import { useQuery } from '@tanstack/react-query';
import type { Participant, TaskInfo } from '@/api/aggregator';
import { Amount, Id, Loaded } from '@/components/basics';
import type { Unit } from '@/lib/amount';
import { count, counted, figure } from '@/lib/text';
import { useSession } from '@/session/session';
import { participantsQuery, useRewardUnit } from './queries';

/** Who takes part, what each was worth, and what came of it. */
export function Clients({ info }: { info: TaskInfo }) {
  const clients = useQuery(participantsQuery(info.id));
  const unit = useRewardUnit(info);
  const { principal } = useSession();
  return (
    <Loaded query={clients}>
      {(all) =>
        all.length === 0 ? (
          <p className="muted">Nobody has joined yet. “Take part” says how.</p>
        ) : (
          <Table clients={all.toSorted((a, b) => b.score - a.score)} unit={unit} me={principal?.toText()} />
        )
      }
    </Loaded>
  );
}

function Table({
  clients,
  unit,
  me,
}: {
  clients: Participant[];
  unit: Unit | undefined;
  me: string | undefined;
}) {
  const columns = ['Client', 'Updates', 'Score', ...(unit ? ['Earned', 'Paid'] : [])];
  return (
    <div className="table-scroll table-tall table-taller" tabIndex={0} role="group" aria-label="Clients">
      <table className="stacked" role="table">
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((name, index) => (
              <th key={name} role="columnheader" className={index > 0 ? 'right' : undefined}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {clients.map((one) => (
            <Row key={one.client.toText()} one={one} unit={unit} mine={one.client.toText() === me} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ one, unit, mine }: { one: Participant; unit: Unit | undefined; mine: boolean }) {
  return (
    <tr role="row">
      <td role="cell" data-label="Client">
        <span>
          <Id text={one.client.toText()} label="the client’s principal" />
          {mine && <span className="small"> you</span>}
          {!one.active && <span className="muted small"> has left</span>}
          {one.faults > 0 && <p className="small fault">{counted(one.faults, 'update')} provably false</p>}
        </span>
      </td>
      <td role="cell" data-label="Updates" className="right num">
        {count(one.updates)}
      </td>
      <td role="cell" data-label="Score" className="right num">
        {figure(one.score)}
      </td>
      {unit && (
        <>
          <td role="cell" data-label="Earned" className="right">
            <Amount units={one.earned} unit={unit} />
          </td>
          <td role="cell" data-label="Paid" className="right">
            <Amount units={one.paid} unit={unit} />
          </td>
        </>
      )}
    </tr>
  );
}
