import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { RoundReport, RoundState, RoundView, TaskInfo } from '@/api/aggregator';
import { Amount, Loaded, Panel, Progress, Skeleton, Time } from '@/components/basics';
import type { Unit } from '@/lib/amount';
import { count, counted, figure, share, tag } from '@/lib/text';
import { Outcome } from './mark';
import { openRoundQuery, useReports, useRewardUnit } from './queries';
import { isClassifier, STEPS } from './words';

type Open = Extract<RoundView, { Open: unknown }>['Open'];

/** The round that goes on: what it waits for, and how long. */
export function RoundNow({ info }: { info: TaskInfo }) {
  const round = info.collecting[0] ?? info.rounds_held + 1;
  const query = useQuery(openRoundQuery(info.id, round));
  return (
    <Panel title={`Round ${count(round)} of ${count(info.args.rounds.rounds)}`}>
      {info.stopping[0] && (
        <p>
          <strong>It is being stopped.</strong> The updates accepted so far are combined, scored and paid
          first; uploads that are not finished are dropped.
        </p>
      )}
      <Loaded query={query} lines={3}>
        {(view) =>
          view && 'Open' in view ? (
            <GoingOn open={view.Open} info={info} />
          ) : (
            <p className="muted">It is over; the next one opens in a moment.</p>
          )
        }
      </Loaded>
    </Panel>
  );
}

function GoingOn({ open, info }: { open: Open; info: TaskInfo }) {
  return 'Collecting' in open.state ? (
    <Collecting open={open} state={open.state.Collecting} info={info} />
  ) : (
    <Working open={open} />
  );
}

function Collecting({
  open,
  state,
  info,
}: {
  open: Open;
  state: Extract<RoundState, { Collecting: unknown }>['Collecting'];
  info: TaskInfo;
}) {
  const { min_updates: least, max_updates: most } = info.args.rounds;
  return (
    <>
      <div className="stack-small">
        <div className="row row-between">
          <span>
            <span className="num">{open.updates}</span> of <span className="num">{most}</span> updates are
            here
          </span>
          <span>
            closes <Time ns={state.deadline} />
          </span>
        </div>
        <Progress label="Updates" value={open.updates} of={most} />
      </div>
      <p className="muted small">
        Clients train from version {open.version}. The round closes at once with {counted(most, 'update')}, or
        at its deadline with {least} or more.{' '}
        {state.extended
          ? 'It was extended once; with too few updates it is skipped now.'
          : 'With fewer it is extended once.'}
      </p>
    </>
  );
}

const MARKS = { done: '✓', active: '›', waiting: '·' };

function Working({ open }: { open: Open }) {
  const at = STEPS.findIndex(([name]) => name === tag(open.state));
  return (
    <ol className="steps">
      {STEPS.map(([name, words], index) => {
        const state = index < at ? 'done' : index === at ? 'active' : 'waiting';
        return (
          <li key={name} data-state={state} aria-current={state === 'active' ? 'step' : undefined}>
            <span className="mark" aria-hidden="true">
              {MARKS[state]}
            </span>
            <span>
              {index === 0 ? `${counted(open.updates, 'update')} came in` : words}
              {state === 'done' && <span className="visually-hidden">: done</span>}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

/** The rounds that are over, the latest first; each leads to its report. */
export function Rounds({ info }: { info: TaskInfo }) {
  const { reports, waiting } = useReports(info.id, info.rounds_held);
  const unit = useRewardUnit(info);
  if (info.rounds_held === 0) return <p className="muted">No round is over yet.</p>;
  if (reports.length === 0) {
    return waiting > 0 ? (
      <Skeleton />
    ) : (
      <p className="muted">No report could be verified, so none is shown.</p>
    );
  }
  const classes = isClassifier(info.args.model);
  const columns = [
    'Round',
    'Outcome',
    ...(classes ? ['Accuracy'] : []),
    'Loss',
    'Clients',
    ...(unit ? ['Earned'] : []),
  ];
  return (
    <div className="table-scroll table-tall table-taller" tabIndex={0} role="group" aria-label="Rounds">
      <table className="stacked" role="table">
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((name, index) => (
              <th key={name} role="columnheader" className={index > 1 ? 'right' : undefined}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {reports.toReversed().map(({ value }) => (
            <Row key={value.round} report={value} classes={classes} unit={unit} />
          ))}
        </tbody>
      </table>
      {waiting > 0 && <p className="muted small">{counted(waiting, 'report')} more on the way.</p>}
    </div>
  );
}

function Row({ report, classes, unit }: { report: RoundReport; classes: boolean; unit: Unit | undefined }) {
  const quality = report.evaluated[0];
  const accuracy = quality?.accuracy[0];
  return (
    <tr role="row">
      <td role="cell" data-label="Round">
        <Link to="/tasks/$task/rounds/$round" params={{ task: report.task, round: report.round }}>
          <span className="visually-hidden">Report of round </span>
          {report.round}
        </Link>
      </td>
      <td role="cell" data-label="Outcome">
        <Outcome outcome={report.outcome} />
      </td>
      {classes && (
        <td role="cell" data-label="Accuracy" className="right num">
          {accuracy === undefined ? '–' : share(accuracy)}
        </td>
      )}
      <td role="cell" data-label="Loss" className="right num">
        {quality ? figure(quality.loss) : '–'}
      </td>
      <td role="cell" data-label="Clients" className="right num">
        {report.clients.length}
      </td>
      {unit && (
        <td role="cell" data-label="Earned" className="right">
          <Amount units={report.rewarded} unit={unit} />
        </td>
      )}
    </tr>
  );
}
