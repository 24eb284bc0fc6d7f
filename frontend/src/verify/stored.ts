// What is kept of a stream between visits, as text: the last head believed, and the compact range before the next chunk.
import { fromHex, toHex } from './bytes';
import { CompactRange } from './compact';
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

export function saveHead(storage: Storage, key: string, held: StoredHeld): void {
  storage.setItem(key, JSON.stringify(held));
}
