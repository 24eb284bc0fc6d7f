// The journeys of the design's 60-frontend.md, in a real browser, against the real canisters.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { readFeed } from '../dev/seed.mjs';
import { alterAfter } from './proxy.mjs';
import { flaws, openPage, setStage, show, signIn } from './stage.mjs';

let stage;
let buyer;
before(async () => {
  stage = await setStage();
  buyer = await stage.visitor();
});
after(() => stage?.strike());

/** What a page says an account holds, in whole smallest units. */
async function balance(page) {
  await page.goto('/wallet');
  const text = await page.locator('.balance .num').first().innerText();
  const [whole, places = ''] = text.replace(/[^\d.]/g, '').split('.');
  return BigInt(whole + places.padEnd(8, '0'));
}

test('should lead a new visitor from the earthquakes to verified live records', async () => {
  const { page, assertQuiet } = await openPage(buyer);
  await page.goto('/');
  await page.getByRole('heading', { name: 'USGS earthquakes', exact: true }).waitFor();
  await page.getByRole('searchbox', { name: 'Search' }).fill('nothing like this');
  await page.getByRole('heading', { name: 'Nothing matches' }).waitFor();
  await page.getByRole('button', { name: 'Show all streams' }).click();
  await page.getByRole('button', { name: /^free/ }).click();
  await page.getByRole('heading', { name: 'USGS earthquakes, magnitude 4.5 and above' }).waitFor();
  await page.getByRole('button', { name: /^free/ }).click();
  await show(page, 'explore');

  await page.getByRole('link', { name: 'USGS earthquakes', exact: true }).click();
  await page.getByText('Needs a licence').waitFor();
  await show(page, 'stream-without-licence');

  await signIn(page);
  await page.getByRole('link', { name: 'Buy “one month”' }).click();
  await page.getByText('Not enough in your account').waitFor();
  await show(page, 'buy-without-funds');
  await page.getByRole('button', { name: 'Get 1 000 test DST' }).click();
  await page.getByRole('button', { name: 'Approve and buy' }).and(page.locator(':enabled')).waitFor();
  await show(page, 'buy');
  await page.getByRole('button', { name: 'Approve and buy' }).click();
  await page.getByRole('heading', { name: /Licence \d+ is yours/ }).waitFor();
  await show(page, 'bought');

  await page.getByRole('link', { name: 'Watch it live' }).click();
  await page.getByText('since you opened this page').waitFor();
  const first = await page.locator('.strip > span').count();
  const stop = new AbortController();
  const growing = stage.streams.live({ everyMs: 300, records: 3, signal: stop.signal });
  await page.waitForFunction((before) => document.querySelectorAll('.strip > span').length > before, first);
  await page.getByText('What was checked').click();
  await page.getByText('Certificate, to the network’s root key').waitFor();
  await page.getByText('certified data', { exact: false }).first().waitFor();
  stop.abort();
  await growing;
  await show(page, 'live');
  assert.equal(await page.locator('.strip > span.bad').count(), 0);
  assertQuiet();
  await page.close();
});

test('should compare the head with the one kept from the last visit', async () => {
  const { page, assertQuiet } = await openPage(buyer);
  await stage.streams.live({ everyMs: 1, records: 1, signal: AbortSignal.timeout(200) });
  await page.goto('/streams/0');
  await page.getByText('since you opened this page').waitFor();
  await page.getByText('What was checked').click();
  await page
    .getByText(/The same head as last time|The chunks pass through the head|A consistency proof shows/)
    .waitFor();
  assertQuiet();
  await page.close();
});

test('should show a tampered reply as failed, never as data', async () => {
  const context = await stage.visitor();
  const { page, assertQuiet } = await openPage(context);
  for (const [name, forge] of [
    ['a record', alterAfter('"mag":')],
    ['the certificate', alterAfter('signature')],
  ]) {
    stage.proxy.faults.forge.set('pull', forge);
    await page.goto('/streams/1');
    await page.getByText('Not verified, so not shown').waitFor();
    assert.equal(await page.locator('.records').count(), 0, `${name} was altered, and records are shown`);
    if (name === 'a record') {
      await page.getByText('its payload was altered').waitFor();
      await show(page, 'tampered');
    }
  }
  stage.proxy.faults.forge.clear();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('.records li').first().waitFor();
  await show(page, 'live-free');
  assertQuiet();
  await context.close();
});

