// What is shown before a purchase, and what is sent: never more than that.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { Principal } from '@icp-sdk/core/principal';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ReactNode } from 'react';
import { Refused } from '@/api/agent';
import type { ApproveArgs } from '@/api/ledger';
import type { BuyArgs, Plan, Quote, StreamInfo } from '@/api/registry';
import { Purchase } from './purchase';
import { termsHash } from './terms';

const REGISTRY = '7tjcv-pp777-77776-qaaaa-cai';
const LEDGER = Principal.fromText('7uieb-cx777-77776-qaaaq-cai');
const BUYER = Principal.fromText('f7crg-kabae');
const DST = 100_000_000n;

const api = vi.hoisted(() => ({
  getQuote: vi.fn(),
  getCertifiedQuote: vi.fn(),
  buy: vi.fn(),
  getParameters: vi.fn(),
}));
const ledger = vi.hoisted(() => ({
  getAllowance: vi.fn(),
  getBalance: vi.fn(),
  getCertifiedAsset: vi.fn(),
  approve: vi.fn(),
}));
vi.mock('@/api/registry', async (original) => ({
  ...(await original<object>()),
  ...api,
  registryAccount: () => ({ owner: Principal.fromText('7tjcv-pp777-77776-qaaaa-cai'), subaccount: [] }),
}));
vi.mock('@/api/ledger', async (original) => ({ ...(await original<object>()), ...ledger }));
vi.mock('@/api/environment', () => ({
  environment: () => ({ registry: '7tjcv-pp777-77776-qaaaa-cai', local: false }),
}));
vi.mock('@/session/session', () => ({
  useSession: () => ({ principal: Principal.fromText('f7crg-kabae'), expired: false }),
}));
vi.mock('@tanstack/react-router', () => ({
  Link: ({ children }: { children: ReactNode }) => <a href="/">{children}</a>,
}));

const plan: Plan = {
  id: 3n,
  stream: 1n,
  kind: { Perpetual: null },
  name: 'all of it',
  prices: [{ ledger: LEDGER, amount: 100n * DST }],
  offered: true,
};
const info = {
  id: 1n,
  name: 'Earthquakes',
  owner: Principal.fromText('aaaaa-aa'),
  licence_terms: { Text: 'For research\u202e only' },
} as StreamInfo;
const quote: Quote = {
  plan: 3n,
  stream: 1n,
  kind: plan.kind,
  ledger: [LEDGER],
  price: 100n * DST,
  ledger_fee: 10_000n,
  allowance: 100n * DST + 10_000n,
  terms_hash: termsHash({
    stream: 1n,
    owner: info.owner,
    plan: 3n,
    kind: plan.kind,
    terms: info.licence_terms,
    payment: { ledger: LEDGER, price: 100n * DST },
  }),
};

function open() {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={queries}>
      <Purchase plan={plan} info={info} />
    </QueryClientProvider>,
  );
}
const button = () => screen.findByRole('button', { name: 'Approve and buy' });
const pressed = async () => {
  await vi.waitFor(async () => expect((await button()).hasAttribute('disabled')).toBe(false));
  await userEvent.click(await button());
};
/** The amount beside a name. */
const beside = (name: string) => screen.getByText(name).nextElementSibling?.textContent;

beforeEach(() => {
  vi.resetAllMocks();
  localStorage.clear();
  api.getQuote.mockResolvedValue(quote);
  api.getCertifiedQuote.mockResolvedValue(quote);
  api.buy.mockResolvedValue({ id: 9n, stream: 1n, price: quote.price, expires_at: [] });
  // What one node says of the asset: as if the price were a hundredth.
  api.getParameters.mockResolvedValue({ assets: [{ ledger: LEDGER, symbol: 'DST', decimals: 10 }] });
  ledger.getCertifiedAsset.mockResolvedValue({
    ledger: LEDGER.toText(),
    symbol: 'DST',
    decimals: 8,
    fee: 10_000n,
  });
  ledger.getAllowance.mockResolvedValue({ allowance: 0n, expires_at: [] });
  ledger.getBalance.mockResolvedValue(1_000n * DST);
  ledger.approve.mockResolvedValue(1n);
});
afterEach(cleanup);

