// The stage of the journeys: a network with the real canisters, the built page, a browser, and somebody in between.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { preview } from 'vite';
import { repository, setStoragePrice, startNetwork } from '../dev/network.mjs';
import { seed } from '../dev/seed.mjs';
import { startProxy } from './proxy.mjs';

const frontend = join(repository, 'frontend');
const screenshots = join(frontend, 'e2e/screenshots');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Whether the journeys go to the page's canister (`npm run e2e:canister`), not to the files as built. */
const fromCanister = process.env.DDSX_E2E_PAGE === 'canister';

const SIZES = [1280, 390];
const SCHEMES = ['light', 'dark'];

export async function setStage() {
  rmSync(screenshots, { recursive: true, force: true });
  mkdirSync(screenshots, { recursive: true });
  const folder = join(frontend, 'e2e/.state');
  const network = await startNetwork({ folder });
  const streams = await seed(network);
  const proxy = await startProxy(network.url);
  const { base, close } = fromCanister ? served(network, proxy) : await previewed(folder, proxy);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  return {
    network,
    streams,
    proxy,
    browser,
    base,
    /** Runs what is done while storing costs as it does by default: 1 DST a stream, 1 DST for each GiB and month. */
    async whereStorageCosts(journey) {
      await setStoragePrice(network, 100_000_000n, 100_000_000n);
      try {
        await journey();
      } finally {
        await setStoragePrice(network, 0n, 0n);
      }
    },
    /** Somebody's browser: storage of its own. */
    async visitor() {
      const context = await browser.newContext({
        baseURL: base,
        viewport: { width: 1280, height: 900 },
        acceptDownloads: true,
        permissions: ['clipboard-read', 'clipboard-write'],
        locale: 'en-GB',
      });
      context.setDefaultTimeout(Number(process.env.DDSX_E2E_TIMEOUT ?? 20_000));
      return context;
    },
    async strike() {
      await browser.close();
      await close();
      proxy.stop();
      network.stop();
    },
  };
}

/** The built files, served by Vite. */
async function previewed(folder, proxy) {
  process.env.DDSX_CONFIG = join(folder, 'ddsx.json');
  process.env.DDSX_PROXY_TARGET = proxy.url;
  const server = await preview({
    root: frontend,
    preview: { port: 0, host: '127.0.0.1' },
    logLevel: 'error',
  });
  const { port } = server.httpServer.address();
  return { base: `http://127.0.0.1:${port}`, close: () => server.close() };
}

/** The page as its canister serves it, through the network's gateway, which refuses what is not certified. */
function served(network, proxy) {
  assert.ok(network.web, 'the canister `web` has not been built: scripts/build');
  return { base: `http://${network.web}.localhost:${new URL(proxy.url).port}`, close: () => {} };
}

/** A page whose console must stay clean. `forgive()` answers what was said so far, for journeys that break the connection on purpose. */
export async function openPage(context) {
  const page = await context.newPage();
  const said = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') said.push(message.text());
  });
  page.on('pageerror', (error) => said.push(String(error)));
  return {
    page,
    assertQuiet: () => assert.deepEqual(said, [], 'the browser’s console'),
    /** Only what the browser itself says of requests that were broken on purpose. */
    assertOnlyBrokenRequests: () =>
      assert.deepEqual(
        said.filter((text) => !text.startsWith('Failed to load resource')),
        [],
      ),
  };
}

/** What is wrong with the pages shown: told together, once all of them were seen. */
export const flaws = [];

/** Screenshots at both widths in both schemes; what axe finds, and pages that are too wide, go to `flaws`. */
export async function show(page, name) {
  for (const width of SIZES) {
    for (const colorScheme of SCHEMES) {
      await page.setViewportSize({ width, height: width > 800 ? 900 : 844 });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.evaluate(() => scrollTo(0, 0));
      await page.waitForTimeout(300);
      await page.screenshot({
        path: join(screenshots, `${name}-${width}-${colorScheme}.png`),
        fullPage: true,
      });
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      if (overflow > 0) flaws.push(`${name} at ${width} px is ${overflow} px too wide`);
      await page.evaluate(`${axe}; undefined`);
      const violations = await page.evaluate(async () => {
        const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
        return violations.map(
          ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(' | ')}`,
        );
      });
      flaws.push(...violations.map((text) => `axe on ${name} at ${width} px, ${colorScheme}: ${text}`));
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: null });
}

export async function signIn(page) {
  await page.getByRole('button', { name: 'Use a development identity' }).first().click();
  await page.getByText('Development identity, kept in this browser').first().waitFor();
}
