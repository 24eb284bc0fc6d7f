// Records what a registry answers, with its proofs, for the tests of the verifier: `node dev/record.mjs` while `npm run network` runs.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HttpAgent } from '@icp-sdk/core/agent';
import { IDL } from '@icp-sdk/core/candid';
import { keyOf, repository } from './network.mjs';
import { connect, interfaces, readFeed } from './seed.mjs';

const config = JSON.parse(readFileSync(join(repository, 'target/local/ddsx.json'), 'utf8'));
const network = {
  url: config.network,
  registry: config.registry,
  ledger: config.ledger,
  rootKey: Buffer.from(config.root_key, 'hex'),
};
const factories = await interfaces();
const service = factories.registry({ IDL });
const agent = await HttpAgent.create({ host: network.url, rootKey: network.rootKey });
const stream = 1n;

async function ask(method, args) {
  const types = service._fields.find(([name]) => name === method)[1].argTypes;
  const { reply } = await agent.query(network.registry, {
    methodName: method,
    arg: IDL.encode(types, [args]),
  });
  return Buffer.from(reply.arg).toString('base64');
}
const pull = (from, maxBytes, left) =>
  ask('pull', { stream, from, max_bytes: maxBytes, licence: [], with_left_frontier: left });

const provider = await connect(network, keyOf('provider'), factories);
const size = (await provider.registry.stream(stream))[0].chunks;
const answers = { begin: await pull(0n, [1n], false), end: await pull(size - 1n, [], true) };
const event = readFeed()[0];
const appended = await provider.registry.append({
  stream,
  expected_sequence: size,
  chunks: [
    {
      credits: [{ contributor: 0, records: 1n }],
      provider_timestamp: BigInt(event.time) * 1_000_000n,
      payload: Buffer.from(`${event.line}\n`),
    },
  ],
});
if (!('Ok' in appended)) throw new Error('not appended');
answers.grown = await pull(size, [], true);
answers.consistency = await ask('consistency_proof', { stream, first: size, second: [size + 1n] });
answers.rewound = await pull(size - 1n, [], true);
const at = BigInt(Date.now()) * 1_000_000n;
const recorded = {
  root_key: config.root_key,
  registry: config.registry,
  stream: String(stream),
  size: String(size),
  at: String(at),
  answers,
};
writeFileSync(
  join(repository, 'frontend/src/verify/recorded.json'),
  `${JSON.stringify(recorded, null, 2)}\n`,
);
