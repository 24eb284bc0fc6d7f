// The prepaid balance in the wallet: what is shown, and what is sent for it.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { Principal } from '@icp-sdk/core/principal';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ReactNode } from 'react';
import { CallFailed, Refused } from '@/api/agent';
import type { ApproveArgs } from '@/api/ledger';
import { Prepaid } from './prepaid';

const DST = '7uieb-cx777-77776-qaaaq-cai';
const UNIT = 100_000_000n;
const FEE = 10_000n;
const api = vi.hoisted(() => ({
  getCertifiedParameters: vi.fn(),
  getCertifiedPrepaid: vi.fn(),
  topUp: vi.fn(),
  withdraw: vi.fn(),
}));
const ledger = vi.hoisted(() => ({ getAllowance: vi.fn(), getBalance: vi.fn(), approve: vi.fn() }));
vi.mock('@/api/storage', async (original) => ({ ...(await original<object>()), ...api }));
vi.mock('@/api/ledger', async (original) => ({ ...(await original<object>()), ...ledger }));
vi.mock('@/api/environment', () => ({
  environment: () => ({ registry: 'aaaaa-aa', ledger: '7uieb-cx777-77776-qaaaq-cai', local: false }),
}));
vi.mock('@/session/session', () => ({
  useSession: () => ({ principal: Principal.fromText('f7crg-kabae'), expired: false }),
}));
vi.mock('@tanstack/react-router', () => ({
  Link: ({ children }: { children: ReactNode }) => <a href="/">{children}</a>,
}));

const balance = {
  topped_up: 10n * UNIT,
  free: 5n * UNIT,
  set_aside: 3n * UNIT,
  charged: UNIT,
  withdrawing: UNIT,
  withdrawn: 0n,
};
const open = () => {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={queries}>
      <Prepaid asset={{ ledger: DST, symbol: 'DST', decimals: 8, fee: FEE }} />
    </QueryClientProvider>,
  );
};
const press = async (name: string) => {
  const button = await screen.findByRole<HTMLButtonElement>('button', { name });
  await waitFor(() => expect(button.disabled).toBe(false));
  await userEvent.click(button);
};
const beside = (name: RegExp) => screen.getByText(name).nextElementSibling?.textContent;

beforeEach(() => {
  vi.resetAllMocks();
  localStorage.clear();
  const price = { ledger: Principal.fromText(DST), deposit: UNIT, gib_month: UNIT, accepted: true };
  api.getCertifiedParameters.mockResolvedValue({ storage_prices: [[price]] });
  api.getCertifiedPrepaid.mockResolvedValue(balance);
  api.topUp
    .mockRejectedValueOnce(
      new Refused('top_up', { InsufficientAllowance: { needed: 2n * UNIT + FEE, allowance: 0n } }),
    )
    .mockResolvedValue(balance);
  ledger.getAllowance.mockResolvedValue({ allowance: 0n, expires_at: [] });
  ledger.getBalance.mockResolvedValue(100n * UNIT);
  ledger.approve.mockResolvedValue(1n);
});
afterEach(cleanup);

describe('the prepaid balance', () => {
  it('should show what is free, in deposits, spent and on its way', async () => {
    open();
    await screen.findByText(/^Free/);
    expect(beside(/^Free/)).toBe('5.00\u00a0DST');
    expect(beside(/^In deposits/)).toBe('3.00\u00a0DST');
    expect(beside(/^Spent/)).toBe('1.00\u00a0DST');
    expect(beside(/^On its way/)).toBe('1.00\u00a0DST');
  });

  it('should not be shown where its parts do not sum up', async () => {
    api.getCertifiedPrepaid.mockResolvedValue({ ...balance, free: 6n * UNIT });
    open();
    await screen.findByText('The answer does not fit');
    expect(screen.queryByText(/^Free/)).toBeNull();
  });

  it('should be topped up by what was shown, and no more approved', async () => {
    open();
    await userEvent.type(await screen.findByLabelText('Top up by'), '2');
    await press('Review the top-up');
    await screen.findByText('Leaves your account in all');
    expect(beside(/^Leaves your account/)).toBe('2.0002\u00a0DST');
    await press('Top up');
    await screen.findByText('Topped up');
    const [, approved] = ledger.approve.mock.calls[0] as [string, ApproveArgs];
    expect(approved).toMatchObject({ amount: 2n * UNIT + FEE, fee: [FEE] });
    expect(api.topUp.mock.calls[1]?.[0]).toMatchObject({ amount: 2n * UNIT });
  });

  it('should say before that the account lacks something', async () => {
    ledger.getBalance.mockResolvedValue(UNIT);
    open();
    await userEvent.type(await screen.findByLabelText('Top up by'), '2');
    await press('Review the top-up');
    await screen.findByText('Not enough in your account');
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Top up' }).disabled).toBe(true);
  });

  it('should go on with a top-up whose outcome is not known', async () => {
    api.topUp.mockReset().mockRejectedValueOnce(new Refused('top_up', { Quarantined: { intent: 3n } }));
    open();
    await userEvent.type(await screen.findByLabelText('Top up by'), '2');
    await press('Review the top-up');
    await press('Top up');
    await screen.findByText('A top-up is not finished');
    const [first] = api.topUp.mock.calls;
    api.topUp.mockResolvedValue(balance);
    await press('Continue');
    await screen.findByText('Topped up');
    expect(api.topUp.mock.calls[1]).toEqual(first);
  });

  it('should withdraw all that is free once, and say where it is not known whether it did', async () => {
    api.withdraw.mockRejectedValue(new CallFailed('withdraw', 'unknown', new Error('lost')));
    open();
    await press('All that is free');
    expect(beside(/^Arrives/)).toBe('4.9999\u00a0DST');
    await press('Withdraw it');
    await screen.findByText('Whether it was withdrawn is not known');
    expect(api.withdraw).toHaveBeenCalledTimes(1);
    expect(api.withdraw.mock.calls[0]?.[0]).toMatchObject({ amount: [5n * UNIT], to_subaccount: [] });
  });

  it('should not withdraw more than is free', async () => {
    open();
    await userEvent.type(await screen.findByLabelText('Withdraw'), '5.1');
    await press('Review the withdrawal');
    await screen.findByText('More than is free.');
  });
});
