// The journeys through federated tasks, where the network has their canister.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { IDL } from '@icp-sdk/core/candid';
import { federate } from '../dev/federate.mjs';
import { openPage, show } from './stage.mjs';

/** Before anybody has made a task; then with some. */
export async function setTasks(stage, context) {
  const { page, assertQuiet } = await openPage(context);
  await page.goto('/');
  await page.getByRole('link', { name: 'Federated tasks' }).first().click();
  await page.getByRole('heading', { name: 'No tasks yet' }).waitFor();
  await page.getByText('ddsx task create task.toml').waitFor();
  await show(page, 'tasks-empty');
  const federation = await federate(stage.network, stage.streams.factories);
  await page.getByRole('heading', { name: 'Handwritten digits', exact: true }).waitFor();
  assertQuiet();
  await page.close();
  return federation;
}

export async function seeRounds(federation, context) {
  const { page, assertQuiet } = await openPage(context);
  await page.goto('/tasks');
  await page.getByText('10.00 DST').first().waitFor();
  await show(page, 'tasks');
  await page.getByRole('link', { name: 'Handwritten digits', exact: true }).click();
  await page.getByText('8 reports verified').waitFor();
  await page.getByText(/Accuracy from .* in 7 accepted rounds/).waitFor();
  await page.getByText('rejected: the model before stayed').waitFor();
  await page.getByRole('heading', { name: 'Round 9 of 12' }).waitFor();
  await page.getByText('1 of 4 updates are here').waitFor();
  await page.getByText('They balance').waitFor();
  await show(page, 'task');
  assert.equal(await page.getByRole('row').count(), 9, 'a row for each round, and the head');

  await page.getByRole('tab', { name: 'Clients' }).click();
  await page.getByRole('group', { name: 'Clients' }).getByRole('row').nth(4).waitFor();
  await show(page, 'task-clients');
  await page.getByRole('tab', { name: 'Rules' }).click();
  await page.getByText('FedAvg: the mean, weighted by samples').waitFor();
  await show(page, 'task-rules');
  await page.getByRole('tab', { name: 'Model' }).click();
  await page.getByText('From 64 numbers to 10 classes: 650 parameters in 1 layer.').waitFor();
  await show(page, 'task-model');

  // What is saved is the model as the canister has it.
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download, verified' }).click();
  const download = await saved;
  assert.equal(download.suggestedFilename(), 'handwritten-digits-v7.safetensors');
  const file = readFileSync(await download.path());
  assert.ok(file.equals(await federation.model(federation.running)), 'the downloaded model');
  await page.getByText('Verified and saved').waitFor();
  await page.getByText(/^ddsx train 0 .*--data/s).waitFor();

  await page.getByRole('tab', { name: 'Rounds' }).click();
  await page.getByRole('link', { name: 'Report of round 8' }).click();
  await page.getByText('What was checked').click();
  await page.getByText('Certificate, to the network’s root key').waitFor();
  await page.getByText('Recognised, class by class').waitFor();
  await show(page, 'round');
  for (let round = 7; round >= 5; round -= 1) {
    await page.getByRole('link', { name: `Round ${round}`, exact: true }).click();
    await page.getByRole('heading', { name: `Round ${round}`, exact: true }).waitFor();
  }
  await page.getByText('The combined model was worse than the task allows').waitFor();
  await show(page, 'round-rejected');
  await page.goto('/tasks/0/rounds/9');
  await page.getByRole('heading', { name: 'Round 9 is not over' }).waitFor();
  await show(page, 'round-open');

  await federation.ended();
  await page.goto(`/tasks/${federation.over}`);
  await page.getByText('skipped: too few updates').waitFor();
  await page.getByText('Privacy spent').waitFor();
  await show(page, 'task-over');
  await page.goto(`/tasks/${federation.over}/rounds/2`);
  await page.getByText('No update was combined.').waitFor();
  await show(page, 'round-skipped');
  await page.goto(`/tasks/${federation.draft}`);
  await page.getByText('Nothing runs yet').waitFor();
  await show(page, 'task-draft');
  await page.goto('/tasks/99');
  await page.getByRole('heading', { name: 'There is no task 99' }).waitFor();
  await show(page, 'task-unknown');
  assertQuiet();
  await page.close();
}

/** A ring: what a hand makes of a zero. */
async function drawRing(page, sheet) {
  const box = await sheet.boundingBox();
  const at = (turn) => [
    box.x + box.width * (0.5 + 0.22 * Math.cos(turn)),
    box.y + box.height * (0.5 + 0.34 * Math.sin(turn)),
  ];
  await page.mouse.move(...at(0));
  await page.mouse.down();
  for (let step = 1; step <= 24; step += 1) await page.mouse.move(...at((step / 24) * 2 * Math.PI));
  await page.mouse.up();
}