test('should pay once when the connection is lost in the middle of buying', async () => {
  const context = await stage.visitor();
  const { page, assertOnlyBrokenRequests } = await openPage(context);
  await page.goto('/wallet');
  await signIn(page);
  await page.getByRole('button', { name: 'Get 1 000 test DST' }).click();
  await page.locator('.balance').getByText('1 000.00 DST').waitFor();
  const had = await balance(page);
  await page.goto('/streams/0/buy/0');
  stage.proxy.faults.loseReply.add('buy');
  await page.getByRole('button', { name: 'Approve and buy' }).click();
  await page.getByText('the connection was lost; asking again').waitFor();
  await show(page, 'buying-connection-lost');
  stage.proxy.faults.loseReply.clear();
  await page.getByRole('heading', { name: /Licence \d+ is yours/ }).waitFor();
  assert.equal(had - (await balance(page)), 99_95000000n + 2n * 10_000n);

  // The tab is closed while the call is under way; another one goes on with the same purchase.
  const before = await balance(page);
  await page.goto('/streams/0/buy/0');
  stage.proxy.faults.delayMs.set('buy', 1_500);
  await page.getByRole('button', { name: 'Approve and buy' }).click();
  await page.getByText('Pay and get the licence').waitFor();
  while (!stage.proxy.seen.slice(-3).includes('buy')) await page.waitForTimeout(50);
  await page.close();
  stage.proxy.faults.delayMs.clear();
  const again = await openPage(context);
  await again.page.goto('/licences');
  await again.page.getByText('is not finished').waitFor();
  await show(again.page, 'licences-unfinished');
  await again.page.getByRole('link', { name: 'Continue' }).click();
  await show(again.page, 'buy-unfinished');
  await again.page.getByRole('button', { name: 'Continue' }).click();
  await again.page.getByRole('heading', { name: /Licence \d+ is yours/ }).waitFor();
  assert.equal(before - (await balance(again.page)), 99_95000000n + 2n * 10_000n);
  await again.page.goto('/licences');
  await again.page.getByRole('heading', { name: 'USGS earthquakes' }).nth(1).waitFor();
  assert.equal(await again.page.getByText('is not finished').count(), 0);
  assertOnlyBrokenRequests();
  again.assertQuiet();
  await context.close();
});

test('should download what was published, verified, byte by byte', async () => {
  const { page, assertQuiet } = await openPage(buyer);
  await page.goto('/licences');
  await page.getByText('Certified').first().waitFor();
  const downloaded = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download verified data' }).click();
  const text = readFileSync(await (await downloaded).path(), 'utf8');
  const published = readFeed().map(({ line }) => `${line}\n`);
  const lines = text.split('\n').length - 1;
  assert.ok(lines >= 1_600, `${lines} records`);
  assert.equal(text, published.slice(0, lines).join(''));
  await page.getByText('verified and saved').waitFor();
  await page.getByText('ddsx stream pull 0 --licence').waitFor();
  await show(page, 'licences');
  assertQuiet();
  await page.close();
});

