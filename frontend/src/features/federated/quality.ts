// A task's rounds as curves: quality of the model in force, and of what was refused.
import type { RoundReport } from '@/api/aggregator';
import type { Series } from '@/components/chart';
import { counted, figure, share } from '@/lib/text';
import { outcomeName } from './words';

export interface Curve {
  rounds: number[];
  series: Series[];
  /** What it shows, in words. */
  told: string;
}

export type Measure = 'accuracy' | 'loss';

function measured({ evaluated: [evaluated] }: RoundReport, measure: Measure): number | null {
  if (!evaluated) return null;
  const value = measure === 'loss' ? evaluated.loss : evaluated.accuracy[0];
  return value === undefined || !Number.isFinite(value) ? null : value;
}

const shown = (value: number, measure: Measure) => (measure === 'accuracy' ? share(value) : figure(value));

/**
 * The curve of a measure by round. The line joins the accepted models; a rejected one stands beside it, and a skipped round
 * where the model stayed.
 */
export function curve(reports: readonly RoundReport[], measure: Measure): Curve {
  const scale = measure === 'accuracy' ? 100 : 1;
  const [accepted, rejected, skipped] = [0, 1, 2].map(() => [] as (number | null)[]) as [
    (number | null)[],
    (number | null)[],
    (number | null)[],
  ];
  let inForce: number | null = null;
  for (const report of reports) {
    const outcome = outcomeName(report.outcome);
    const value = measured(report, measure);
    if (outcome === 'Accepted') inForce = value;
    accepted.push(outcome === 'Accepted' && value !== null ? value * scale : null);
    rejected.push(outcome === 'Rejected' && value !== null ? value * scale : null);
    skipped.push(outcome === 'Skipped' && inForce !== null ? inForce * scale : null);
  }
  const marks: Series[] = [
    { label: 'Rejected', values: withinSight(rejected, accepted), color: 'failed', mark: 'cross' },
    { label: 'Skipped', values: skipped, color: 'muted', mark: 'ring' },
  ];
  return {
    rounds: reports.map(({ round }) => round),
    series: [
      { label: 'Accepted', values: accepted, color: 'verified', joined: true },
      ...marks.filter(({ values }) => values.some((value) => value !== null)),
    ],
    told: words(reports, measure),
  };
}

/** A refused model may be far worse than any other: where it would flatten the curve it stands at the edge. */
function withinSight(values: readonly (number | null)[], curve: readonly (number | null)[]) {
  const known = curve.filter((value) => value !== null);
  if (known.length === 0) return [...values];
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const room = (most - least) / 2 || Math.abs(most) * 0.05 || 1;
  return values.map((value) =>
    value === null ? null : Math.min(most + room, Math.max(least - room, value)),
  );
}

function words(reports: readonly RoundReport[], measure: Measure): string {
  const name = measure === 'accuracy' ? 'Accuracy' : 'Loss';
  const values = reports
    .filter(({ outcome }) => 'Accepted' in outcome)
    .map((report) => measured(report, measure))
    .filter((value) => value !== null);
  const [first, last] = [values[0], values.at(-1)];
  if (first === undefined || last === undefined) return `${name}: no round was accepted yet.`;
  if (values.length === 1) return `${name} ${shown(last, measure)} after one accepted round.`;
  return `${name} from ${shown(first, measure)} to ${shown(last, measure)} in ${counted(values.length, 'accepted round')}.`;
}