export async function drawDigits(federation, context) {
  const { page, assertQuiet } = await openPage(context);
  await page.goto(`/tasks/${federation.running}`);
  const sheet = page.getByRole('application', { name: 'Sheet to draw a digit on' });
  await sheet.waitFor();
  await sheet.scrollIntoViewIfNeeded();
  const said = page.locator('.said-digit');
  await drawRing(page, sheet);
  await said.getByText('0', { exact: false }).waitFor();
  assert.match(await said.innerText(), /The model says\s*0/);
  const chances = await page.locator('.chances .right').allInnerTexts();
  const sum = chances.reduce((all, text) => all + Number.parseFloat(text), 0);
  assert.ok(Math.abs(sum - 100) < 1, `the probabilities sum to ${sum} %`);
  await page.getByText('it is not certified').waitFor();
  await show(page, 'digit');

  // The same with the keyboard alone: a stroke from top to bottom.
  await page.getByRole('button', { name: 'Clear the sheet' }).click();
  await page.getByText('Draw a digit here').waitFor();
  assert.doesNotMatch(await said.innerText(), /The model says/);
  await page.getByRole('button', { name: 'Clear the sheet' }).waitFor();
  await sheet.press('ArrowUp');
  for (let step = 0; step < 5; step += 1) await sheet.press('ArrowUp');
  for (let step = 0; step < 12; step += 1) await sheet.press('Shift+ArrowDown');
  await sheet.press(' ');
  await said.getByText('The model says').waitFor({ state: 'attached' });
  assert.match(await said.innerText(), /The model says\s*\d/);
  await show(page, 'digit-by-keyboard');
  assertQuiet();
  await page.close();
}

/** Forged reports and models are shown as refused, and nothing of them. */
export async function refuseForgeries(stage, federation, context) {
  const { page, assertQuiet } = await openPage(context);
  const { forge } = stage.proxy.faults;
  const service = stage.streams.factories.aggregator({ IDL });
  const types = (method) => service._fields.find(([name]) => name === method)[1].retTypes;
  const altered = (method, change) => (arg) => {
    const answer = IDL.decode(types(method), arg)[0];
    change(answer);
    return new Uint8Array(IDL.encode(types(method), [answer]));
  };
  const flip = (bytes, at = bytes.length >> 1) => {
    bytes[at] ^= 1;
  };
  const refused = page.getByRole('alert').filter({ hasText: 'Not verified, so not shown' });
  try {
    let shown = false;
    for (const [what, change, told] of [
      [
        'a byte of the report',
        ([one]) => flip(one.report),
        /was altered: its bytes are not the certified ones/i,
      ],
      [
        'the witness',
        ([one]) => flip(one.witness, one.witness.length - 1),
        /witness (does not lead to|cannot be read)/i,
      ],
      ['the certificate', ([one]) => flip(one.certificate[0], 80), /signature is wrong|cannot be read/i],
      ['no certificate', ([one]) => (one.certificate = []), /no certificate/i],
    ]) {
      forge.set('report', altered('report', change));
      await page.goto(`/tasks/${federation.running}/rounds/3`);
      await refused.first().waitFor();
      assert.match(await refused.first().innerText(), told, what);
      assert.equal(await page.getByRole('table').count(), 0, `${what} was altered, and clients are shown`);
      if (!shown) await show(page, 'round-forged');
      shown = true;
    }
    await page.goto(`/tasks/${federation.running}`);
    await page.getByText('Not all verified').waitFor();
    assert.equal(await page.locator('.chart canvas').count(), 0, 'forged reports are drawn');
    await show(page, 'task-forged');
    forge.clear();
    await refused.first().getByRole('button', { name: 'Try again' }).click();
    await page.getByText('8 reports verified').waitFor();

    forge.set(
      'model_info',
      altered('model_info', ([one]) => flip(one.encoded, one.encoded.length - 1)),
    );
    await page.reload();
    await refused.waitFor();
    forge.clear();
    await refused.getByRole('button', { name: 'Try again' }).click();
    forge.set(
      'model_chunk',
      altered('model_chunk', ({ Ok }) => flip(Ok.bytes)),
    );
    await page.getByRole('button', { name: 'Download, verified' }).click();
    await refused.waitFor();
    assert.match(await refused.innerText(), /content hash is not the certified one/i);
    await show(page, 'model-forged');
  } finally {
    forge.clear();
  }
  assertQuiet();
  await page.close();
}
