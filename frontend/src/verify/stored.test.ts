import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { VerificationError } from './error';
import { keepHead, loadHead, newestHead, type StoredHeld } from './stored';

const KEY = 'ddsx:head:0';

const head = (size: number, certifiedAt: number, root = String(size)): StoredHeld => ({
  version: 1,
  stream: '0',
  size: String(size),
  timestamp: '1',
  root: root.padStart(64, '0'),
  certifiedAt: String(certifiedAt),
  end: '0',
  hashes: [],
});

/** One tab: it pulls from the newest head it knows, and keeps what it got. Both tabs have the one storage. */
class Tab {
  held: StoredHeld | undefined;
  base: StoredHeld | undefined;

  begin(): StoredHeld | undefined {
    this.base = newestHead(localStorage, KEY, this.held);
    return this.base;
  }

  async end(got: StoredHeld): Promise<void> {
    this.held = await keepHead(localStorage, KEY, this.base, got);
  }
}

const kept = () => Number(loadHead(localStorage, KEY)?.size);

describe('the head kept, with two tabs on one stream', () => {
  beforeEach(() => localStorage.clear());
  afterEach(() => vi.unstubAllGlobals());

  it('should never be put back by the tab whose answer was older', async () => {
    const [one, two] = [new Tab(), new Tab()];
    one.begin();
    two.begin();
    await two.end(head(12, 20));
    await one.end(head(10, 10));
    expect(kept()).toBe(12);
    // The slow tab goes on from what the other one saw.
    expect(one.begin()).toEqual(head(12, 20));
    await one.end(head(13, 30));
    expect(kept()).toBe(13);
    expect(two.begin()).toEqual(head(13, 30));
  });

  it('should not be replaced by a larger one that nothing has shown to continue it', async () => {
    const [one, two] = [new Tab(), new Tab()];
    one.begin();
    two.begin();
    await one.end(head(10, 10));
    await two.end(head(12, 20));
    expect(kept()).toBe(10);
    expect(two.begin()).toEqual(head(10, 10));
    await two.end(head(12, 30));
    expect(kept()).toBe(12);
  });

  it('should take the later certificate of the same head', async () => {
    const [one, two] = [new Tab(), new Tab()];
    one.begin();
    two.begin();
    await one.end(head(10, 30));
    await two.end(head(10, 20));
    expect(loadHead(localStorage, KEY)).toEqual(head(10, 30));
    two.begin();
    one.begin();
    await two.end(head(10, 40));
    await one.end(head(10, 50));
    expect(loadHead(localStorage, KEY)).toEqual(head(10, 50));
  });

  it('should show that two tabs were told different histories', async () => {
    const [one, two] = [new Tab(), new Tab()];
    one.begin();
    two.begin();
    await one.end(head(10, 10));
    await expect(two.end(head(10, 20, 'f'))).rejects.toMatchObject({ code: 'head-forked' });
    await expect(two.end(head(10, 20, 'f'))).rejects.toBeInstanceOf(VerificationError);
    expect(loadHead(localStorage, KEY)).toEqual(head(10, 10));
  });

  it('should overwrite an older one that an older page left, and what is no head', async () => {
    const tab = new Tab();
    tab.begin();
    await tab.end(head(10, 10));
    localStorage.setItem(KEY, JSON.stringify(head(4, 5)));
    expect(tab.begin()).toEqual(head(10, 10));
    await tab.end(head(11, 20));
    expect(kept()).toBe(11);
    localStorage.setItem(KEY, '{"version":1}');
    tab.begin();
    await tab.end(head(12, 30));
    expect(kept()).toBe(12);
  });

  it('should be read and written under one lock, where the browser has locks', async () => {
    let free: Promise<unknown> = Promise.resolve();
    const request = vi.fn((_: string, act: () => unknown) => {
      const mine = free.then(act);
      free = mine.catch(() => undefined);
      return mine;
    });
    vi.stubGlobal('navigator', { locks: { request } });
    const [one, two] = [new Tab(), new Tab()];
    one.begin();
    two.begin();
    await Promise.all([two.end(head(12, 20)), one.end(head(10, 10))]);
    expect(request.mock.calls.map(([name]) => name)).toEqual([KEY, KEY]);
    expect(kept()).toBe(12);
  });
});
