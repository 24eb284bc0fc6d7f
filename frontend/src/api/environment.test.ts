import { IC_ROOT_KEY } from '@icp-sdk/core/agent';
import { describe, expect, it } from 'vitest';
import { toHex } from '@/verify/bytes';
import { MAINNET_ROOT_KEY, readEnvironment } from './environment';

const LOCAL_KEY = `3081${'ab'.repeat(131)}`;

const cookie = (entries: Record<string, string>): string =>
  `theme=dark; ic_env=${encodeURIComponent(
    Object.entries(entries)
      .map(([name, value]) => `${name}=${value}`)
      .join('&'),
  )}; other=1`;

const canisters = {
  'PUBLIC_CANISTER_ID:stream_registry': '7tjcv-pp777-77776-qaaaa-cai',
  'PUBLIC_CANISTER_ID:dst_ledger': '7uieb-cx777-77776-qaaaq-cai',
};

describe('what the page is told', () => {
  it('should have the root key of mainnet as the SDK has it', () => {
    expect(MAINNET_ROOT_KEY).toBe(IC_ROOT_KEY);
  });

  it('should be read from the cookie as the canister writes it', () => {
    const told = readEnvironment(
      cookie({ ic_root_key: LOCAL_KEY, ...canisters, PUBLIC_FAUCET_SEED: '00ff' }),
    );
    expect(told && toHex(told.rootKey)).toBe(LOCAL_KEY);
    expect(told).toMatchObject({
      registry: '7tjcv-pp777-77776-qaaaa-cai',
      ledger: '7uieb-cx777-77776-qaaaq-cai',
      aggregator: undefined,
      local: true,
      faucetSeed: '00ff',
    });
  });

  it('should not speak of a faucet or another identity provider on mainnet', () => {
    const told = readEnvironment(
      cookie({
        ic_root_key: MAINNET_ROOT_KEY,
        ...canisters,
        PUBLIC_FAUCET_SEED: '00ff',
        PUBLIC_IDENTITY_PROVIDER: 'https://elsewhere.example',
      }),
    );
    expect(told).toMatchObject({ local: false, faucetSeed: undefined, identityProvider: undefined });
  });

  it.each([
    ['no cookie', 'theme=dark'],
    ['no root key', cookie(canisters)],
    ['a root key of another length', cookie({ ic_root_key: '00', ...canisters })],
    ['a root key that is none', cookie({ ic_root_key: 'zz'.repeat(133), ...canisters })],
    ['no canisters', cookie({ ic_root_key: LOCAL_KEY })],
    ['a cookie that is not encoded', 'ic_env=%E0%A4%A'],
  ])('should be nothing with %s', (_, cookies) => {
    expect(readEnvironment(cookies)).toBeUndefined();
  });
});
