// The journeys of the design's 60-frontend.md, in a real browser, against the real canisters.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { readFeed } from '../dev/seed.mjs';
import { drawDigits, refuseForgeries, seeRounds, setTasks } from './federated.mjs';
import { forgeries } from './forgeries.mjs';
import { startIdentityProvider } from './identity-provider.mjs';
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

/** The amount beside a name that begins so, in whole smallest units. */
async function amountBeside(page, name) {
  const text = await page.locator('dt', { hasText: name }).locator('+ dd').innerText();
  const [whole, places = ''] = text.replace(/[^\d.]/g, '').split('.');
  return BigInt(whole + places.padEnd(8, '0'));
}

/** What the buyer has by now. Journeys follow one another; one that is run alone gives the buyer first what it needs. */
const buyerHas = { identity: false, licence: false, visited: false };

async function needIdentity(page) {
  if (buyerHas.identity) return;
  await page.goto('/wallet');
  await signIn(page);
  buyerHas.identity = true;
}

/** Also leaves test tokens for another purchase. */
async function needLicence(page) {
  if (buyerHas.licence) return;
  await needIdentity(page);
  await page.goto('/wallet');
  await page.getByRole('button', { name: 'Get 1,000 test DST' }).click();
  await page.locator('.balance').getByText('000.00 DST').waitFor();
  await page.goto('/streams/0/buy/0');
  await page.getByRole('button', { name: 'Approve and buy' }).click();
  await page.getByRole('heading', { name: /Licence \d+ is yours/ }).waitFor();
  buyerHas.licence = true;
}

async function needVisit(page) {
  if (buyerHas.visited) return;
  await needLicence(page);
  await page.goto('/streams/0');
  await page.getByText('since you opened this page').waitFor();
  buyerHas.visited = true;
}

/** What the button beside an id copies. */
async function copied(page, label) {
  await page
    .getByRole('button', { name: `Copy ${label}` })
    .first()
    .click();
  return page.evaluate(() => navigator.clipboard.readText());
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
  buyerHas.identity = true;
  await page.getByRole('link', { name: 'Buy “one month”' }).click();
  await page.getByText('Not enough in your account').waitFor();
  await show(page, 'buy-without-funds');
  await page.getByRole('button', { name: 'Get 1,000 test DST' }).click();
  await page.getByRole('button', { name: 'Approve and buy' }).and(page.locator(':enabled')).waitFor();
  await show(page, 'buy');
  await page.getByRole('button', { name: 'Approve and buy' }).click();
  await page.getByRole('heading', { name: /Licence \d+ is yours/ }).waitFor();
  buyerHas.licence = true;
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
  buyerHas.visited = true;
  await show(page, 'live');
  assert.equal(await page.locator('.strip > span.bad').count(), 0);
  assertQuiet();
  await page.close();
});

test('should compare the head with the one kept from the last visit', async () => {
  const { page, assertQuiet } = await openPage(buyer);
  await needVisit(page);
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
  const { kept, forge } = stage.proxy.faults;
  const genuine = async (stream) => {
    kept.set('pull', undefined);
    await page.goto(`/streams/${stream}`);
    await page.locator('.records li').first().waitFor();
    return kept.get('pull');
  };
  const other = await genuine(await stage.streams.another());
  const old = await genuine(stage.streams.strong);
  await page.waitForTimeout(1_500);
  // The head of a later certificate is kept, so that the earlier reply is an old one.
  await genuine(stage.streams.strong);
  kept.clear();
  try {
    let shown = false;
    for (const [what, change, told] of forgeries(stage.streams.factories.registry, { other, old })) {
      forge.set('pull', change);
      await page.goto(`/streams/${stage.streams.strong}`);
      const notice = page.getByRole('alert').filter({ hasText: 'Not verified, so not shown' });
      await notice.waitFor();
      assert.match(await notice.innerText(), told, what);
      assert.equal(await page.locator('.records').count(), 0, `${what} was altered, and records are shown`);
      assert.equal(await page.locator('.strip > span:not(.bad)').count(), 0, `${what}: chunks are drawn`);
      await page.getByText('Refused', { exact: true }).waitFor();
      if (!shown) await show(page, 'tampered');
      shown = true;
    }
    forge.clear();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('.records li').first().waitFor();
    await show(page, 'live-free');

    // What was verified stays; what comes forged after it does not join it.
    const records = await page.locator('.records li').allInnerTexts();
    const [, change] = forgeries(stage.streams.factories.registry, { other, old })[0];
    forge.set('pull', (arg) => {
      try {
        return change(arg);
      } catch {
        return other;
      }
    });
    await page.getByText('Refused', { exact: true }).waitFor();
    assert.deepEqual(await page.locator('.records li').allInnerTexts(), records);
    await show(page, 'tampered-later');
  } finally {
    forge.clear();
  }
  assertQuiet();
  await context.close();
});