describe('buying', () => {
  it('should show everything that is agreed to, in the ledger’s own certified unit', async () => {
    open();
    await button();
    await screen.findByText('1,000.00 DST');
    expect(beside('Price')).toBe('100.00\u00a0DST');
    expect(beside('Leaves your account in all')).toBe('100.0002\u00a0DST');
    expect(beside('Stream')).toBe('number 1');
    expect(screen.getByText('For research[U+202E] only')).toBeDefined();
  });

  it('should send no more than what was shown, and name its price, fee and terms', async () => {
    open();
    await pressed();
    await screen.findByText('Licence 9 is yours');
    const [to, approved] = ledger.approve.mock.calls[0] as [string, ApproveArgs];
    expect(to).toBe(LEDGER.toText());
    const fee = approved.fee[0] ?? 0n;
    expect(approved.amount + fee).toBe(100n * DST + 20_000n);
    const [bought] = api.buy.mock.calls[0] as [BuyArgs];
    expect(bought).toMatchObject({ plan: 3n, max_price: 100n * DST });
    expect([...bought.terms_hash]).toEqual([...quote.terms_hash]);
    expect(bought.ledger[0]?.toText()).toBe(LEDGER.toText());
  });

  it.each<[string, Partial<Quote>]>([
    ['another plan', { plan: 4n }],
    ['a higher price', { price: 101n * DST, allowance: 101n * DST + 10_000n }],
    ['a larger allowance', { allowance: 1_000n * DST }],
    ['terms that are not shown', { terms_hash: new Uint8Array(32) }],
  ])('should offer nothing where the quote has %s', async (_, forged) => {
    api.getQuote.mockResolvedValue({ ...quote, ...forged });
    open();
    await screen.findByText('The answer does not fit');
    expect(screen.queryByRole('button', { name: 'Approve and buy' })).toBeNull();
  });

  it('should pay nothing where the whole subnet says another price', async () => {
    const risen = { ...quote, price: 200n * DST, allowance: 200n * DST + 10_000n };
    api.getCertifiedQuote.mockResolvedValue(risen);
    open();
    await pressed();
    await screen.findByText(/The price is not the one that you were shown/);
    expect(ledger.approve).not.toHaveBeenCalled();
    expect(api.buy).not.toHaveBeenCalled();
    expect(Object.keys(localStorage)).toEqual([]);
  });

  it('should say what stays approved where the purchase comes to nothing after the approval', async () => {
    api.buy.mockRejectedValue(new Refused('buy', { TermsChanged: { terms_hash: new Uint8Array(32) } }));
    open();
    await pressed();
    await screen.findByText('The approval stays');
    expect(ledger.approve).toHaveBeenCalledTimes(1);
  });

  it('should go on with what another tab has begun instead of beginning anew', async () => {
    open();
    await button();
    const key = `ddsx:purchase:${REGISTRY}:${BUYER.toText()}:3`;
    const begun = {
      version: 2,
      registry: REGISTRY,
      buyer: BUYER.toText(),
      stream: '1',
      plan: '3',
      ledger: LEDGER.toText(),
      price: String(quote.price),
      allowance: String(quote.allowance),
      approvalFee: '10000',
      termsHash: Buffer.from(quote.terms_hash).toString('hex'),
      requestId: 'ab'.repeat(32),
      buying: false,
    };
    localStorage.setItem(key, JSON.stringify(begun));
    await pressed();
    await screen.findByText('A purchase of this plan is not finished');
    expect(api.buy).not.toHaveBeenCalled();
    await userEvent.click(screen.getByRole('button', { name: 'Continue' }));
    await screen.findByText('Licence 9 is yours');
    const [bought] = api.buy.mock.calls[0] as [BuyArgs];
    expect(Buffer.from(bought.request_id).toString('hex')).toBe('ab'.repeat(32));
  });
});
