import '@/styles/federated.css';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { TaskInfo } from '@/api/aggregator';
import { Amount, Command, Empty, Loaded, PageHead } from '@/components/basics';
import { tasksQuery, useRewardUnit } from '@/features/federated/queries';
import { bestName, bestText, roundText, stageText } from '@/features/federated/words';
import { counted } from '@/lib/text';

export function TasksPage() {
  const tasks = useQuery(tasksQuery);
  return (
    <div className="page">
      <PageHead title="Federated tasks">
        Models trained together by people who keep their data. A canister combines what they learned,
        evaluates it, and pays each for what it was worth.
      </PageHead>
      <Loaded query={tasks} lines={6}>
        {(all) =>
          all.length === 0 ? (
            <None />
          ) : (
            <ul className="stack-small">
              {all.toReversed().map((info) => (
                <li key={String(info.id)}>
                  <Card info={info} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </div>
  );
}

function None() {
  return (
    <Empty
      title="No tasks yet"
      action={
        <Command text={'ddsx task example > task.toml\nddsx task create task.toml'}>
          Write down what is to be trained, then create it:
        </Command>
      }
    >
      A task is a model, a held-out set to judge it by, and a reward. It is created in a shell, because its
      files come from your machine.
    </Empty>
  );
}

function Card({ info }: { info: TaskInfo }) {
  const unit = useRewardUnit(info);
  const reward = info.args.reward[0];
  const running = 'Running' in info.stage.stage;
  return (
    <article className="stream-card">
      <div className="stack-small">
        <h2>
          <Link to="/tasks/$task" params={{ task: info.id }}>
            {info.args.name}
          </Link>
        </h2>
        <p className="description">{info.args.description || 'No description.'}</p>
        <p className="small muted">
          {running ? (
            <strong>{info.stopping[0] ? 'Stopping' : 'Running'}</strong>
          ) : (
            stageText(info.stage.stage)
          )}
          {' · '}
          round {roundText(info)}
          {' · '}
          {counted(info.clients, 'client')}
        </p>
      </div>
      <p className="task-figure">
        <strong className={info.best.length > 0 ? 'num' : undefined}>{bestText(info)}</strong>
        <br />
        <span className="small muted">{bestName(info).toLowerCase()}</span>
      </p>
      <p className="price">
        {reward ? (
          <>
            <strong>
              <Amount units={reward.per_round} unit={unit} />
            </strong>
            <br />
            <span className="small muted">at most each round</span>
          </>
        ) : (
          <span className="small muted">pays nothing</span>
        )}
      </p>
    </article>
  );
}