test('should pay once when the connection is lost in the middle of buying', async () => {
  const context = await stage.visitor();
  const { page, assertOnlyBrokenRequests } = await openPage(context);
  await page.goto('/wallet');
  await signIn(page);
  await page.getByRole('button', { name: 'Get 1,000 test DST' }).click();
  await page.locator('.balance').getByText('1,000.00 DST').waitFor();
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

  // The answer to the approval is lost: the ledger recognises it when it is repeated, and takes its fee once.
  const third = await balance(again.page);
  await again.page.goto('/streams/0/buy/0');
  stage.proxy.faults.loseReply.add('icrc2_approve');
  await again.page.getByRole('button', { name: 'Approve and buy' }).click();
  await again.page.getByText('The connection was lost').waitFor({ timeout: 40_000 });
  stage.proxy.faults.loseReply.clear();
  await again.page.getByRole('button', { name: 'Continue' }).last().click();
  await again.page.getByRole('heading', { name: /Licence \d+ is yours/ }).waitFor();
  assert.equal(third - (await balance(again.page)), 99_95000000n + 2n * 10_000n);
  await again.page.goto('/licences');
  await again.page.getByRole('heading', { name: 'USGS earthquakes' }).nth(1).waitFor();
  assert.equal(await again.page.getByText('is not finished').count(), 0);
  assertOnlyBrokenRequests();
  again.assertOnlyBrokenRequests();
  await context.close();
});

test('should download what was published, verified, byte by byte', async () => {
  const { page, assertQuiet } = await openPage(buyer);
  await needLicence(page);
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

  // Somebody else may publish, and nothing more; a contributor's account is named.
  const stream = page.url().split('/').at(-1);
  const helper = await stage.visitor();
  const helping = await openPage(helper);
  await helping.page.goto(`/publish/${stream}`);
  await signIn(helping.page);
  await helping.page.getByText('Only its owner and its publishers work on a stream').waitFor();
  await show(helping.page, 'not-a-publisher');
  const theirs = await copied(helping.page, 'your principal');
  await page.getByRole('button', { name: 'Add a publisher' }).click();
  await page.getByRole('dialog').getByLabel('Principal').fill('nobody');
  await page.getByRole('button', { name: 'Add the publisher' }).click();
  await page.getByText('This is no principal.').waitFor();
  await page.getByRole('dialog').getByLabel('Principal').fill(theirs);
  await page.getByLabel('May publish').selectOption('30');
  await show(page, 'add-publisher');
  await page.getByRole('button', { name: 'Add the publisher' }).click();
  await page.getByText('in 30 days').waitFor();
  await page.getByRole('button', { name: 'Name an account for ci' }).click();
  await page.getByRole('dialog').getByLabel('Account').fill(theirs);
  await show(page, 'name-account');
  await page.getByRole('button', { name: 'Enter the account' }).click();
  await page.getByText('paid from').waitFor();

  await helping.page.reload();
  await helping.page.getByText('The owner lets you publish here').waitFor();
  const more = {
    name: 'one-more.jsonl',
    mimeType: 'application/x-ndjson',
    buffer: Buffer.from(lines[0]),
  };
  await helping.page.goto('/publish');
  await helping.page.getByRole('heading', { name: 'Streams you may publish to' }).waitFor();
  await show(helping.page, 'my-streams-of-others');
  await helping.page.getByRole('link', { name: 'California earthquakes' }).click();
  await helping.page.getByText('The owner lets you publish here').waitFor();
  await helping.page.locator('#publish-file').setInputFiles(more);
  await helping.page.getByLabel('Contributor').selectOption({ label: 'nc' });
  await helping.page.getByRole('button', { name: 'Publish', exact: true }).click();
  await helping.page.getByText('1 chunk published').waitFor();
  await show(helping.page, 'publisher');
  await page.getByRole('button', { name: `Remove publisher ${theirs}` }).click();
  await page.getByText('Only you publish here').waitFor();
  await helping.page.reload();
  await helping.page.getByText('Only its owner and its publishers work on a stream').waitFor();

  // The other visitor buys; income arrives here.
  const other = await openPage(buyer);
  await needLicence(other.page);
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
  await page.getByText('1 licence sold in the last 30 days, for 12.50 DST.').waitFor();
  await page.getByText('As a table').click();
  await page.getByRole('group', { name: 'Income by day' }).getByText('12.50 DST').waitFor();
  await show(page, 'manage-stream-income');
  await page.getByRole('button', { name: 'In all' }).click();
  await page.getByText('1 licence sold in all').waitFor();
  for (const [button, name] of [
    [/^Retire/, 'retire-plan'],
    ['Add contributors', 'add-contributors'],
    ['Close the stream…', 'close-stream'],
  ]) {
    await page.getByRole('button', { name: button }).click();
    await show(page, name);
    await page.getByRole('button', { name: 'Close', exact: true }).click();
  }

  // The contributor whose account was named sees its share, and moves the account.
  await helping.page.goto('/earnings');
  await helping.page.getByRole('cell', { name: 'ci', exact: true }).waitFor();
  await helping.page.getByRole('button', { name: /^Other account/ }).click();
  await helping.page.getByRole('dialog').getByLabel('Account').fill('no account at all');
  await helping.page.getByRole('button', { name: 'Enter the account' }).click();
  await helping.page.getByText('neither a principal nor an account').waitFor();
  await show(helping.page, 'other-account');
  await helping.page.getByRole('dialog').getByLabel('Account').fill(stage.network.registry);
  await helping.page.getByRole('button', { name: 'Enter the account' }).click();
  await helping.page.getByRole('heading', { name: 'Nothing earned yet' }).waitFor();
  helping.assertQuiet();
  await helper.close();

  await page.goto('/publish');
  await page.getByRole('link', { name: 'California earthquakes' }).waitFor();
  await show(page, 'my-streams');
  assertOnlyBrokenRequests();
  await provider.close();
});

