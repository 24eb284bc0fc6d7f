import '@/styles/federated.css';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { TaskInfo } from '@/api/aggregator';
import { Empty, Loaded, PageHead } from '@/components/basics';
import { reportQuery, taskQuery } from '@/features/federated/queries';
import { Report } from '@/features/federated/report';
import { NoTask } from '@/features/federated/no-task';

export function RoundPage() {
  const { task, round } = useParams({ from: '/tasks/$task/rounds/$round' });
  const query = useQuery(taskQuery(task));
  return (
    <div className="page">
      <Loaded query={query} lines={8}>
        {(info) => (info ? <Round info={info} round={round} /> : <NoTask task={task} />)}
      </Loaded>
    </div>
  );
}

function Round({ info, round }: { info: TaskInfo; round: number }) {
  const over = round >= 1 && round <= info.rounds_held;
  return (
    <>
      <PageHead
        title={`Round ${round}`}
        crumb={
          <>
            <Link to="/tasks">Federated tasks</Link>
            {' / '}
            <Link to="/tasks/$task" params={{ task: info.id }}>
              {info.args.name}
            </Link>
          </>
        }
        action={<Neighbours info={info} round={round} />}
      >
        The report as the canister certified it, verified in this browser.
      </PageHead>
      {over ? <Held info={info} round={round} /> : <NotHeld info={info} round={round} />}
    </>
  );
}

function Held({ info, round }: { info: TaskInfo; round: number }) {
  const report = useQuery(reportQuery(info.id, round));
  return (
    <Loaded query={report} lines={8}>
      {(proved) => <Report info={info} proved={proved} />}
    </Loaded>
  );
}

function NotHeld({ info, round }: { info: TaskInfo; round: number }) {
  const comes = round >= 1 && round <= info.args.rounds.rounds && 'Running' in info.stage.stage;
  return (
    <Empty
      title={comes ? `Round ${round} is not over` : `There is no round ${round}`}
      action={
        <Link className="button" to="/tasks/$task" params={{ task: info.id }}>
          See the task
        </Link>
      }
    >
      {comes
        ? 'Its report is published and certified once its updates are combined and evaluated.'
        : `The task has held ${info.rounds_held} of ${info.args.rounds.rounds} rounds.`}
    </Empty>
  );
}

function Neighbours({ info, round }: { info: TaskInfo; round: number }) {
  return (
    <nav className="row" aria-label="Rounds">
      {round > 1 && (
        <Link
          className="button button-small"
          to="/tasks/$task/rounds/$round"
          params={{ task: info.id, round: round - 1 }}
        >
          Round {round - 1}
        </Link>
      )}
      {round < info.rounds_held && (
        <Link
          className="button button-small"
          to="/tasks/$task/rounds/$round"
          params={{ task: info.id, round: round + 1 }}
        >
          Round {round + 1}
        </Link>
      )}
    </nav>
  );
}
