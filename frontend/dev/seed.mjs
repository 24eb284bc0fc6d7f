// Fills a local network with the real USGS feed: what is sold is the whole feed, and what is free is the part of it anybody would
// try first. The rest of the feed arrives live.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { Actor, HttpAgent } from '@icp-sdk/core/agent';
import { Principal } from '@icp-sdk/core/principal';
import { createServer } from 'vite';
import { keyOf, repository } from './network.mjs';

const PUBLISHED_FIRST = 1_600;
const DAY_NS = 24n * 3_600n * 1_000_000_000n;

/** The feed's events: the line as published, the seismic network, when it happened (ms since the epoch), the magnitude. */
export function readFeed() {
  const text = gunzipSync(readFileSync(join(repository, 'data/usgs-earthquakes-2018-w05.jsonl.gz'))).toString(
    'utf8',
  );
  return text
    .split('\n')
    .filter((line) => line)
    .map((line) => {
      const { net, time, mag } = JSON.parse(line).properties;
      return { line, net, time, mag };
    });
}

/** The generated interfaces, which are TypeScript, through Vite's own loader. */
export async function interfaces() {
  const vite = await createServer({
    root: join(repository, 'frontend'),
    server: { middlewareMode: true, watch: null },
    logLevel: 'error',
    appType: 'custom',
    // Nothing is bundled for a page that is not served.
    optimizeDeps: { noDiscovery: true, include: [] },
  });
  try {
    return {
      registry: (await vite.ssrLoadModule('/src/bindings/stream_registry.did.ts')).idlFactory,
      ledger: (await vite.ssrLoadModule('/src/bindings/icrc_ledger.did.ts')).idlFactory,
      aggregator: (await vite.ssrLoadModule('/src/bindings/federated_aggregator.did.ts')).idlFactory,
    };
  } finally {
    await vite.close();
  }
}

/** Both canisters as the one with this key sees them. */
export async function connect(network, identity, factories) {
  const agent = await HttpAgent.create({ host: network.url, identity, rootKey: network.rootKey });
  return {
    principal: identity.getPrincipal(),
    registry: Actor.createActor(factories.registry, { agent, canisterId: network.registry }),
    ledger: Actor.createActor(factories.ledger, { agent, canisterId: network.ledger }),
  };
}

/** Publishes the streams; `live` goes on publishing until its signal ends it. */
export async function seed(network) {
  const factories = await interfaces();
  const provider = await connect(network, keyOf('provider'), factories);
  const events = readFeed();
  const labels = [...new Set(events.map((event) => event.net))].sort();
  const contributors = labels.map((label) => ({
    label,
    account: [{ owner: keyOf(`seismic network ${label}`).getPrincipal(), subaccount: [] }],
  }));
  const common = {
    provider_account: { owner: provider.principal, subaccount: [] },
    contact: ['https://earthquake.usgs.gov'],
    contributors_share_bps: 7_000,
    schema: [
      JSON.stringify({
        type: 'object',
        required: ['type', 'properties', 'geometry', 'id'],
        properties: {
          id: { type: 'string' },
          geometry: { type: 'object', description: 'GeoJSON point: longitude, latitude, depth in km' },
          properties: { type: 'object', description: 'mag, place, time, net, … as USGS names them' },
        },
      }),
    ],
    licence_terms: { Spdx: 'CC0-1.0' },
    content_type: 'application/x-ndjson',
    contributors,
    payment: [],
  };
  const all = ok(
    await provider.registry.create_stream({
      ...common,
      name: 'USGS earthquakes',
      description:
        'All earthquakes worldwide as USGS reports them, one GeoJSON Feature a line. Each record is credited to the seismic network that contributed it, and the networks share the income by what they contributed.',
      tags: ['earthquakes', 'geojson', 'live'],
    }),
  );
  ok(
    await provider.registry.add_plan({
      stream: all,
      name: 'one month',
      kind: { Subscription: { duration_ns: 30n * DAY_NS } },
      prices: [{ ledger: Principal.fromText(network.ledger), amount: 99_95000000n }],
    }),
  );
  ok(
    await provider.registry.add_plan({
      stream: all,
      name: 'for ever',
      kind: { Perpetual: null },
      prices: [{ ledger: Principal.fromText(network.ledger), amount: 900_00000000n }],
    }),
  );
  const strong = ok(
    await provider.registry.create_stream({
      ...common,
      name: 'USGS earthquakes, magnitude 4.5 and above',
      description:
        'The strong events of the USGS feed, free for everyone: to see what a stream is, and to test a client against.',
      tags: ['earthquakes', 'geojson', 'free'],
    }),
  );
  ok(
    await provider.registry.add_plan({ stream: strong, name: 'open data', kind: { Free: null }, prices: [] }),
  );

  const append = async (stream, at, part, size) => {
    const chunks = [];
    for (let from = 0; from < part.length; from += size)
      chunks.push(chunkOf(part.slice(from, from + size), labels));
    const appended = ok(await provider.registry.append({ stream, expected_sequence: BigInt(at), chunks }));
    return Number(appended.head.tree_size);
  };
  const first = events.slice(0, PUBLISHED_FIRST);
  let next = await append(all, 0, first, 20);
  await append(
    strong,
    0,
    first.filter((event) => event.mag >= 4.5),
    3,
  );
  const rest = events.slice(PUBLISHED_FIRST);
  const live = async ({ everyMs = 5_000, records = 1, signal } = {}) => {
    while (rest.length > 0 && !signal?.aborted) {
      next = await append(all, next, rest.splice(0, records), records);
      await pause(everyMs);
    }
  };
  /** A third stream, free as the second is; its number. */
  const another = async () => {
    const stream = ok(
      await provider.registry.create_stream({
        ...common,
        name: 'USGS earthquakes, a sample',
        description: 'Some hundred events of the feed, to try a client with.',
        tags: ['earthquakes', 'sample'],
      }),
    );
    ok(await provider.registry.add_plan({ stream, name: 'sample', kind: { Free: null }, prices: [] }));
    await append(stream, 0, first.slice(0, 120), 4);
    return Number(stream);
  };
  return { all: Number(all), strong: Number(strong), another, provider, factories, live };
}

function chunkOf(events, labels) {
  const counts = new Map();
  for (const { net } of events) counts.set(net, (counts.get(net) ?? 0) + 1);
  const credits = [...counts]
    .map(([net, records]) => ({ contributor: labels.indexOf(net), records: BigInt(records) }))
    .sort((a, b) => a.contributor - b.contributor);
  return {
    credits,
    provider_timestamp: BigInt(events.at(-1).time) * 1_000_000n,
    payload: new TextEncoder().encode(events.map(({ line }) => `${line}\n`).join('')),
  };
}

/** What a canister answers; throws what it refuses. */
export function ok(result) {
  if ('Ok' in result) return result.Ok;
  throw new Error(JSON.stringify(result, (_, value) => (typeof value === 'bigint' ? String(value) : value)));
}
