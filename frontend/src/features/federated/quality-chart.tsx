import { lazy, Suspense, useMemo } from 'react';
import type { Proved, RoundReport, TaskInfo } from '@/api/aggregator';
import { Failure, Panel, Seal, Skeleton } from '@/components/basics';
import { counted } from '@/lib/text';
import { Mark } from './mark';
import { curve, type Measure } from './quality';
import { SHOWN_ROUNDS, useReports } from './queries';
import { isClassifier } from './words';

const Chart = lazy(() => import('@/components/chart'));

/** Accuracy and loss by round, drawn from verified reports alone. */
export function Quality({ info }: { info: TaskInfo }) {
  const { reports, waiting, error, retry } = useReports(info.id, info.rounds_held);
  return (
    <Panel
      title="Quality by round"
      aside={info.rounds_held > 0 && <Verified reports={reports.length} waiting={waiting} failed={!!error} />}
    >
      {error && <Failure error={error} retry={retry} />}
      {info.rounds_held === 0 ? (
        <p className="muted">
          Nothing is combined yet. Each round that is over stands here with what the held-out set says of its
          model.
        </p>
      ) : reports.length === 0 ? (
        waiting > 0 && <Skeleton lines={6} />
      ) : (
        <Drawn info={info} reports={reports} />
      )}
    </Panel>
  );
}

function Verified({ reports, waiting, failed }: { reports: number; waiting: number; failed: boolean }) {
  if (failed) return <Seal state="failed">Not all verified</Seal>;
  if (waiting > 0) return <Seal state="waiting">Verifying</Seal>;
  return <Seal state="verified">{counted(reports, 'report')} verified</Seal>;
}

function Drawn({ info, reports }: { info: TaskInfo; reports: Proved<RoundReport>[] }) {
  const measures: Measure[] = isClassifier(info.args.model) ? ['accuracy', 'loss'] : ['loss'];
  return (
    <>
      {measures.map((measure) => (
        <One key={measure} measure={measure} reports={reports} />
      ))}
      <Legend reports={reports} />
      {info.rounds_held > SHOWN_ROUNDS && (
        <p className="muted small">The latest {SHOWN_ROUNDS} rounds are shown.</p>
      )}
    </>
  );
}

const UNITS: Record<Measure, string> = { accuracy: 'accuracy, %', loss: 'loss' };

function One({ measure, reports }: { measure: Measure; reports: Proved<RoundReport>[] }) {
  const drawn = useMemo(
    () =>
      curve(
        reports.map(({ value }) => value),
        measure,
      ),
    [reports, measure],
  );
  return (
    <div className="stack-small">
      <Suspense fallback={<Skeleton lines={6} />}>
        <Chart
          times={drawn.rounds}
          series={drawn.series}
          unit={UNITS[measure]}
          label={drawn.told}
          axis="numbers"
          near
        />
      </Suspense>
      <p className="muted small">{drawn.told}</p>
    </div>
  );
}

function Legend({ reports }: { reports: Proved<RoundReport>[] }) {
  const has = (outcome: string) => reports.some(({ value }) => outcome in value.outcome);
  return (
    <ul className="legend small" aria-label="Marks">
      <li className="outcome">
        <Mark outcome="Accepted" />
        accepted
      </li>
      {has('Rejected') && (
        <li className="outcome">
          <Mark outcome="Rejected" />
          rejected: the model before stayed
        </li>
      )}
      {has('Skipped') && (
        <li className="outcome">
          <Mark outcome="Skipped" />
          skipped: too few updates
        </li>
      )}
      <li className="muted">
        {has('Rejected') ? 'Across: rounds. What is off the scale stands at its edge.' : 'Across: rounds.'}
      </li>
    </ul>
  );
}
