// `npm run e2e`: checks the built page's size, then the journeys.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { join, dirname } from 'node:path';

const here = dirname(fileURLToPath(import.meta.url));
for (const args of [
  [join(here, '../scripts/bundle-size.mjs')],
  ['--test', join(here, 'journeys.test.mjs')],
]) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
