// `npm run bench`: how long verifying 10 MiB of chunks takes in Chromium, in a worker of its own for each run, as on a page
// that was just opened. A measurement; no test depends on it.
import { Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import { startNetwork } from '../dev/network.mjs';
import { connect, interfaces } from '../dev/seed.mjs';
import { join } from 'node:path';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { IDL } from '@icp-sdk/core/candid';
import { HttpAgent } from '@icp-sdk/core/agent';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';
import { repository } from '../dev/network.mjs';

const MIB = 1024 * 1024;
const CHUNK = 64 * 1024;
const BATCH = 24;
const frontend = join(repository, 'frontend');
const folder = join(frontend, 'e2e/.state/bench');
const runs = Number(process.argv[2] ?? 11);

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const network = await startNetwork({ folder });
let browser;
let server;
try {
  const factories = await interfaces();
  const owner = await connect(network, Ed25519KeyIdentity.generate(), factories);
  const created = await owner.registry.create_stream({
    name: 'measured',
    description: '',
    tags: [],
    content_type: 'application/octet-stream',
    licence_terms: { Spdx: 'CC0-1.0' },
    contact: [],
    schema: [],
    provider_account: { owner: owner.principal, subaccount: [] },
    contributors_share_bps: 5_000,
    contributors: [{ label: 'one', account: [] }],
    payment: [],
  });
  const stream = created.Ok;
  await owner.registry.add_plan({ stream, name: 'free', kind: { Free: null }, prices: [] });
  const total = (10 * MIB) / CHUNK;
  for (let at = 0; at < total; at += BATCH) {
    const chunks = Array.from({ length: Math.min(BATCH, total - at) }, (_, index) => ({
      payload: new Uint8Array(CHUNK).map((_, byte) => (byte * 31 + at + index) & 255),
      provider_timestamp: BigInt(Date.now()) * 1_000_000n,
      credits: [{ contributor: 0, records: 1n }],
    }));
    await owner.registry.append({ stream, expected_sequence: BigInt(at), chunks });
  }
  const service = factories.registry({ IDL });
  const types = service._fields.find(([name]) => name === 'pull')[1].argTypes;
  const agent = await HttpAgent.create({ host: network.url, rootKey: network.rootKey });
  const replies = [];
  const certificates = new Set();
  for (let from = 0n; from < BigInt(total);) {
    const arg = IDL.encode(types, [{ stream, from, max_bytes: [], licence: [], with_left_frontier: false }]);
    const { reply } = await agent.query(network.registry, { methodName: 'pull', arg });
    const returned = service._fields.find(([name]) => name === 'pull')[1].retTypes;
    const [{ Ok: pulled }] = IDL.decode(returned, reply.arg);
    certificates.add(Buffer.from(pulled.head.certificate[0]).toString('hex'));
    replies.push({ from: String(from), reply: Buffer.from(reply.arg).toString('base64') });
    from = pulled.next;
  }
  await build({
    root: frontend,
    configFile: join(frontend, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: join(folder, 'dist'), rolldownOptions: { input: join(frontend, 'e2e/bench.html') } },
  });
  writeFileSync(
    join(folder, 'dist/input.json'),
    JSON.stringify({
      rootKey: Buffer.from(network.rootKey).toString('hex'),
      canister: network.registry,
      stream: String(stream),
      replies,
    }),
  );
  server = await preview({
    root: frontend,
    build: { outDir: join(folder, 'dist') },
    preview: { port: 0, host: '127.0.0.1' },
    logLevel: 'error',
  });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu'],
  });
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(error));
  await page.goto(`http://127.0.0.1:${server.httpServer.address().port}/e2e/bench.html`);
  await page.waitForFunction(() => 'measure' in globalThis);
  const times = await page.evaluate(async (count) => globalThis.measure(count), runs);
  times.sort((a, b) => a - b);
  // As every bench here says it: one JSON object a line.
  const tell = (bench, value, unit) => console.log(JSON.stringify({ bench, value: Math.round(value), unit }));
  tell('verify/10_MiB_in_64_KiB_chunks/median', times[times.length >> 1], 'ms');
  tell('verify/10_MiB_in_64_KiB_chunks/best', times[0], 'ms');
  tell('verify/10_MiB_in_64_KiB_chunks/worst', times.at(-1), 'ms');
  tell('verify/10_MiB_in_64_KiB_chunks/runs', times.length, 'runs');
  tell('verify/10_MiB_in_64_KiB_chunks/replies', replies.length, 'replies');
  tell('verify/10_MiB_in_64_KiB_chunks/certificates', certificates.size, 'certificates');
} finally {
  await browser?.close();
  await server?.close();
  network.stop();
}
