// The one charting library, uPlot, in the page's own colours. The figures stand beside it as text: a canvas tells a screen reader nothing.
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { color } from '@/lib/color';

export interface Series {
  label: string;
  values: (number | null)[];
  color?: 'verified' | 'signal' | 'failed' | 'muted';
  fill?: boolean;
  steps?: boolean;
  bars?: boolean;
  /** Whether the line goes on across what is missing. */
  joined?: boolean;
  /** Single marks, without a line: told apart by their shape too. */
  mark?: 'ring' | 'cross';
}

/** What the horizontal axis counts: moments, whole days in UTC, or plain numbers. */
export type Axis = 'time' | 'days' | 'numbers';

const HEIGHT = 190;
const HALF_DAY_S = 43_200;
const WHOLE_NUMBERS = [1, 2, 5]
  .flatMap((step) => [1, 10, 100, 1_000, 10_000].map((power) => step * power))
  .sort((a, b) => a - b);
const DAYS_BETWEEN_TICKS = [1, 2, 5, 7, 10, 14, 30, 60, 90, 180, 365].map((days) => days * 86_400);

export default function Chart({
  times,
  series,
  label,
  unit,
  axis = 'time',
  near = false,
}: {
  /** Seconds since the Unix epoch; numbers on a plain axis. */
  times: number[];
  series: Series[];
  /** What it shows, for those who do not see it. */
  label: string;
  unit: string;
  axis?: Axis;
  /** Whether the vertical axis begins near the least value, and not at zero. */
  near?: boolean;
}) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const host = place.current;
    if (!host) return undefined;
    let plot: uPlot | undefined;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(
        options(host.clientWidth, series, unit, axis, near),
        [times, ...series.map((one) => one.values)],
        host,
      );
    };
    draw();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    const resized = new ResizeObserver(() => plot?.setSize({ width: host.clientWidth, height: HEIGHT }));
    resized.observe(host);
    return () => {
      scheme.removeEventListener('change', draw);
      resized.disconnect();
      plot?.destroy();
    };
  }, [times, series, unit, axis, near]);
  return <div ref={place} className="chart" role="img" aria-label={label} />;
}

/** Times on the axis, in the reader's own way: with the day where they span more than one. */
function clock(seconds: number[], axis: Axis): string[] {
  if (axis === 'days') {
    const format = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' });
    return seconds.map((at) => format.format(at * 1000));
  }
  const span = (seconds.at(-1) ?? 0) - (seconds[0] ?? 0);
  const format = new Intl.DateTimeFormat(
    undefined,
    span > 86_400
      ? { day: 'numeric', month: 'short' }
      : { hour: '2-digit', minute: '2-digit', ...(span < 600 ? { second: '2-digit' } : {}) },
  );
  return seconds.map((at) => format.format(at * 1000));
}

/** A room around what is shown, so that a single value and marks at the edge are seen whole. */
function around(min: number, max: number): [number, number] {
  const room = (max - min) * 0.15 || Math.abs(max) * 0.1 || 1;
  return [min >= 0 ? Math.max(0, min - room) : min - room, max + room];
}

/** Crosses where uPlot draws points. */
function crosses(size: number): NonNullable<uPlot.Series.Points['paths']> {
  return (plot, series, first, last) => {
    const path = new Path2D();
    const half = (size / 2) * devicePixelRatio;
    for (let index = first; index <= last; index += 1) {
      const value = plot.data[series]?.[index];
      const at = plot.data[0][index];
      if (value === null || value === undefined || at === undefined) continue;
      const [x, y] = [plot.valToPos(at, 'x', true), plot.valToPos(value, 'y', true)];
      path.moveTo(x - half, y - half);
      path.lineTo(x + half, y + half);
      path.moveTo(x + half, y - half);
      path.lineTo(x - half, y + half);
    }
    return { stroke: path };
  };
}

function points(one: Series): uPlot.Series.Points {
  switch (one.mark) {
    case 'cross':
      return { show: true, width: 2, paths: crosses(8) };
    case 'ring':
      return { show: true, size: 8, width: 1.5, fill: color('panel') };
    default:
      return { show: !one.bars && one.values.length < 40 };
  }
}

function options(width: number, series: Series[], unit: string, axis: Axis, near: boolean): uPlot.Options {
  const look = {
    stroke: color('muted'),
    font: '12px "IBM Plex Mono", monospace',
    grid: { stroke: color('line'), width: 1 },
    ticks: { stroke: color('tick'), width: 1, size: 5 },
  };
  const bars = uPlot.paths.bars?.({ size: [0.7, 40] });
  const steps = uPlot.paths.stepped?.({ align: 1 });
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false },
    ...(axis === 'days' ? { tzDate: (at: number) => uPlot.tzDate(new Date(at * 1000), 'UTC') } : {}),
    scales: {
      x: {
        time: axis !== 'numbers',
        // Room for the halves of the first and the last bar.
        ...(axis === 'days'
          ? { range: (_: uPlot, min: number, max: number) => [min - HALF_DAY_S, max + HALF_DAY_S] as const }
          : {}),
        ...(axis === 'numbers'
          ? { range: (_: uPlot, min: number, max: number) => [min - 0.5, max + 0.5] as const }
          : {}),
      },
      y: {
        range: (_, min, max) => (near ? around(min, max) : [Math.min(0, min), max === 0 ? 1 : max * 1.1]),
      },
    },
    axes: [
      {
        ...look,
        size: 34,
        space: 90,
        ...(axis === 'days' ? { incrs: DAYS_BETWEEN_TICKS } : {}),
        ...(axis === 'numbers' ? { incrs: WHOLE_NUMBERS } : {}),
        ...(axis === 'numbers' ? {} : { values: (_: uPlot, at: number[]) => clock(at, axis) }),
      },
      { ...look, size: 64, label: unit, labelFont: look.font, labelSize: 18 },
    ],
    series: [
      {},
      ...series.map((one) => ({
        label: one.label,
        stroke: color(one.color ?? 'verified'),
        width: one.bars || one.mark ? 0 : 1.5,
        ...(one.mark ? { paths: () => null } : {}),
        ...(one.fill || one.bars
          ? { fill: color(`${one.color ?? 'verified'}${one.bars ? '' : '-soft'}`) }
          : {}),
        ...(one.bars && bars ? { paths: bars } : {}),
        ...(one.steps && steps ? { paths: steps } : {}),
        ...(one.joined ? { spanGaps: true } : {}),
        points: points(one),
      })),
    ],
  };
}
