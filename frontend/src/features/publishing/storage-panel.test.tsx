// What an owner sees of a stream's storage, and what is paid for it.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { Principal } from '@icp-sdk/core/principal';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ReactNode } from 'react';
import type { StreamInfo } from '@/api/registry';
import type { StreamStorage } from '@/api/storage';
import { StorageNotice } from '@/features/streams/storage-notice';
import { DAY_NS, MONTH_NS } from '@/features/storage/quote';
import { nowNs } from '@/lib/time';
import { StorageCost, chunksOf } from './storage-cost';
import { StoragePanel } from './storage-panel';

const DST = '7uieb-cx777-77776-qaaaq-cai';
const OWNER = Principal.fromText('f7crg-kabae');
const UNIT = 100_000_000n;
const api = vi.hoisted(() => ({
  getCertifiedStorage: vi.fn(),
  getCertifiedPrepaid: vi.fn(),
  getCertifiedStorageQuote: vi.fn(),
  extendStorage: vi.fn(),
  dropPayloads: vi.fn(),
}));
vi.mock('@/api/storage', async (original) => ({ ...(await original<object>()), ...api }));
vi.mock('@/api/ledger', async (original) => ({
  ...(await original<object>()),
  getCertifiedAsset: (ledger: string) =>
    Promise.resolve({ ledger, symbol: 'DST', decimals: 8, fee: 10_000n }),
}));
vi.mock('@/api/environment', () => ({ environment: () => ({ registry: 'aaaaa-aa', local: false }) }));
vi.mock('@/session/session', () => ({
  useSession: () => ({ principal: Principal.fromText('f7crg-kabae'), expired: false }),
}));
vi.mock('@tanstack/react-router', () => ({
  Link: ({ children }: { children: ReactNode }) => <a href="/">{children}</a>,
}));

const until = nowNs() + 30n * DAY_NS;
const storage: StreamStorage = {
  ledger: Principal.fromText(DST),
  deposit: UNIT,
  bytes: 5_000_000n,
  per_month: 2n * UNIT,
  paid_until: until,
  covered_until: [],
  kept_from: 0n,
  from_income: 0n,
  state: { Paid: null },
  suspended: false,
};
const infoOf = (part: Partial<StreamStorage>, closed = false) =>
  ({
    id: 4n,
    name: 'Rain',
    owner: OWNER,
    chunks: 9n,
    status: closed ? { Closed: null } : { Open: null },
    storage: [{ ...storage, ...part }],
    open_to_everyone: false,
  }) as unknown as StreamInfo;
function show(content: ReactNode) {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(<QueryClientProvider client={queries}>{content}</QueryClientProvider>);
}
const prepaid = (free: bigint) => ({
  topped_up: free,
  free,
  set_aside: 0n,
  charged: 0n,
  withdrawing: 0n,
  withdrawn: 0n,
});

beforeEach(() => {
  vi.resetAllMocks();
  api.getCertifiedStorage.mockResolvedValue(storage);
  api.getCertifiedPrepaid.mockResolvedValue(prepaid(10n * UNIT));
  api.extendStorage.mockResolvedValue(null);
  api.dropPayloads.mockResolvedValue(null);
});
afterEach(cleanup);

describe('paying storage ahead', () => {
  const openAhead = async () => userEvent.click(await screen.findByRole('button', { name: 'Pay ahead…' }));
  const pay = () => screen.findByRole<HTMLButtonElement>('button', { name: 'Pay 6.00\u00a0DST' });

  it('should show one total and pay until the time shown', async () => {
    show(<StoragePanel info={infoOf({})} />);
    await openAhead();
    await waitFor(async () => expect((await pay()).disabled).toBe(false));
    await userEvent.click(await pay());
    await waitFor(() => expect(api.extendStorage).toHaveBeenCalledWith(4n, until + 3n * MONTH_NS));
  });

  it('should pay nothing where it costs more by now than was shown', async () => {
    show(<StoragePanel info={infoOf({})} />);
    await openAhead();
    await waitFor(async () => expect((await pay()).disabled).toBe(false));
    api.getCertifiedStorage.mockResolvedValue({ ...storage, per_month: 3n * UNIT });
    await userEvent.click(await pay());
    await screen.findByText(/It costs more by now than was shown/);
    expect(api.extendStorage).not.toHaveBeenCalled();
  });

  it('should say what the balance lacks, and lead to a top-up', async () => {
    api.getCertifiedPrepaid.mockResolvedValue(prepaid(UNIT));
    show(<StoragePanel info={infoOf({})} />);
    await openAhead();
    await screen.findByText('Not enough in your prepaid balance');
    screen.getByText('5.00 DST');
    screen.getByText('Top up in your wallet');
  });
});

describe('dropping records', () => {
  it('should be offered for a closed stream alone, once no licence covers it, and say what stays', async () => {
    show(<StoragePanel info={infoOf({})} />);
    await screen.findByText('Records stored');
    expect(screen.queryByRole('button', { name: 'Drop the records…' })).toBeNull();
    cleanup();
    show(<StoragePanel info={infoOf({ covered_until: [until] }, true)} />);
    await screen.findByText(/when no licence covers them any more/);
    expect(screen.queryByRole('button', { name: 'Drop the records…' })).toBeNull();
    cleanup();
    show(<StoragePanel info={infoOf({}, true)} />);
    await userEvent.click(await screen.findByRole('button', { name: 'Drop the records…' }));
    screen.getByText(/What stays/);
    expect(api.dropPayloads).not.toHaveBeenCalled();
    await userEvent.click(screen.getByRole('button', { name: 'Drop them for good' }));
    await waitFor(() => expect(api.dropPayloads).toHaveBeenCalledWith(4n));
  });
});

describe('what a file costs', () => {
  const bytes = new TextEncoder().encode('{"mm":3}\n'.repeat(250));

  it('should count its chunks', () => {
    expect(chunksOf(bytes, true, { records: 100, bytes: 10_000 })).toBe(3n);
    expect(chunksOf(bytes, true, { records: 100, bytes: 500 })).toBe(5n);
    expect(chunksOf(bytes, false, { records: 100, bytes: 500 })).toBe(1n);
  });

  it('should be said before it is published, with what the balance lacks', async () => {
    api.getCertifiedStorageQuote.mockResolvedValue({
      ledger: storage.ledger,
      deposit: 0n,
      once: UNIT,
      storage: UNIT,
      total: 2n * UNIT,
      comes_back: 0n,
      free: UNIT / 2n,
      missing: UNIT + UNIT / 2n,
      per_month: UNIT / 4n,
      paid_until: until,
      ledger_fee: 10_000n,
    });
    show(<StorageCost info={infoOf({})} bytes={bytes} chunks={3n} />);
    await screen.findByText('2.00 DST');
    screen.getByText('1.50 DST');
    expect(api.getCertifiedStorageQuote).toHaveBeenCalledWith(
      expect.objectContaining({ stream: [4n], chunks: 3n, bytes: BigInt(bytes.length) }),
    );
  });
});

it('should tell buyers that records go or are gone, and nothing where they are paid', () => {
  show(<StorageNotice info={infoOf({})} />);
  expect(screen.queryByRole('status')).toBeNull();
  show(<StorageNotice info={infoOf({ state: { Expiring: null } })} />);
  screen.getByText('Its storage runs out');
  show(<StorageNotice info={infoOf({ state: { Dropping: null }, kept_from: 2n })} />);
  screen.getByText('Records are being dropped');
  show(<StorageNotice info={infoOf({ state: { Dropped: null }, kept_from: 9n })} />);
  screen.getByText(/None is kept/);
});
