// `npm run lighthouse`: Lighthouse on the page as its canister serves it, from a local network of its own. Not in CI: it measures
// time, and npx downloads it. What it runs in is Debian's Chromium, or the browser that CHROMIUM names.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { constants, loadavg, setPriority } from 'node:os';
import { join } from 'node:path';
import { repository, startNetwork } from '../dev/network.mjs';
import { seed } from '../dev/seed.mjs';
import { slowdownFor } from './slowdown.mjs';

const LIGHTHOUSE = 'lighthouse@13.5.0';
const GOAL = 95;
const RUNS = 5;
const CATEGORIES = ['performance', 'accessibility', 'best-practices', 'seo'];
const METRICS = [
  'first-contentful-paint',
  'largest-contentful-paint',
  'total-blocking-time',
  'cumulative-layout-shift',
  'speed-index',
];
const PATHS = ['/', '/streams/0'];
const flags =
  '--headless=new --no-sandbox --disable-gpu --disable-background-networking --disable-component-update';

const folder = join(repository, 'frontend/e2e/.state');
mkdirSync(folder, { recursive: true });
const file = join(folder, 'lighthouse.json');

/** One run's report; with the CPU slowed down so many times, or as the preset has it. */
function measure(url, preset, categories, slowdown) {
  const args = [
    ...['--yes', LIGHTHOUSE, url, '--quiet', `--chrome-flags=${flags}`],
    ...[`--only-categories=${categories.join(',')}`, '--output=json', `--output-path=${file}`],
    ...(preset === 'desktop' ? ['--preset=desktop'] : []),
    ...(slowdown === undefined ? [] : [`--throttling.cpuSlowdownMultiplier=${slowdown}`]),
  ];
  const { status } = spawnSync('npx', args, {
    stdio: 'inherit',
    env: { ...process.env, CHROME_PATH: process.env.CHROMIUM ?? '/usr/bin/chromium' },
  });
  if (status !== 0) throw new Error(`Lighthouse ended with ${status}`);
  return JSON.parse(readFileSync(file, 'utf8'));
}

const median = (list, of) => list.toSorted((a, b) => of(a) - of(b))[Math.floor(list.length / 2)];

// The desktop preset slows nothing down. The mobile one slows the CPU down four times, which makes a mid-tier phone of a fast desktop,
// and less than a phone of a slower machine: Lighthouse's documentation (docs/throttling.md, "Calibrating the CPU slowdown") has the factor
// follow from the benchmark that Lighthouse takes in each run. How fast a machine is may change from run to run: so its median counts.
function calibrate(url) {
  const runs = Array.from({ length: RUNS }, () => measure(url, 'mobile', ['seo']));
  return slowdownFor(
    median(
      runs.map(({ environment }) => environment.benchmarkIndex),
      Number,
    ),
  );
}

/** The run in the middle: Lighthouse's docs/variability.md has a page judged by the median of five. */
function measureOften(url, preset, slowdown) {
  const performance = ({ categories }) => categories.performance.score;
  const runs = Array.from({ length: RUNS }, () => measure(url, preset, CATEGORIES, slowdown));
  return { report: median(runs, performance), each: runs.map((run) => Math.round(performance(run) * 100)) };
}

const network = await startNetwork({ folder });
// A phone does not share its processor with the server: this one takes what the browser leaves.
setPriority(network.pid, constants.priority.PRIORITY_LOW);
let low = 0;
try {
  if (!network.web) throw new Error('the canister `web` has not been built: scripts/build');
  await seed(network);
  const base = `http://${network.web}.localhost:${new URL(network.url).port}`;
  for (const preset of ['desktop', 'mobile']) {
    const slowdown = preset === 'mobile' ? calibrate(`${base}/`) : undefined;
    for (const path of PATHS) {
      const { report, each } = measureOften(`${base}${path}`, preset, slowdown);
      const { categories, audits, environment } = report;
      const scores = CATEGORIES.map((name) => Math.round(categories[name].score * 100));
      low += scores.filter((score) => score < GOAL).length;
      const named = CATEGORIES.map((name, at) => `${name} ${scores[at]}`).join(', ');
      console.log(`${preset} ${path}: ${named} (performance of each run: ${each.join(', ')})`);
      // What else this machine did meanwhile is in the figures: they say something where the load is below 1.
      console.log(
        `  ${METRICS.map((id) => `${audits[id].title} ${audits[id].displayValue}`).join(', ')}; ` +
          `${slowdown === undefined ? '' : `CPU slowed down ${slowdown} times, `}` +
          `this machine: load ${loadavg()[0].toFixed(1)}, Lighthouse's benchmark ${Math.round(environment.benchmarkIndex)}`,
      );
      for (const { id } of CATEGORIES.flatMap((name) => categories[name].auditRefs)) {
        const { score, title, displayValue } = audits[id];
        if (score !== null && score < 0.9)
          console.log(`  ${title}${displayValue ? ` (${displayValue})` : ''}`);
      }
    }
  }
} finally {
  network.stop();
}
if (low > 0) {
  console.error(`${low} scores below ${GOAL}`);
  process.exit(1);
}
