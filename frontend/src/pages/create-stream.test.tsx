// What is shown before a stream is created, and what is sent: never more than that.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { Principal } from '@icp-sdk/core/principal';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ReactNode } from 'react';
import { CallFailed, Refused } from '@/api/agent';
import type { ApproveArgs } from '@/api/ledger';
import type { CreateStreamArgs } from '@/api/registry';
import type { StorageQuote, StorageQuoteArgs } from '@/api/storage';
import { loadDraft, NEW_DRAFT, saveDraft } from '@/features/publishing/draft';
import { CreateStreamPage } from './create-stream';

const DST = '7uieb-cx777-77776-qaaaq-cai';
const ICP = 'ryjl3-tyaaa-aaaaa-aaaba-cai';
const UNIT = 100_000_000n;
const FEE = 10_000n;

const api = vi.hoisted(() => ({ createStream: vi.fn(), getParameters: vi.fn() }));
const storage = vi.hoisted(() => ({ getCertifiedParameters: vi.fn(), getCertifiedStorageQuote: vi.fn() }));
const ledger = vi.hoisted(() => ({
  getAllowance: vi.fn(),
  getBalance: vi.fn(),
  getCertifiedAsset: vi.fn(),
  approve: vi.fn(),
}));
const navigate = vi.hoisted(() => vi.fn());
vi.mock('@/api/registry', async (original) => ({
  ...(await original<object>()),
  ...api,
  registryAccount: () => ({ owner: Principal.fromText('7tjcv-pp777-77776-qaaaa-cai'), subaccount: [] }),
}));
vi.mock('@/api/storage', async (original) => ({ ...(await original<object>()), ...storage }));
vi.mock('@/api/ledger', async (original) => ({ ...(await original<object>()), ...ledger }));
vi.mock('@/api/environment', () => ({
  environment: () => ({
    registry: '7tjcv-pp777-77776-qaaaa-cai',
    ledger: '7uieb-cx777-77776-qaaaq-cai',
    local: true,
    faucetSeed: '00',
  }),
}));
vi.mock('@/session/session', () => ({
  useSession: () => ({ principal: Principal.fromText('f7crg-kabae'), expired: false, ready: true }),
}));
vi.mock('@tanstack/react-router', () => ({
  Link: ({ children }: { children: ReactNode }) => <a href="/">{children}</a>,
  useNavigate: () => navigate,
}));

const price = (id: string, deposit: bigint, accepted = true) => ({
  ledger: Principal.fromText(id),
  deposit,
  gib_month: deposit,
  accepted,
});
const quoteOf = ({ ledger: asset, contributors }: StorageQuoteArgs): StorageQuote => {
  const once = 1_000n + BigInt(contributors);
  return {
    ledger: asset,
    deposit: UNIT,
    once,
    storage: 0n,
    paid_until: 1n,
    per_month: 0n,
    total: UNIT + once,
    comes_back: UNIT,
    free: 0n,
    missing: UNIT + once,
    ledger_fee: FEE,
  };
};

function open() {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={queries}>
      <CreateStreamPage />
    </QueryClientProvider>,
  );
}
const button = () => screen.findByRole<HTMLButtonElement>('button', { name: 'Pay and create the stream' });
const pressed = async () => {
  await waitFor(async () => expect((await button()).disabled).toBe(false));
  await userEvent.click(await button());
};
const beside = (name: string) => screen.getByText(name).nextElementSibling?.textContent;
const sent = () => api.createStream.mock.calls.map(([one]) => one as CreateStreamArgs);

beforeEach(() => {
  vi.resetAllMocks();
  localStorage.clear();
  saveDraft(localStorage, { ...NEW_DRAFT, name: 'Rain', contributors: 'north\nsouth' });
  api.getParameters.mockResolvedValue({
    assets: [
      { ledger: Principal.fromText(DST), symbol: 'DST', decimals: 8 },
      { ledger: Principal.fromText(ICP), symbol: 'ICP', decimals: 8 },
    ],
  });
  storage.getCertifiedParameters.mockResolvedValue({ storage_prices: [[price(DST, UNIT)]] });
  storage.getCertifiedStorageQuote.mockImplementation((args: StorageQuoteArgs) =>
    Promise.resolve(quoteOf(args)),
  );
  ledger.getCertifiedAsset.mockImplementation((id: string) =>
    Promise.resolve({ ledger: id, symbol: id === ICP ? 'ICP' : 'DST', decimals: 8, fee: FEE }),
  );
  ledger.getAllowance.mockResolvedValue({ allowance: 0n, expires_at: [] });
  ledger.getBalance.mockResolvedValue(1_000n * UNIT);
  ledger.approve.mockResolvedValue(1n);
  api.createStream.mockImplementation(({ payment: [payment] }: CreateStreamArgs) =>
    payment?.max === 0n
      ? Promise.reject(new Refused('create_stream', { Payment: { PriceAboveMax: { price: UNIT + 1_002n } } }))
      : Promise.resolve(5n),
  );
});
afterEach(cleanup);

