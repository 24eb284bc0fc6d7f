import { IC_ROOT_KEY } from '@icp-sdk/core/agent';
import { describe, expect, it } from 'vitest';
import { toHex } from '@/verify/bytes';
import { isLoopback, MAINNET_ROOT_KEY, readEnvironment } from './environment';

const LOCAL_KEY = `3081${'ab'.repeat(131)}`;

const cookie = (entries: Record<string, string>, name = 'ic_env'): string =>
  `theme=dark; ${name}=${encodeURIComponent(
    Object.entries(entries)
      .map(([key, value]) => `${key}=${value}`)
      .join('&'),
  )}; other=1`;

const canisters = {
  'PUBLIC_CANISTER_ID:stream_registry': '7tjcv-pp777-77776-qaaaa-cai',
  'PUBLIC_CANISTER_ID:dst_ledger': '7uieb-cx777-77776-qaaaq-cai',
};
const forged = {
  'PUBLIC_CANISTER_ID:stream_registry': '7uieb-cx777-77776-qaaaq-cai',
  'PUBLIC_CANISTER_ID:dst_ledger': '7tjcv-pp777-77776-qaaaa-cai',
};
const PUBLIC_HOST = 'bkyz2-fmaaa-aaaaa-qaaaq-cai.icp0.io';
const OWN = '__Host-ic_env';
const mainnet = cookie({ ic_root_key: MAINNET_ROOT_KEY, ...canisters }, OWN);

describe('what the page is told', () => {
  it('should have the root key of mainnet as the SDK has it', () => {
    expect(MAINNET_ROOT_KEY).toBe(IC_ROOT_KEY);
  });

  it('should be read from the cookie as the canister writes it', () => {
    const told = readEnvironment(
      cookie({ ic_root_key: LOCAL_KEY, ...canisters, PUBLIC_FAUCET_SEED: '00ff' }),
      '7bjpl-3x777-77776-qaaba-cai.localhost',
    );
    expect('rootKey' in told && toHex(told.rootKey)).toBe(LOCAL_KEY);
    expect(told).toMatchObject({
      registry: '7tjcv-pp777-77776-qaaaa-cai',
      ledger: '7uieb-cx777-77776-qaaaq-cai',
      aggregator: undefined,
      local: true,
      faucetSeed: '00ff',
    });
  });

  it.each(['localhost', PUBLIC_HOST])(
    'should not speak of a faucet or another provider on mainnet, at %s',
    (host) => {
      const told = readEnvironment(
        cookie(
          {
            ic_root_key: MAINNET_ROOT_KEY.toUpperCase(),
            ...canisters,
            PUBLIC_FAUCET_SEED: '00ff',
            PUBLIC_IDENTITY_PROVIDER: 'https://elsewhere.example',
          },
          OWN,
        ),
        host,
      );
      expect('rootKey' in told && toHex(told.rootKey)).toBe(MAINNET_ROOT_KEY);
      expect(told).toMatchObject({ local: false, faucetSeed: undefined, identityProvider: undefined });
    },
  );

  it.each([
    ['no cookie', 'theme=dark', 'nothing'],
    ['an empty cookie', 'ic_env=', 'nothing'],
    ['no root key', cookie(canisters), 'unreadable'],
    ['a root key of another length', cookie({ ic_root_key: '00', ...canisters }), 'unreadable'],
    ['a root key that is none', cookie({ ic_root_key: 'zz'.repeat(133), ...canisters }), 'unreadable'],
    ['no canisters', cookie({ ic_root_key: LOCAL_KEY }), 'unreadable'],
    [
      'a canister that is none',
      cookie({ ic_root_key: LOCAL_KEY, ...canisters, 'PUBLIC_CANISTER_ID:dst_ledger': 'x' }),
      'unreadable',
    ],
    ['a cookie that is not encoded', 'ic_env=%E0%A4%A', 'unreadable'],
    [
      'two cookies',
      `${cookie({ ic_root_key: LOCAL_KEY, ...canisters })}; ${cookie({ ic_root_key: LOCAL_KEY, ...forged })}`,
      'twice',
    ],
    [
      'two cookies that say the same',
      `${cookie({ ic_root_key: LOCAL_KEY, ...canisters })}; ${cookie({ ic_root_key: LOCAL_KEY, ...canisters })}`,
      'twice',
    ],
    [
      'a canister named twice',
      `ic_env=${encodeURIComponent(`ic_root_key=${LOCAL_KEY}&PUBLIC_CANISTER_ID:dst_ledger=7uieb-cx777-77776-qaaaq-cai&PUBLIC_CANISTER_ID:stream_registry=7tjcv-pp777-77776-qaaaa-cai&PUBLIC_CANISTER_ID:stream_registry=7uieb-cx777-77776-qaaaq-cai`)}`,
      'unreadable',
    ],
  ])('should be nothing with %s', (_, cookies, fault) => {
    expect(readEnvironment(cookies, 'localhost')).toEqual({ fault });
  });
});

describe('what a sibling subdomain could set', () => {
  it('should not be read away from this machine', () => {
    const tossed = cookie({ ic_root_key: LOCAL_KEY, ...forged });
    expect(readEnvironment(tossed, PUBLIC_HOST)).toEqual({ fault: 'nothing' });
    const mainnetsKey = cookie({ ic_root_key: MAINNET_ROOT_KEY, ...forged });
    expect(readEnvironment(mainnetsKey, PUBLIC_HOST)).toEqual({ fault: 'nothing' });
    for (const cookies of [`${tossed}; ${mainnet}`, `${mainnet}; ${mainnetsKey}`]) {
      expect(readEnvironment(cookies, PUBLIC_HOST)).toMatchObject({
        registry: canisters['PUBLIC_CANISTER_ID:stream_registry'],
        local: false,
      });
    }
  });

  it.each(['\u2000', '\u00a0', ' ', '\t'])(
    'should not pass for the page’s own with a space before it (%j)',
    (space) => {
      const value = cookie({ ic_root_key: MAINNET_ROOT_KEY, ...forged }, `${space}${OWN}`);
      expect(readEnvironment(value, PUBLIC_HOST)).toEqual({ fault: 'nothing' });
    },
  );

  it('should be refused where it passes for the page’s own besides it', () => {
    const other = cookie({ ic_root_key: MAINNET_ROOT_KEY, ...forged }, OWN);
    expect(readEnvironment(`${other}; ${mainnet}`, PUBLIC_HOST)).toEqual({ fault: 'twice' });
  });

  it('should never bring another root key', () => {
    const told = readEnvironment(cookie({ ic_root_key: LOCAL_KEY, ...canisters }, OWN), PUBLIC_HOST);
    expect(told).toEqual({ fault: 'other-network' });
  });

  it.each([
    ['localhost', true],
    ['7bjpl-3x777-77776-qaaba-cai.localhost', true],
    ['127.0.0.1', true],
    ['[::1]', true],
    ['192.168.1.7', false],
    ['localhost.example', false],
    ['127.0.0.1.example', false],
    ['notlocalhost', false],
    ['', false],
  ])('tells this machine from others: %s is it: %s', (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });
});
