// Federated tasks on a local network, with real data: UCI's handwritten digits, a linear model, clients that train on shares of
// the set. What the journeys look at; `ddsx train` is for everything else.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { Actor, HttpAgent } from '@icp-sdk/core/agent';
import { Principal } from '@icp-sdk/core/principal';
import { keyOf, LEDGER_FEE, repository } from './network.mjs';
import { ok } from './seed.mjs';

const [INPUTS, CLASSES] = [64, 10];
const NUMBERS = INPUTS * CLASSES + CLASSES;
const DST = 100_000_000n;
/** How many of the training samples each client has. */
const SHARES = [0.4, 0.3, 0.2, 0.1];

/** Numbers from a seed (mulberry32), so that every run has the same data. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled(list, next) {
  const out = [...list];
  for (let at = out.length - 1; at > 0; at -= 1) {
    const other = Math.floor(next() * (at + 1));
    [out[at], out[other]] = [out[other], out[at]];
  }
  return out;
}

/** The digits, each cell scaled to between 0 and 1, in an order of their own. */
function readDigits() {
  const text = gunzipSync(readFileSync(join(repository, 'data/uci-digits.csv.gz'))).toString('utf8');
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(',').map(Number));
  return shuffled(rows, random(1)).map((row) => ({
    inputs: row.slice(0, INPUTS).map((cell) => cell / 16),
    label: row[INPUTS],
  }));
}

/** A safetensors file. */
function safetensors(tensors) {
  let end = 0;
  const header = {};
  for (const [name, dtype, shape, bytes] of tensors) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, 0x20)]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, ...tensors.map(([, , , bytes]) => bytes)]);
}

const floats = (numbers) => Buffer.from(Float32Array.from(numbers).buffer);

const heldOut = (samples) =>
  safetensors([
    ['inputs', 'F32', [samples.length, INPUTS], floats(samples.flatMap(({ inputs }) => inputs))],
    ['labels', 'U8', [samples.length], Buffer.from(samples.map(({ label }) => label))],
  ]);

/** The content hash of what fits one piece. */
const contentHash = (bytes) =>
  new Uint8Array(createHash('sha256').update(Uint8Array.of(0)).update(bytes).digest());

/** The numbers of a model's file: a weight for each class and input, then the biases. */
function numbersOf(file) {
  const begin = 8 + Number(Buffer.from(file).readBigUInt64LE(0));
  return new Float32Array(Uint8Array.from(file.slice(begin)).buffer);
}

/** Softmax regression by stochastic gradient descent: what a client does in a round. */
function train(numbers, samples, { epochs = 1, rate = 0.02, seed = 0 } = {}) {
  const weights = Float64Array.from(numbers);
  const next = random(seed);
  for (let epoch = 0; epoch < epochs; epoch += 1) {
    for (const { inputs, label } of shuffled(samples, next)) {
      const logits = Array.from({ length: CLASSES }, (_, digit) =>
        inputs.reduce(
          (sum, input, at) => sum + input * weights[digit * INPUTS + at],
          weights[INPUTS * CLASSES + digit],
        ),
      );
      const most = Math.max(...logits);
      const powers = logits.map((logit) => Math.exp(logit - most));
      const total = powers.reduce((sum, power) => sum + power, 0);
      powers.forEach((power, digit) => {
        const slope = rate * (power / total - (digit === label ? 1 : 0));
        inputs.forEach((input, at) => (weights[digit * INPUTS + at] -= slope * input));
        weights[INPUTS * CLASSES + digit] -= slope;
      });
    }
  }
  return weights;
}

async function connect(network, name, factories) {
  const identity = keyOf(name);
  const agent = await HttpAgent.create({ host: network.url, identity, rootKey: network.rootKey });
  return {
    principal: identity.getPrincipal(),
    aggregator: Actor.createActor(factories.aggregator, { agent, canisterId: network.aggregator }),
    ledger: Actor.createActor(factories.ledger, { agent, canisterId: network.ledger }),
  };
}

const requestId = (name) => new Uint8Array(createHash('sha256').update(name).digest());

/** Gives everyone what they need from the faucet, and lets the aggregator take it. */
async function fill(network, factories, purses) {
  const faucet = await connect(network, 'faucet', factories);
  for (const [who, amount] of purses) {
    ok(
      await faucet.ledger.icrc1_transfer({
        to: { owner: who.principal, subaccount: [] },
        amount: amount + 10n * LEDGER_FEE,
        fee: [],
        memo: [],
        from_subaccount: [],
        created_at_time: [],
      }),
    );
    ok(
      await who.ledger.icrc2_approve({
        spender: { owner: Principal.fromText(network.aggregator), subaccount: [] },
        amount: amount + 5n * LEDGER_FEE,
        from_subaccount: [],
        expected_allowance: [],
        expires_at: [],
        fee: [],
        memo: [],
        created_at_time: [],
      }),
    );
  }
}

const taskOf = (evaluation, change) => ({
  name: 'Handwritten digits',
  description:
    'UCI’s handwritten digits, 8×8 cells each, spread over four clients that keep their shares. One linear layer says which digit it is.',
  model: {
    input_shape: [INPUTS],
    layers: [{ name: 'fc', layer: { Linear: { inputs: INPUTS, outputs: CLASSES, bias: true } } }],
    output: { Classes: CLASSES },
  },
  initial: { Draw: null },
  strategy: { FedAvg: null },
  join: { Open: null },
  max_clients: 20,
  rounds: {
    rounds: 12,
    min_updates: 2,
    max_updates: SHARES.length,
    duration_s: 3_600n,
    max_samples: 10_000n,
    max_staleness: 0,
  },
  evaluation: { bytes: BigInt(evaluation.length), hash: contentHash(evaluation) },
  tolerance: 0.02,
  scoring: { LeaveOneOut: null },
  reward: [],
  norm_bound: [],
  privacy: [],
  client_config: '',
  ...change,
});

