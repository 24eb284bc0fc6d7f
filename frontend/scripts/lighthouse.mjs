// `npm run lighthouse`: Lighthouse on the page as its canister serves it, from a local network of its own. Not in CI: it measures
// time, and npx downloads it. What it runs in is Debian's Chromium, or the browser that CHROMIUM names.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { repository, startNetwork } from '../dev/network.mjs';
import { seed } from '../dev/seed.mjs';

const LIGHTHOUSE = 'lighthouse@13.5.0';
const GOAL = 95;
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
const network = await startNetwork({ folder });
let low = 0;
try {
  if (!network.web) throw new Error('the canister `web` has not been built: scripts/build');
  await seed(network);
  const base = `http://${network.web}.localhost:${new URL(network.url).port}`;
  for (const preset of ['desktop', 'mobile']) {
    for (const path of PATHS) {
      const report = join(folder, 'lighthouse.json');
      const args = [
        ...['--yes', LIGHTHOUSE, `${base}${path}`, '--quiet', `--chrome-flags=${flags}`],
        ...[`--only-categories=${CATEGORIES.join(',')}`, '--output=json', `--output-path=${report}`],
        ...(preset === 'desktop' ? ['--preset=desktop'] : []),
      ];
      const { status } = spawnSync('npx', args, {
        stdio: 'inherit',
        env: { ...process.env, CHROME_PATH: process.env.CHROMIUM ?? '/usr/bin/chromium' },
      });
      if (status !== 0) throw new Error(`Lighthouse ended with ${status}`);
      const { categories, audits, environment } = JSON.parse(readFileSync(report, 'utf8'));
      const scores = CATEGORIES.map((name) => Math.round(categories[name].score * 100));
      low += scores.filter((score) => score < GOAL).length;
      console.log(`${preset} ${path}: ${CATEGORIES.map((name, at) => `${name} ${scores[at]}`).join(', ')}`);
      // What else this machine did meanwhile is in the figures: they say something where the load is below 1.
      console.log(
        `  ${METRICS.map((id) => `${audits[id].title} ${audits[id].displayValue}`).join(', ')}; ` +
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