describe('creating a stream', () => {
  it('should show one total, what comes back, and send no more than that', async () => {
    open();
    await waitFor(async () => expect((await button()).disabled).toBe(false));
    expect(beside('Leaves your account in all')).toBe('1.00021002\u00a0DST');
    expect(beside('Of all this comes back')).toBe('1.00\u00a0DST');
    await pressed();
    await waitFor(() => expect(navigate).toHaveBeenCalled());
    const [, approved] = ledger.approve.mock.calls[0] as [string, ApproveArgs];
    expect(approved).toMatchObject({ amount: UNIT + 1_002n + FEE, fee: [FEE] });
    expect(sent()).toHaveLength(2);
    expect(sent()[1]?.payment[0]).toMatchObject({ max: UNIT + 1_002n, prepay: [] });
    expect(loadDraft(localStorage)).toEqual(NEW_DRAFT);
  });

  it('should put what is prepaid into the total and into the call', async () => {
    open();
    await userEvent.type(await screen.findByLabelText(/Prepaid for storage/), '2.5');
    await waitFor(() => expect(beside('Leaves your account in all')).toBe('3.50021002\u00a0DST'));
    await pressed();
    await waitFor(() => expect(navigate).toHaveBeenCalled());
    expect(sent()[1]?.payment[0]).toMatchObject({
      prepay: [250_000_000n],
      max: UNIT + 1_002n + 250_000_000n,
    });
  });

  it('should let one who holds another accepted asset alone pay in that', async () => {
    storage.getCertifiedParameters.mockResolvedValue({
      storage_prices: [[price(DST, UNIT), price(ICP, UNIT), price('aaaaa-aa', UNIT, false)]],
    });
    ledger.getBalance.mockImplementation((id: string) => Promise.resolve(id === ICP ? 10n * UNIT : 0n));
    open();
    await pressed();
    await waitFor(() => expect(navigate).toHaveBeenCalled());
    expect(ledger.approve.mock.calls[0]?.[0]).toBe(ICP);
    expect(sent()[1]?.payment[0]?.ledger.toText()).toBe(ICP);
  });

  it('should say before what is missing, and where test tokens are', async () => {
    ledger.getBalance.mockResolvedValue(0n);
    open();
    await screen.findByText('Not enough in your account');
    screen.getByRole('button', { name: 'Get 1,000 test DST' });
    expect((await button()).disabled).toBe(true);
    expect(sent()).toEqual([]);
  });

  it('should offer nothing where the price in the answer does not fit', async () => {
    storage.getCertifiedStorageQuote.mockImplementation((args: StorageQuoteArgs) =>
      Promise.resolve({ ...quoteOf(args), total: 7n }),
    );
    open();
    await screen.findByText('The answer does not fit');
    expect(
      (await screen.findByRole<HTMLButtonElement>('button', { name: /reate the stream/ })).disabled,
    ).toBe(true);
  });

  it('should approve nothing for a name that is taken, and keep the draft', async () => {
    api.createStream.mockRejectedValue(new Refused('create_stream', { NameTaken: { stream: 1n } }));
    open();
    await pressed();
    await screen.findByText('You have a stream of this name');
    expect(ledger.approve).not.toHaveBeenCalled();
    expect(loadDraft(localStorage).name).toBe('Rain');
    expect((await button()).disabled).toBe(false);
  });

  it('should go on with what is begun instead of beginning anew', async () => {
    ledger.approve.mockRejectedValueOnce(new CallFailed('icrc2_approve', 'unknown', new Error('lost')));
    open();
    await pressed();
    await screen.findByText('“Rain” is not created to its end');
    expect((await button()).disabled).toBe(true);
    await userEvent.click(screen.getByRole('button', { name: 'Continue' }));
    await waitFor(() => expect(navigate).toHaveBeenCalled());
    const [first, second] = ledger.approve.mock.calls as [string, ApproveArgs][];
    expect(second?.[1]).toEqual(first?.[1]);
  });

  it('should name no payment where storing costs nothing', async () => {
    storage.getCertifiedParameters.mockResolvedValue({ storage_prices: [[price(DST, 0n)]] });
    api.createStream.mockResolvedValue(5n);
    open();
    const free = await screen.findByRole<HTMLButtonElement>('button', { name: 'Create the stream' });
    await waitFor(() => expect(free.disabled).toBe(false));
    await userEvent.click(free);
    await waitFor(() => expect(navigate).toHaveBeenCalled());
    expect(sent()).toHaveLength(1);
    expect(sent()[0]?.payment).toEqual([]);
    expect(storage.getCertifiedStorageQuote).not.toHaveBeenCalled();
  });
});
