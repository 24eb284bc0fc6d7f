// What is kept of a stream between visits, as text: the last head believed, and the compact range before the next chunk.
import { fromHex, toHex } from './bytes';
import { CompactRange } from './compact';
import { VerificationError } from './error';
import type { Held } from './pull';

/** A `Held` that can be stored and sent to the worker. */
export interface StoredHeld {
  version: number;
  stream: string;
  size: string;
  timestamp: string;
  root: string;
  certifiedAt: string;
  end: string;
  hashes: string[];
}

export function store(held: Held): StoredHeld {
  return {
    version: 1,
    stream: String(held.stream),
    size: String(held.head.size),
    timestamp: String(held.head.timestamp),
    root: toHex(held.head.root),
    certifiedAt: String(held.certifiedAt),
    end: String(held.range.end),
    hashes: held.range.hashes.map(toHex),
  };
}

export function restore(stored: StoredHeld): Held {
  return {
    stream: BigInt(stored.stream),
    head: { size: BigInt(stored.size), timestamp: BigInt(stored.timestamp), root: fromHex(stored.root) },
    certifiedAt: BigInt(stored.certifiedAt),
    range: new CompactRange(0n, BigInt(stored.end), stored.hashes.map(fromHex)),
  };
}

/** The place of a stream's head in the browser's storage: one for each network, registry and stream. */
export function headKey(rootKey: Uint8Array, registry: string, stream: bigint): string {
  return `ddsx:head:${toHex(rootKey.slice(-8))}:${registry}:${stream}`;
}

/** The head kept from the last visit; nothing if there is none, or what is there is no head. */
export function loadHead(storage: Storage, key: string): StoredHeld | undefined {
  const text = storage.getItem(key);
  if (text === null) return undefined;
  try {
    const stored = JSON.parse(text) as StoredHeld;
    restore(stored);
    return stored.version === 1 ? stored : undefined;
  } catch {
    return undefined;
  }
}

function isNewer(one: StoredHeld, other: StoredHeld): boolean {
  const grown = BigInt(one.size) - BigInt(other.size);
  return grown > 0n || (grown === 0n && BigInt(one.certifiedAt) > BigInt(other.certifiedAt));
}

/** The newer of the head held here and the one kept, which another tab may have put there: the next pull has to continue it. */
export function newestHead(
  storage: Storage,
  key: string,
  held: StoredHeld | undefined,
): StoredHeld | undefined {
  const kept = loadHead(storage, key);
  return kept && (!held || isNewer(kept, held)) ? kept : held;
}

/**
 * Keeps a head that was proved to continue `base`; answers the head to go on from. Where another tab has kept a newer one than `base`
 * meanwhile, that one stays: nothing has shown yet that this one continues it, and the next pull will. Throws `VerificationError`
 * where both have the same size and different roots.
 */
export function keepHead(
  storage: Storage,
  key: string,
  base: StoredHeld | undefined,
  next: StoredHeld,
): Promise<StoredHeld> {
  return alone(key, () => {
    const kept = loadHead(storage, key);
    if (kept?.size === next.size && kept.root !== next.root) {
      throw new VerificationError(
        'head-forked',
        `history rewritten: at ${next.size} chunks another tab of this browser saw the root ${kept.root}, this one ${next.root}`,
      );
    }
    const moved = kept && (!base || isNewer(kept, base));
    if (moved && (kept.size !== next.size || isNewer(kept, next))) return kept;
    storage.setItem(key, JSON.stringify(next));
    return next;
  });
}

/** Reading and writing as one, for all tabs of the browser. Pages that are not served securely have no locks. */
async function alone<T>(key: string, act: () => T): Promise<T> {
  const locks = (navigator as Partial<Navigator>).locks;
  return locks ? await locks.request(key, act) : act();
}
