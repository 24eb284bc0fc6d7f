// A local network with the canisters, filled with real data: for `npm run network` and for the end-to-end tests.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HttpAgent } from '@icp-sdk/core/agent';
import { IDL } from '@icp-sdk/core/candid';
import { Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import { Principal } from '@icp-sdk/core/principal';

export const repository = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const LEDGER_FEE = 10_000n;
const CYCLES = 100_000_000_000_000n;

/** The key of a name, the same on every start: only ever for networks on this machine. */
export function keyOf(name) {
  return Ed25519KeyIdentity.generate(seedOf(name));
}

function seedOf(name) {
  return new Uint8Array(createHash('sha256').update(`DDSX local network: ${name}`).digest());
}

/** Starts a network of its own. Ends with `stop()`. */
export async function startNetwork({
  binary = process.env.POCKET_IC_BIN ?? join(repository, 'target/debug/local-network'),
  canisters = process.env.DDSX_CANISTERS ?? join(repository, 'target/canisters'),
  folder = join(repository, 'target/local'),
  ttl = 86_400,
} = {}) {
  for (const path of [binary, canisters]) {
    if (!existsSync(path)) throw new Error(`${path} is missing: run scripts/build first`);
  }
  mkdirSync(folder, { recursive: true });
  const portFile = join(folder, `network-${process.pid}.port`);
  rmSync(portFile, { force: true });
  const server = spawn(binary, ['--port-file', portFile, '--ttl', String(ttl)], {
    stdio: 'ignore',
    env: { ...process.env, POCKET_IC_MUTE_SERVER: '1' },
  });
  const stop = () => {
    server.kill();
    rmSync(portFile, { force: true });
  };
  try {
    const admin = `http://127.0.0.1:${await portIn(portFile, server)}`;
    const url = await openInstance(admin);
    const network = await deploy(url, canisters);
    const { registry, ledger, aggregator, rootKey } = network;
    const config = {
      network: url,
      root_key: hex(rootKey),
      ledger,
      registry,
      ...(aggregator ? { aggregator } : {}),
    };
    writeFileSync(join(folder, 'ddsx.json'), `${JSON.stringify(config, null, 2)}\n`);
    writeFileSync(join(folder, 'faucet.json'), `${JSON.stringify({ seed: hex(seedOf('faucet')) })}\n`);
    return { ...network, url, folder, pid: server.pid, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

async function portIn(file, server) {
  for (let tries = 0; tries < 200; tries += 1) {
    if (server.exitCode !== null) throw new Error(`the local network ended with ${server.exitCode}`);
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (text.endsWith('\n')) return Number(text);
    await pause(50);
  }
  throw new Error('the local network did not say where it listens');
}

async function post(url, body) {
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${url}: ${reply.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** An instance whose application subnet is certified through a root subnet, as on mainnet, following the real time. */
async function openInstance(admin) {
  const subnet = {
    state_config: 'New',
    instruction_config: 'Production',
    subnet_admins: null,
    cost_schedule: 'Normal',
  };
  const created = await post(`${admin}/instances`, {
    subnet_config_set: {
      nns: subnet,
      sns: null,
      ii: null,
      fiduciary: null,
      bitcoin: null,
      system: [],
      application: [subnet],
      cloud_engine: [],
      verified_application: [],
    },
    http_gateway_config: null,
    state_dir: null,
    icp_config: null,
    log_level: null,
    bitcoind_addr: null,
    dogecoind_addr: null,
    icp_features: null,
    incomplete_state: null,
    initial_time: null,
    mainnet_nns_subnet_id: null,
  });
  const id = created.Created?.instance_id;
  if (id === undefined) throw new Error(`no instance: ${JSON.stringify(created)}`);
  await post(`${admin}/instances/${id}/update/set_time`, { nanos_since_epoch: Date.now() * 1_000_000 });
  await post(`${admin}/instances/${id}/auto_progress`, { artificial_delay_ms: null });
  const gateway = await post(`${admin}/http_gateway`, {
    ip_addr: '127.0.0.1',
    port: null,
    forward_to: { PocketIcInstance: id },
    domains: null,
    https_config: null,
    domain_custom_provider_local_file: null,
  });
  if (!gateway.Created) throw new Error(`no gateway: ${JSON.stringify(gateway)}`);
  const topology = await (await fetch(`${admin}/instances/${id}/_/topology`)).json();
  const url = `http://127.0.0.1:${gateway.Created.port}`;
  defaultEffective.set(url, topology.default_effective_canister_id.canister_id);
  return url;
}

const defaultEffective = new Map();

const Account = IDL.Record({ owner: IDL.Principal, subaccount: IDL.Opt(IDL.Vec(IDL.Nat8)) });
const Listing = IDL.Record({
  ledger: IDL.Principal,
  symbol: IDL.Text,
  decimals: IDL.Nat8,
  fee: IDL.Nat,
  transaction_window_ns: IDL.Opt(IDL.Nat64),
  dedup_first: IDL.Bool,
  payout_threshold: IDL.Nat,
});

const StoragePrice = IDL.Record({
  ledger: IDL.Principal,
  deposit: IDL.Nat,
  gib_month: IDL.Nat,
  accepted: IDL.Bool,
});

async function deploy(url, canisters) {
  const operator = keyOf('operator');
  const agent = await HttpAgent.create({ host: url, identity: operator, shouldFetchRootKey: true });
  const effective = Principal.fromUint8Array(
    Uint8Array.from(Buffer.from(defaultEffective.get(url), 'base64')),
  );
  const governance = operator.getPrincipal();
  const account = (owner) => ({ owner, subaccount: [] });

  const LedgerInit = IDL.Record({
    name: IDL.Text,
    symbol: IDL.Text,
    decimals: IDL.Opt(IDL.Nat8),
    fee: IDL.Nat,
    minting_account: Account,
    initial_balances: IDL.Vec(IDL.Tuple(Account, IDL.Nat)),
    max_supply: IDL.Nat,
    max_memo_length: IDL.Opt(IDL.Nat16),
    logo: IDL.Opt(IDL.Text),
  });
  const ledger = await install(agent, effective, join(canisters, 'dst_ledger.wasm.gz'), [
    [IDL.Opt(IDL.Variant({ Init: LedgerInit }))],
    [
      [
        {
          Init: {
            name: 'Data Stream Token',
            symbol: 'DST',
            decimals: [8],
            fee: LEDGER_FEE,
            minting_account: { owner: governance, subaccount: [new Uint8Array(32).fill(1)] },
            initial_balances: [[account(keyOf('faucet').getPrincipal()), 10_000_000_00000000n]],
            max_supply: 1_000_000_000_00000000n,
            max_memo_length: [],
            logo: [],
          },
        },
      ],
    ],
  ]);

  const RegistryInit = IDL.Record({
    assets: IDL.Opt(IDL.Vec(Listing)),
    payout_interval_s: IDL.Opt(IDL.Nat64),
    governance: IDL.Opt(IDL.Principal),
    protocol_fee_bps: IDL.Opt(IDL.Nat16),
    treasury: IDL.Opt(Account),
    storage_prices: IDL.Opt(IDL.Vec(StoragePrice)),
  });
  const listing = {
    ledger: Principal.fromText(ledger),
    symbol: 'DST',
    decimals: 8,
    fee: LEDGER_FEE,
    transaction_window_ns: [],
    dedup_first: true,
    payout_threshold: 2n * LEDGER_FEE,
  };
  const registry = await install(agent, effective, join(canisters, 'stream_registry.wasm.gz'), [
    [IDL.Opt(RegistryInit)],
    [
      [
        {
          assets: [[listing]],
          payout_interval_s: [5n],
          // Here storing costs nothing; elsewhere a stream has a deposit and a price (docs/registry.md).
          storage_prices: [[{ ledger: listing.ledger, deposit: 0n, gib_month: 0n, accepted: true }]],
          governance: [governance],
          protocol_fee_bps: [250],
          treasury: [{ owner: governance, subaccount: [new Uint8Array(32).fill(9)] }],
        },
      ],
    ],
  ]);
  const aggregator = await deployAggregator(
    agent,
    effective,
    join(canisters, 'federated_aggregator.wasm.gz'),
    {
      governance: [governance],
      treasury: [{ owner: governance, subaccount: [new Uint8Array(32).fill(8)] }],
      assets: [[listing]],
      registries: [[Principal.fromText(registry)]],
      storage_fee: [{ ledger: [], per_mib: 0n, cycles_per_mib: 0n }],
    },
  );
  const web = await deployPage(agent, effective, join(canisters, 'web.wasm.gz'), {
    'PUBLIC_CANISTER_ID:stream_registry': registry,
    'PUBLIC_CANISTER_ID:dst_ledger': ledger,
    ...(aggregator ? { 'PUBLIC_CANISTER_ID:federated_aggregator': aggregator } : {}),
    PUBLIC_FAUCET_SEED: hex(seedOf('faucet')),
  });
  return { ledger, registry, aggregator, web, rootKey: agent.rootKey };
}

/** What storing costs from now on, in whole smallest units of DST: the deposit a stream, and each GiB and month. */
export async function setStoragePrice({ url, rootKey, registry, ledger }, deposit, gibMonth) {
  const agent = await HttpAgent.create({ host: url, identity: keyOf('operator'), rootKey });
  const price = {
    ledger: Principal.fromText(ledger),
    deposit,
    gib_month: gibMonth,
    accepted: true,
  };
  await agent.update(Principal.fromText(registry), {
    methodName: 'set_storage_price',
    arg: IDL.encode([StoragePrice], [price]),
    effectiveCanisterId: Principal.fromText(registry),
  });
}

/** The referee of federated tasks, where `scripts/build` has built it. */
async function deployAggregator(agent, effective, file, args) {
  if (!existsSync(file)) return undefined;
  // What is left out keeps its default: the limits. Storage and computing cost nothing here.
  const StorageFee = IDL.Record({
    ledger: IDL.Opt(IDL.Principal),
    per_mib: IDL.Nat,
    cycles_per_mib: IDL.Nat,
  });
  const AggregatorArgs = IDL.Record({
    governance: IDL.Opt(IDL.Principal),
    treasury: IDL.Opt(Account),
    storage_fee: IDL.Opt(StorageFee),
    assets: IDL.Opt(IDL.Vec(Listing)),
    registries: IDL.Opt(IDL.Vec(IDL.Principal)),
  });
  return install(agent, effective, file, [[IDL.Opt(AggregatorArgs)], [[args]]]);
}

/** The page's own canister, where `scripts/build` has built it. */
async function deployPage(agent, effective, file, told) {
  if (!existsSync(file)) return undefined;
  const Variable = IDL.Record({ name: IDL.Text, value: IDL.Text });
  const WebArgs = IDL.Record({ variables: IDL.Opt(IDL.Vec(Variable)) });
  const variables = Object.entries(told).map(([name, value]) => ({ name, value }));
  return install(agent, effective, file, [[IDL.Opt(WebArgs)], [[{ variables: [variables] }]]]);
}

async function install(agent, effective, file, [types, values]) {
  const manage = async (method, type, value, canister) => {
    const { reply } = await agent.update(Principal.managementCanister(), {
      methodName: method,
      arg: IDL.encode([type], [value]),
      effectiveCanisterId: canister,
    });
    return reply;
  };
  const created = await manage(
    'provisional_create_canister_with_cycles',
    IDL.Record({ amount: IDL.Opt(IDL.Nat) }),
    { amount: [CYCLES] },
    effective,
  );
  const [{ canister_id: id }] = IDL.decode([IDL.Record({ canister_id: IDL.Principal })], created);
  await manage(
    'install_code',
    IDL.Record({
      mode: IDL.Variant({ install: IDL.Null }),
      canister_id: IDL.Principal,
      wasm_module: IDL.Vec(IDL.Nat8),
      arg: IDL.Vec(IDL.Nat8),
    }),
    {
      mode: { install: null },
      canister_id: id,
      wasm_module: new Uint8Array(readFileSync(file)),
      arg: IDL.encode(types, values),
    },
    id,
  );
  return id.toText();
}

function hex(bytes) {
  return Buffer.from(bytes).toString('hex');
}