/** Three tasks: one with rounds held and one that collects, one that is over, one that is a draft. */
export async function federate(network, factories) {
  const owner = await connect(network, 'task owner', factories);
  const clients = await Promise.all(SHARES.map((_, at) => connect(network, `client ${at + 1}`, factories)));
  const perRound = 10n * DST;
  await fill(network, factories, [[owner, 12n * perRound], ...clients.map((client) => [client, 2n * DST])]);
  const digits = readDigits();
  const cut = Math.floor(digits.length * 0.2);
  const evaluation = heldOut(digits.slice(0, cut));
  const training = digits.slice(cut);
  let from = 0;
  const shares = SHARES.map((part) => {
    const to = from + Math.floor(training.length * part);
    const share = training.slice(from, to);
    from = to;
    return share;
  });

  const start = async (change) => {
    const task = ok(await owner.aggregator.create_task(taskOf(evaluation, change)));
    ok(await owner.aggregator.put_file({ task, file: { Evaluation: null }, offset: 0n, bytes: evaluation }));
    const reward = change.reward?.[0];
    if (reward) {
      const amount = reward.per_round * 12n;
      ok(
        await owner.aggregator.fund({
          task,
          amount,
          from_subaccount: [],
          request_id: requestId(`fund ${task}`),
        }),
      );
    }
    ok(await owner.aggregator.start_task(task));
    await until(async () => 'Running' in (await info(task)).stage.stage, `task ${task} runs`);
    return task;
  };
  const info = async (task) => (await owner.aggregator.task(task))[0];
  const model = async (task) => {
    const { version } = await info(task);
    return Buffer.from(ok(await owner.aggregator.model_chunk({ task, version, offset: 0n })).bytes);
  };
  const join = (client, task) =>
    client.aggregator
      .join({ task, account: [], from_subaccount: [], request_id: requestId(`join ${task}`) })
      .then(ok);
  const send = async (client, task, round, base, numbers, samples) => {
    const bytes = floats(Array.from(base, (value, at) => numbers[at] - value));
    const { version } = await info(task);
    ok(
      await client.aggregator.begin_update({
        task,
        round,
        base_version: version,
        kind: { Delta: null },
        encoding: { F32: null },
        numbers: BigInt(NUMBERS),
        samples: BigInt(samples),
        hash: contentHash(bytes),
        lineage: [],
      }),
    );
    ok(await client.aggregator.put_update({ task, round, offset: 0n, bytes }));
    return ok(await client.aggregator.finish_update({ task, round }));
  };
  /** Everyone trains and sends; `spoil` changes what a client sends. */
  const hold = async (task, round, some = clients, spoil = (numbers) => numbers) => {
    const base = numbersOf(await model(task));
    await Promise.all(
      some.map((client, at) => {
        const trained = train(base, shares[at], { seed: round * 10 + at });
        return send(client, task, round, base, spoil(trained, base, at), shares[at].length);
      }),
    );
    await until(
      async () => (await info(task)).rounds_held >= round,
      `round ${round} of task ${task} is over`,
    );
  };

  const reward = {
    ledger: Principal.fromText(network.ledger),
    per_round: perRound,
    rule: { ByWorth: null },
    stake: DST,
  };
  const running = await start({ reward: [reward], norm_bound: [1_000] });
  for (const client of clients) await join(client, running);
  for (let round = 1; round <= 8; round += 1) {
    // In one round everybody sends the model turned round: it is refused, and the model stays.
    const reversed = (_, base, at) => base.map((value) => -value * (1 + at / 100));
    await hold(running, round, clients, round === 5 ? reversed : undefined);
  }
  const base = numbersOf(await model(running));
  await send(clients[0], running, 9, base, train(base, shares[0]), shares[0].length);

  const over = await start({
    name: 'Handwritten digits, with noise',
    description: 'The same with differential privacy: updates are clipped, and noise is added to their sum.',
    privacy: [{ clip: 1, noise_multiplier: 0.3, delta: 1e-5 }],
    rounds: {
      rounds: 2,
      min_updates: 2,
      max_updates: 2,
      duration_s: 10n,
      max_samples: 10_000n,
      max_staleness: 0,
    },
    tolerance: 0.5,
  });
  for (const client of clients.slice(0, 2)) await join(client, over);
  await hold(over, 1, clients.slice(0, 2));
  const draft = ok(
    await owner.aggregator.create_task(
      taskOf(evaluation, {
        name: 'Handwritten digits, robust',
        description: 'Not begun yet.',
        strategy: { MultiKrum: { malicious: 1, keep: 3 } },
        rounds: {
          rounds: 20,
          min_updates: 5,
          max_updates: 8,
          duration_s: 600n,
          max_samples: 10_000n,
          max_staleness: 0,
        },
      }),
    ),
  );
  return {
    running,
    over,
    draft,
    model,
    /** The second round of the task that is over gets no update: it is extended, then skipped. */
    ended: () => until(async () => 'Ended' in (await info(over)).stage.stage, 'the second task is over', 60),
  };
}

async function until(holds, what, seconds = 60) {
  for (let tries = 0; tries < seconds * 4; tries += 1) {
    if (await holds()) return;
    await pause(250);
  }
  throw new Error(`waited in vain: ${what}`);
}
