import '@/styles/federated.css';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { Tabs } from 'radix-ui';
import type { TaskInfo } from '@/api/aggregator';
import { Facts, Loaded, Notice, PageHead, Panel, Time, useSliced } from '@/components/basics';
import { About, Layers, Rules } from '@/features/federated/about';
import { Books } from '@/features/federated/books';
import { Costs } from '@/features/federated/costs';
import { DraftNeeds } from '@/features/federated/draft';
import { Clients } from '@/features/federated/clients';
import { DrawDigit } from '@/features/federated/draw-digit';
import { sideOf } from '@/features/federated/drawing';
import { NoTask } from '@/features/federated/no-task';
import { Quality } from '@/features/federated/quality-chart';
import { taskQuery } from '@/features/federated/queries';
import { RoundNow, Rounds } from '@/features/federated/rounds';
import { ModelFile, TakePart } from '@/features/federated/take-part';
import { bestName, bestText, roundText, stageDetail, stageText } from '@/features/federated/words';
import { count } from '@/lib/text';

export function TaskPage() {
  const { task } = useParams({ from: '/tasks/$task' });
  const query = useSliced(useQuery(taskQuery(task)));
  return (
    <div className="page">
      {query.data === undefined && (
        <PageHead title={`Task ${task}`} crumb={<Link to="/tasks">Federated tasks</Link>} />
      )}
      <Loaded query={query} lines={8}>
        {(info) => (info ? <Found info={info} /> : <NoTask task={task} />)}
      </Loaded>
    </div>
  );
}

function Found({ info }: { info: TaskInfo }) {
  const { stage } = info.stage;
  const expires = info.expires_at[0];
  const side = sideOf(info.args.model);
  const prepared = !('Draft' in stage) && !('Preparing' in stage);
  return (
    <>
      <PageHead title={info.args.name} crumb={<Link to="/tasks">Federated tasks</Link>}>
        {info.args.description}
      </PageHead>
      <Facts
        facts={[
          ['Stage', info.stopping[0] ? 'Stopping' : stageText(stage), 'words'],
          ['Rounds held', roundText(info)],
          info.best.length > 0 ? [bestName(info), bestText(info)] : [bestName(info), bestText(info), 'words'],
          ['Clients', count(info.clients)],
          ['Parameters', count(info.parameters)],
        ]}
      />
      {'Draft' in stage && <DraftNeeds info={info} />}
      {!('Running' in stage) && !('Draft' in stage) && (
        <Notice title={stageText(stage)}>
          <p>
            {stageDetail(stage)}
            {'Ended' in stage && expires !== undefined && (
              <>
                {' '}
                Model, held-out set and reports are forgotten <Time ns={expires} />; its owner can pay to keep
                them longer.
              </>
            )}
          </p>
        </Notice>
      )}
      <div className="split">
        <div className="stack">
          {'Running' in stage && <RoundNow info={info} />}
          <Quality info={info} />
          {prepared && side && info.best.length > 0 && <DrawDigit info={info} side={side} />}
          <Details info={info} />
        </div>
        <div className="stack">
          {!('Ended' in stage) && <TakePart info={info} />}
          <About info={info} />
          {prepared && <ModelFile info={info} />}
          {info.args.reward[0] && <Books info={info} />}
          <Costs info={info} />
        </div>
      </div>
    </>
  );
}

function Details({ info }: { info: TaskInfo }) {
  return (
    <Panel>
      <Tabs.Root defaultValue="rounds">
        <Tabs.List className="tabs-list" aria-label="More about the task">
          <Tabs.Trigger className="tab" value="rounds">
            Rounds
          </Tabs.Trigger>
          <Tabs.Trigger className="tab" value="clients">
            Clients
          </Tabs.Trigger>
          <Tabs.Trigger className="tab" value="rules">
            Rules
          </Tabs.Trigger>
          <Tabs.Trigger className="tab" value="model">
            Model
          </Tabs.Trigger>
        </Tabs.List>
        <Tabs.Content className="tab-panel" value="rounds">
          <Rounds info={info} />
        </Tabs.Content>
        <Tabs.Content className="tab-panel" value="clients">
          <Clients info={info} />
        </Tabs.Content>
        <Tabs.Content className="tab-panel" value="rules">
          <Rules info={info} />
        </Tabs.Content>
        <Tabs.Content className="tab-panel" value="model">
          <Layers info={info} />
        </Tabs.Content>
      </Tabs.Root>
    </Panel>
  );
}