test('should let a provider publish a file, and earn from it', async () => {
  const provider = await stage.visitor();
  const { page, assertOnlyBrokenRequests } = await openPage(provider);
  await page.goto('/publish');
  await show(page, 'signed-out');
  await signIn(page);
  await page.getByRole('heading', { name: 'You have no streams' }).waitFor();
  await show(page, 'my-streams-empty');
  await page.getByRole('link', { name: 'Create a stream' }).first().click();
  await page.getByRole('button', { name: 'Create the stream' }).click();
  await page.getByText('Give it a name').waitFor();
  await page.getByLabel('Name', { exact: true }).fill('California earthquakes');
  await page
    .getByLabel('Description')
    .fill('What the networks of California reported to USGS in a week of 2018.');
  await page.getByLabel('Tags').fill('earthquakes, california');
  await page.getByLabel('Terms of use').fill('CC0-1.0');
  const principal = await page.evaluate(
    () => document.querySelector('[aria-label="Copy your principal"]') !== null,
  );
  assert.ok(principal);
  await show(page, 'create-stream');
  await page.reload();
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'California earthquakes');
  await page.getByRole('button', { name: 'Create the stream' }).click();
  await page.getByRole('heading', { name: 'California earthquakes' }).waitFor();

  await page.getByRole('button', { name: 'Add a plan' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('one week');
  await page.getByRole('dialog').getByLabel('Time').fill('7');
  await page.getByRole('dialog').getByLabel('Price').fill('12.5');
  await show(page, 'add-plan');
  await page.getByRole('dialog').getByRole('button', { name: 'Add the plan' }).click();
  await page.getByText('12.50 DST').waitFor();

  const lines = readFeed()
    .filter(({ net }) => ['ci', 'nc'].includes(net))
    .map(({ line }) => `${line}\n`);
  const file = {
    name: 'california.jsonl',
    mimeType: 'application/x-ndjson',
    buffer: Buffer.from(lines.join('')),
  };
  await page.locator('#publish-file').setInputFiles(file);
  await page.getByLabel('Credit the records to').selectOption('field');
  await page.getByRole('textbox', { name: 'Field' }).fill('properties.net');
  stage.proxy.faults.loseReply.add('append');
  await page.getByRole('button', { name: 'Publish', exact: true }).click();
  await page.getByText('The connection was lost').waitFor({ timeout: 40_000 });
  await show(page, 'publish-interrupted');
  stage.proxy.faults.loseReply.clear();
  await page.reload();
  await page.getByText('is not published to its end').waitFor();
  await page.locator('#publish-file').setInputFiles(file);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText(/chunks? published/).waitFor();
  await page.locator('.facts dd', { hasText: String(lines.length) }).waitFor();
  await show(page, 'manage-stream');

  // The other visitor buys; income arrives here.
  const other = await openPage(buyer);
  await other.page.goto('/');
  await other.page.getByRole('link', { name: 'California earthquakes' }).click();
  await other.page.getByRole('link', { name: 'Buy “one week”' }).click();
  await other.page.getByRole('button', { name: 'Approve and buy' }).click();
  await other.page.getByRole('heading', { name: /Licence \d+ is yours/ }).waitFor();
  other.assertQuiet();
  await other.page.close();

  await page.goto('/earnings');
  await page.getByRole('cell', { name: 'provider', exact: true }).waitFor();
  await page.getByText('3.65615 DST').first().waitFor();
  await show(page, 'earnings');
  const csv = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as CSV' }).click();
  assert.match(readFileSync(await (await csv).path(), 'utf8'), /^stream,name,as,asset,due/);
  await page.goto('/publish');
  await page.getByRole('link', { name: 'California earthquakes' }).click();
  await page.getByText('1 licence sold.').waitFor();
  await show(page, 'manage-stream-income');
  await page.goto('/publish');
  await show(page, 'my-streams');
  assertOnlyBrokenRequests();
  await provider.close();
});

test('should keep a wallet: send, receive, revoke', async () => {
  const context = await stage.visitor();
  const { page, assertOnlyBrokenRequests } = await openPage(context);
  await page.goto('/wallet');
  await signIn(page);
  await page.getByRole('button', { name: 'Get 1 000 test DST' }).click();
  await page.locator('.balance').getByText('1 000.00 DST').waitFor();
  await page.getByRole('textbox', { name: 'To' }).fill('not an account');
  await page.getByRole('textbox', { name: 'Amount' }).fill('1.123456789');
  await page.getByRole('button', { name: 'Review' }).click();
  await page.getByText('neither a principal nor an account').waitFor();
  await page.getByText('has 8 decimal places').waitFor();
  await page.getByRole('textbox', { name: 'To' }).fill(stage.network.registry);
  await page.getByRole('textbox', { name: 'Amount' }).fill('1.5');
  await page.getByRole('button', { name: 'Review' }).click();
  await show(page, 'send-review');
  await page.getByRole('button', { name: 'Send it' }).click();
  await page.getByText('998.4999 DST').first().waitFor();

  // An approval whose purchase never got through: the registry could still take it, so it can be revoked.
  stage.proxy.faults.drop.add('buy');
  await page.goto('/streams/0/buy/0');
  await page.getByRole('button', { name: 'Approve and buy' }).click();
  await page.getByText('asking again').waitFor();
  await page.goto('/wallet');
  stage.proxy.faults.drop.clear();
  await page.getByText('may take').waitFor();
  await show(page, 'wallet');
  await page.getByRole('button', { name: 'Revoke' }).click();
  await page.getByText(/may take (any|no)thing from your account/).waitFor();
  const history = page.getByRole('region', { name: 'History' });
  if (await history.count()) {
    await history.getByText('Allowance revoked').waitFor();
    await history.getByText('Sent').waitFor();
    await show(page, 'wallet-history');
  }
  await page.goto('/streams/0/buy/0');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('Not enough approved').waitFor();
  await page.getByRole('button', { name: 'Approve and buy' }).click();
  await page.getByRole('heading', { name: /Licence \d+ is yours/ }).waitFor();
  assertOnlyBrokenRequests();
  await context.close();
});

test('should show the rules in force and who controls what', async () => {
  const { page, assertQuiet } = await openPage(buyer);
  await page.goto('/governance');
  await page.getByText('Books balance').waitFor();
  await page.getByText('2.5 % of each price').waitFor();
  await page.getByRole('button', { name: 'Copy the controller' }).nth(1).waitFor();
  await show(page, 'governance');
  await page.goto('/earnings');
  await page.getByRole('heading', { name: 'Nothing earned yet' }).waitFor();
  await show(page, 'earnings-empty');
  await page.goto('/nowhere');
  await show(page, 'not-found');
  assertQuiet();
  await page.close();
});

test('should be used with the keyboard alone', async () => {
  const { page, assertQuiet } = await openPage(buyer);
  await page.goto('/');
  await page.getByRole('heading', { name: 'USGS earthquakes', exact: true }).waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole('button', { name: 'Menu' }).press('Enter');
  await page.getByRole('dialog', { name: 'Menu' }).waitFor();
  await show(page, 'menu');
  await page.keyboard.press('Escape');
  assert.equal(await page.getByRole('dialog').count(), 0);
  assertQuiet();
  await page.close();
});

test('should have no page that is too wide, or in which axe finds anything', () => {
  assert.deepEqual(flaws, []);
});
