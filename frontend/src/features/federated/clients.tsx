import { useQuery } from '@tanstack/react-query';
import type { Participant, TaskInfo } from '@/api/aggregator';
import { Amount, Id, Loaded, Time } from '@/components/basics';
import type { Unit } from '@/lib/amount';
import { count, figure, legible } from '@/lib/text';
import { useSession } from '@/session/session';
import { participantsQuery, useRewardUnit } from './queries';
import { standingText } from './standing';

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
          <Table
            clients={all.toSorted((a, b) => b.score - a.score)}
            unit={unit}
            me={principal?.toText()}
            round={info.collecting[0] ?? info.rounds_held + 1}
          />
        )
      }
    </Loaded>
  );
}

function Table({
  clients,
  unit,
  me,
  round,
}: {
  clients: Participant[];
  unit: Unit | undefined;
  me: string | undefined;
  round: number;
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
            <Row
              key={one.client.toText()}
              one={one}
              unit={unit}
              mine={one.client.toText() === me}
              round={round}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({
  one,
  unit,
  mine,
  round,
}: {
  one: Participant;
  unit: Unit | undefined;
  mine: boolean;
  round: number;
}) {
  const standing = one.standing[0];
  const exclusion = standing?.excluded[0];
  return (
    <tr role="row">
      <td role="cell" data-label="Client">
        <span>
          <Id text={one.client.toText()} label="the client’s principal" />
          {mine && <span className="small"> you</span>}
          {!one.active && !exclusion && <span className="muted small"> has left</span>}
          {exclusion && (
            <p className="small fault">
              Excluded by the owner <Time ns={exclusion.at} />: “{legible(exclusion.reason)}”
            </p>
          )}
          {standingText(one, round).map(({ words, fault }) => (
            <p key={words} className={fault ? 'small fault' : 'small muted'}>
              {words}
            </p>
          ))}
          {unit && one.stake > 0n && (
            <p className="small muted">
              stake <Amount units={one.stake} unit={unit} />
              {standing && standing.locked > 0n && (
                <>
                  , of it <Amount units={standing.locked} unit={unit} /> locked by an upload
                </>
              )}
            </p>
          )}
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
