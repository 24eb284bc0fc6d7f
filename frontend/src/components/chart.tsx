// The one charting library, uPlot, in the page's own colours. The figures stand beside it as text: a canvas tells a screen reader nothing.
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Series {
  label: string;
  values: (number | null)[];
  color?: 'verified' | 'signal';
  fill?: boolean;
  steps?: boolean;
  bars?: boolean;
}

const HEIGHT = 190;

function color(name: string): string {
  // A custom property with light-dark() is resolved only where it is used as a colour.
  const probe = document.createElement('span');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}

export default function Chart({
  times,
  series,
  label,
  unit,
  timeAxis = true,
}: {
  /** Seconds since the Unix epoch, or numbers. */
  times: number[];
  series: Series[];
  /** What it shows, for those who do not see it. */
  label: string;
  unit: string;
  timeAxis?: boolean;
}) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const host = place.current;
    if (!host) return undefined;
    let plot: uPlot | undefined;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(
        options(host.clientWidth, series, unit, timeAxis),
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
  }, [times, series, unit, timeAxis]);
  return <div ref={place} className="chart" role="img" aria-label={label} />;
}

/** Times on the axis, in the reader's own way: with the day where they span more than one. */
function clock(seconds: number[]): string[] {
  const span = (seconds.at(-1) ?? 0) - (seconds[0] ?? 0);
  const format = new Intl.DateTimeFormat(
    undefined,
    span > 86_400
      ? { day: 'numeric', month: 'short' }
      : { hour: '2-digit', minute: '2-digit', ...(span < 600 ? { second: '2-digit' } : {}) },
  );
  return seconds.map((at) => format.format(at * 1000));
}

function options(width: number, series: Series[], unit: string, timeAxis: boolean): uPlot.Options {
  const axis = {
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
    scales: {
      x: { time: timeAxis },
      y: { range: (_, min, max) => [Math.min(0, min), max === 0 ? 1 : max * 1.1] },
    },
    axes: [
      { ...axis, space: 90, ...(timeAxis ? { values: (_: uPlot, at: number[]) => clock(at) } : {}) },
      { ...axis, size: 64, label: unit, labelFont: axis.font, labelSize: 18 },
    ],
    series: [
      {},
      ...series.map((one) => ({
        label: one.label,
        stroke: color(one.color ?? 'verified'),
        width: 1.5,
        ...(one.fill || one.bars
          ? { fill: color(one.color === 'signal' ? 'signal-soft' : 'verified-soft') }
          : {}),
        ...(one.bars && bars ? { paths: bars } : {}),
        ...(one.steps && steps ? { paths: steps } : {}),
        points: { show: !one.bars && one.values.length < 40 },
      })),
    ],
  };
}
