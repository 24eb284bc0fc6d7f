import { act, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CallFailed, Refused } from '@/api/agent';
import type { PullOptions } from '@/api/registry';
import { VerificationError } from '@/verify/error';
import type { VerifiedPull } from '@/verify/protocol';
import { headKey, loadHead, type StoredHeld } from '@/verify/stored';
import { latestRecords } from './records';
import { useLive } from './use-live';

const api = vi.hoisted(() => ({ pull: vi.fn() }));
vi.mock('@/api/registry', () => api);
vi.mock('@/api/environment', () => ({
  environment: () => ({ rootKey: new Uint8Array(133), registry: 'r', ledger: 'l', local: true }),
}));

/** A verified reply with one chunk of one record. */
function pulled(from: bigint, size = from + 1n): VerifiedPull {
  const held: StoredHeld = {
    version: 1,
    stream: '0',
    size: '0',
    timestamp: '1',
    root: '00'.repeat(32),
    certifiedAt: '1',
    end: '0',
    hashes: [],
  };
  const leaf = { sequence: from, records: 1n, payloadLength: 4n, contentType: 2, verdict: 1 };
  return {
    held,
    head: { size, timestamp: 1n, root: new Uint8Array(32) },
    next: from + 1n,
    certifiedAt: 1n,
    chunks: [
      { leaf, leafHash: new Uint8Array(32), credits: [], payload: new TextEncoder().encode(`{${from}}\n`) },
    ],
  } as unknown as VerifiedPull;
}

const follow = () => renderHook(() => useLive({ stream: 0n, size: 30n, licence: undefined, enabled: true }));
const tick = (ms = 0) => act(() => vi.advanceTimersByTimeAsync(ms));
const froms = () => api.pull.mock.calls.map(([options]) => (options as PullOptions).from);

describe('following a stream', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.resetAllMocks();
    localStorage.clear();
    api.pull.mockImplementation(({ from }: PullOptions) => Promise.resolve(pulled(from)));
  });
  afterEach(() => vi.useRealTimers());

  it('should begin near the end, go on where it stopped, and keep the head', async () => {
    const { result } = follow();
    await tick();
    await tick(2_000);
    expect(froms()).toEqual([6n, 7n]);
    expect(result.current.phase).toBe('live');
    expect(result.current.records).toBe(2n);
    expect(latestRecords(result.current.chunks, 10).map(({ text }) => text)).toEqual(['{7}', '{6}']);
    expect(loadHead(localStorage, headKey(new Uint8Array(133), 'r', 0n))).toBeDefined();
  });

  it('should stop at what is not verified, and hand nothing of it over', async () => {
    const { result } = follow();
    await tick();
    api.pull.mockRejectedValue(new VerificationError('payload-hash', 'chunk 7: its payload was altered'));
    await tick(2_000);
    expect(result.current.phase).toBe('failed');
    expect(result.current.chunks.map(({ leaf }) => leaf.sequence)).toEqual([6n]);
    await tick(60_000);
    expect(api.pull).toHaveBeenCalledTimes(2);
  });

  it('should go on by itself after a lost connection, and from the start when asked to', async () => {
    api.pull.mockRejectedValueOnce(new CallFailed('pull', 'nothing-done', new Error('offline')));
    const { result } = follow();
    await tick();
    expect(result.current.phase).toBe('offline');
    await tick(2_000);
    expect(result.current.phase).toBe('live');
    api.pull.mockRejectedValueOnce(new Refused('pull', { LicenceExpired: { expired_at: 1n } }));
    await tick(2_000);
    expect(result.current.phase).toBe('failed');
    act(() => result.current.restart());
    await tick();
    expect(result.current.phase).toBe('live');
    expect(result.current.error).toBeUndefined();
  });

  it('should never put an older head back than another tab has kept', async () => {
    const key = headKey(new Uint8Array(133), 'r', 0n);
    const headOf = (size: string): StoredHeld => ({ ...pulled(0n).held, size, root: size.padStart(64, '0') });
    const answer = ({ from }: PullOptions, size: string) => ({ ...pulled(from), held: headOf(size) });
    let resolve: (pulled: VerifiedPull) => void = () => undefined;
    api.pull.mockImplementationOnce(
      () =>
        new Promise<VerifiedPull>((answered) => {
          resolve = answered;
        }),
    );
    follow();
    await tick();
    // The second tab is answered first, and by a node that is further on.
    api.pull.mockImplementation((options: PullOptions) => Promise.resolve(answer(options, '9')));
    const second = follow();
    await tick();
    expect(loadHead(localStorage, key)?.size).toBe('9');
    second.unmount();
    resolve({ ...pulled(6n), held: headOf('7') });
    await tick();
    expect(loadHead(localStorage, key)?.size).toBe('9');
    await tick(2_000);
    const asked = api.pull.mock.calls.at(-1) as [PullOptions];
    expect(asked[0].held?.size).toBe('9');
  });

  it('should ask nothing any more once the page is left', async () => {
    const { unmount } = follow();
    await tick();
    unmount();
    await tick(10_000);
    expect(api.pull).toHaveBeenCalledTimes(1);
  });
});