test('should let a newcomer create, pay, publish, pay ahead, close, drop and withdraw where storage costs', () =>
  stage.whereStorageCosts(async () => {
    const newcomer = await stage.visitor();
    const { page, assertOnlyBrokenRequests } = await openPage(newcomer);
    const { delayMs, loseReply } = stage.proxy.faults;
    await page.goto('/publish/new');
    await signIn(page);
    await page.getByLabel('Name', { exact: true }).fill('Rain in Brest');
    await page.getByText('Not enough in your account').waitFor();
    await show(page, 'create-stream-without-funds');
    assert.ok(await page.getByRole('button', { name: 'Pay and create the stream' }).isDisabled());
    await page.getByRole('button', { name: 'Get 1,000 test DST' }).click();
    await page.getByLabel('Prepaid for storage').fill('2.5');
    await page
      .getByRole('button', { name: 'Pay and create the stream' })
      .and(page.locator(':enabled'))
      .waitFor();
    const total = await amountBeside(page, 'Leaves your account in all');
    await show(page, 'create-stream-with-cost');

    // The answer is lost once it is approved: the very same call is repeated, and paid once.
    delayMs.set('icrc2_approve', 2_000);
    const asked = stage.proxy.seen.length;
    const sent = (method) => stage.proxy.seen.slice(asked).filter((one) => one === method).length;
    await page.getByRole('button', { name: 'Pay and create the stream' }).click();
    while (sent('icrc2_approve') === 0) await page.waitForTimeout(50);
    loseReply.add('create_stream');
    await page.getByText('asking again for the very same').waitFor();
    await show(page, 'creating-connection-lost');
    loseReply.clear();
    delayMs.clear();
    await page.getByRole('heading', { name: 'Rain in Brest' }).waitFor({ timeout: 60_000 });
    const stream = page.url().split('/').at(-1);
    assert.ok(sent('create_stream') > 2);
    assert.equal(sent('icrc2_approve'), 1);
    assert.equal(await page.evaluate(() => localStorage.getItem('ddsx:stream-draft')), null);
    assert.equal(1_000_00000000n - (await balance(page)), total);

    await page.goto(`/publish/${stream}`);
    await page.locator('#publish-file').setInputFiles({
      name: 'rain.jsonl',
      mimeType: 'application/x-ndjson',
      buffer: Buffer.from('{"mm":3}\n'.repeat(200_000)),
    });
    await page.getByText('Storing it costs about').waitFor();
    await show(page, 'publish-with-cost');
    await page.getByRole('button', { name: 'Publish', exact: true }).click();
    await page.getByText(/chunks? published/).waitFor({ timeout: 60_000 });
    await show(page, 'manage-stream-with-storage');
    await page.getByRole('button', { name: 'Pay ahead…' }).click();
    await page.getByLabel('For', { exact: true }).selectOption('12');
    await page
      .getByRole('button', { name: /^Pay \d/ })
      .and(page.locator(':enabled'))
      .waitFor();
    await show(page, 'pay-ahead');
    await page.getByRole('button', { name: /^Pay \d/ }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page
      .getByText(/in (1 year|1[23] months|next year)|next year/)
      .first()
      .waitFor();

    await page.getByRole('button', { name: 'Close the stream…' }).click();
    await page.getByText('The deposit becomes free').waitFor();
    await show(page, 'close-stream-with-deposit');
    await page.getByRole('button', { name: 'Close it for good' }).click();
    await page.getByRole('button', { name: 'Drop the records…' }).click();
    await show(page, 'drop-records');
    await page.getByRole('button', { name: 'Drop them for good' }).click();
    await page.getByText('came back: it is in your prepaid balance').waitFor({ timeout: 120_000 });
    await show(page, 'manage-stream-dropped');
    await page.goto(`/streams/${stream}`);
    await page.getByText(/Records (were|are being) dropped/).waitFor();
    await show(page, 'stream-dropped');

    // The deposit is free again; a top-up whose answer is lost is made once; everything is withdrawn.
    await page.goto('/wallet');
    const prepaid = page.getByRole('region', { name: 'Prepaid for storage' });
    await prepaid.getByText('Spent on storage').waitFor();
    const free = await amountBeside(page, 'Free: pays for storage, or is withdrawn');
    assert.equal(await amountBeside(page, 'In deposits: comes back'), 0n);
    assert.ok(free > 3_00000000n, `${free} are free: deposit and most of what was prepaid`);
    await prepaid.getByLabel('Top up by').fill('5');
    await prepaid.getByRole('button', { name: 'Review the top-up' }).click();
    await prepaid.getByRole('button', { name: 'Top up' }).and(page.locator(':enabled')).waitFor();
    await show(page, 'wallet-top-up');
    loseReply.add('top_up');
    await prepaid.getByRole('button', { name: 'Top up' }).click();
    await page.getByText('asking again for the very same').waitFor();
    loseReply.clear();
    await page.getByText('Topped up', { exact: true }).waitFor({ timeout: 60_000 });
    while ((await amountBeside(page, 'Free: pays for storage, or is withdrawn')) === free) {
      await page.waitForTimeout(200);
    }
    assert.equal(await amountBeside(page, 'Free: pays for storage, or is withdrawn'), free + 5_00000000n);
    await show(page, 'wallet-topped-up');
    await prepaid.getByRole('button', { name: 'All that is free' }).click();
    await show(page, 'wallet-withdraw');
    await prepaid.getByRole('button', { name: 'Withdraw it' }).click();
    await page.getByText('arrived in your account').waitFor();
    await show(page, 'wallet-withdrawn');
    assertOnlyBrokenRequests();
    await newcomer.close();
  }));

test('should keep a wallet: send, receive, revoke', async () => {
  const context = await stage.visitor();
  const { page, assertOnlyBrokenRequests } = await openPage(context);
  await page.goto('/wallet');
  await signIn(page);
  await page.getByRole('button', { name: 'Get 1,000 test DST' }).click();
  await page.locator('.balance').getByText('1,000.00 DST').waitFor();
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

test('should follow federated tasks, from verified reports to the model', async (journey) => {
  const { aggregator } = stage.network;
  if (!aggregator) return journey.skip('the canister `federated_aggregator` has not been built');
  const context = await stage.visitor();
  const federation = await setTasks(stage, context);
  await journey.test('should show rounds, clients, rules, books, reports, and save the model', () =>
    seeRounds(federation, context),
  );
  await journey.test('should answer a drawn digit, by mouse and by keyboard', () =>
    drawDigits(federation, context),
  );
  await journey.test('should refuse forged reports and models', () =>
    refuseForgeries(stage, federation, context),
  );
  await context.close();
});

test('should say on every page what does not answer, and go on when it does', async () => {
  const context = await stage.visitor();
  const { page, assertOnlyBrokenRequests } = await openPage(context);
  const { drop, delayMs } = stage.proxy.faults;
  await page.goto('/wallet');
  await signIn(page);
  for (const [path, method, name] of [
    ['/', 'list_streams', 'explore'],
    ['/streams/0', 'stream', 'stream'],
    ['/streams/0/buy/0', 'plans', 'buy'],
    ['/licences', 'licences_of', 'licences'],
    ['/publish', 'list_streams', 'my-streams'],
    ['/earnings', 'list_streams', 'earnings'],
    ['/wallet', 'parameters', 'wallet'],
    ['/governance', 'parameters', 'governance'],
    ...(stage.network.aggregator
      ? [
          ['/tasks', 'tasks', 'tasks'],
          ['/tasks/0', 'task', 'task'],
        ]
      : []),
  ]) {
    drop.add(method);
    await page.goto(path);
    const told = page.getByRole('alert').filter({ hasText: 'No answer' });
    await told.first().waitFor();
    await show(page, `failing-${name}`);
    drop.clear();
    await told.first().getByRole('button', { name: 'Try again' }).click();
    await told.first().waitFor({ state: 'detached' });
  }
  delayMs.set('list_streams', 60_000);
  await page.goto('/');
  await page.getByText('Loading').first().waitFor({ state: 'attached' });
  await show(page, 'loading-explore');
  delayMs.clear();
  assertOnlyBrokenRequests();
  await context.close();
});

test('should show the rules in force and who controls what', async () => {
  const { page, assertQuiet } = await openPage(buyer);
  await page.goto('/governance');
  await page.getByText('Books balance').waitFor();
  await page.getByText('2.5 % of each price').waitFor();
  if (stage.network.aggregator) await page.getByText('50,000,000 parameters').waitFor();
  await page.getByRole('button', { name: 'Copy the controller' }).nth(1).waitFor();
  await show(page, 'governance');
  await needIdentity(page);
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

// The canister tells the page its provider at an upgrade only.
const told = process.env.DDSX_E2E_PAGE !== 'canister';
test(
  'should sign in with Internet Identity, ask again when the session ends, and keep what was typed',
  { skip: !told },
  async () => {
    const provider = await startIdentityProvider();
    process.env.DDSX_IDENTITY_PROVIDER = provider.url;
    const context = await stage.visitor();
    try {
      const { page, assertQuiet } = await openPage(context);
      const answer = async (button, choice) => {
        const popup = page.waitForEvent('popup');
        await button.click();
        const window = await popup;
        const closed = window.waitForEvent('close');
        await window.getByRole('button', { name: choice }).click();
        await closed;
      };
      const signIn = page.getByRole('button', { name: 'Sign in with Internet Identity' }).first();
      await page.goto('/publish/new');
      await signIn.waitFor();
      await show(page, 'sign-in');
      await answer(signIn, 'Cancel');
      await page.getByText('You are not signed in: you cancelled it.').first().waitFor();

      provider.lifetimeMs = 12_000;
      await answer(signIn, 'Continue');
      await page.getByLabel('Name', { exact: true }).fill('Tide gauges of Brest');
      assert.equal(await copied(page, 'your principal'), provider.principal);
      await page.getByLabel('Description').fill('Typed before the session ended.');
      await page.getByText('Your session has ended').waitFor();
      await show(page, 'session-ended');
      await page.getByRole('button', { name: 'Create the stream' }).click();
      await page.getByText('Nothing was sent, and nothing was charged.').waitFor();
      assert.ok(!stage.proxy.seen.slice(-20).includes('create_stream'));
      assert.equal(await page.getByLabel('Description').inputValue(), 'Typed before the session ended.');

      provider.lifetimeMs = 3_600_000;
      await answer(page.getByRole('button', { name: 'Sign in again' }), 'Continue');
      await page.getByText('Your session has ended').first().waitFor({ state: 'detached' });
      assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Tide gauges of Brest');
      await page.getByRole('button', { name: 'Create the stream' }).click();
      await page.getByRole('heading', { name: 'Tide gauges of Brest' }).waitFor();

      await page.goto('/publish');
      await page.getByRole('link', { name: 'Tide gauges of Brest' }).waitFor();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByText('You are not signed in', { exact: true }).waitFor();
      await page.reload();
      await page.getByText('You are not signed in', { exact: true }).waitFor();

      // A session that ends while nobody looks.
      provider.lifetimeMs = 4_000;
      await answer(signIn, 'Continue');
      await page.getByRole('link', { name: 'Tide gauges of Brest' }).waitFor();
      await page.goto('about:blank');
      await page.waitForTimeout(4_500);
      await page.goto('/wallet');
      await page.getByText('Your session has ended').waitFor();
      await page.getByText('You are not signed in', { exact: true }).waitFor();
      assertQuiet();
    } finally {
      delete process.env.DDSX_IDENTITY_PROVIDER;
      provider.stop();
      await context.close();
    }
  },
);

test('should have no page that is too wide, or in which axe finds anything', () => {
  assert.deepEqual(flaws, []);
});
