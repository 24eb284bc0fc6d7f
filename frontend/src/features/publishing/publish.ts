// Publishes a file batch by batch, so that an interruption at any moment writes nothing twice: where it stands is written down before each
// call, and the same chunks for the same sequence number are recognised by the registry.
import { CallFailed, Refused } from '@/api/agent';
import { append, getStream, type AppendError, type NewChunk } from '@/api/registry';
import { toHex } from '@/verify/bytes';
import { sha256 } from '@/verify/hash';
import { batches } from './chunks';

/** Since version 2, files are read by their encoding (`features/files`). */
export const VERSION = 2;

export interface PublishNote {
  version: number;
  stream: string;
  fileName: string;
  /** SHA-256 of the file: resuming takes the same file only. */
  fileHash: string;
  records: number;
  bytes: number;
  creditField?: string;
  creditTo?: number;
  timestamp: string;
  /** The sequence number of the next batch's first chunk; absent before the first call. */
  at?: string;
  /** Chunks known to be in the log. */
  done: number;
  /** Chunks in all. */
  total: number;
}

const key = (registry: string, stream: string) => `ddsx:publish:${registry}:${stream}`;

export const fileHash = (bytes: Uint8Array): string => toHex(sha256(bytes));

export function savePublish(storage: Storage, registry: string, note: PublishNote): void {
  storage.setItem(key(registry, note.stream), JSON.stringify(note));
}

export function forgetPublish(storage: Storage, registry: string, stream: string): void {
  storage.removeItem(key(registry, stream));
}

export function openPublish(storage: Storage, registry: string, stream: string): PublishNote | undefined {
  try {
    const note = JSON.parse(storage.getItem(key(registry, stream)) ?? 'null') as PublishNote | null;
    return note && note.version >= 1 && note.version <= VERSION ? note : undefined;
  } catch {
    return undefined;
  }
}

export interface PublishOptions {
  registry: string;
  storage: Storage;
  /** Chunks in the log so far, of all. */
  onProgress: (done: number, total: number) => void;
  /** Looks at what was appended from a sequence number on; what it throws ends the publishing. */
  check?: (first: bigint, chunks: readonly NewChunk[]) => Promise<void>;
  signal?: AbortSignal;
  pauses?: readonly number[];
}

const PAUSES = [1_000, 2_000, 4_000];

/** Appends what is not in the log yet; answers the stream's size. The note is kept until all of it is there. */
export async function publish(
  note: PublishNote,
  chunks: readonly NewChunk[],
  { registry, storage, onProgress, check, signal, pauses = PAUSES }: PublishOptions,
): Promise<bigint> {
  const stream = BigInt(note.stream);
  note.total = chunks.length;
  let size = BigInt(note.at ?? 0);
  for (const batch of batches(chunks.slice(note.done))) {
    signal?.throwIfAborted();
    note.at ??= String((await getStream(stream))?.chunks ?? 0n);
    savePublish(storage, registry, note);
    onProgress(note.done, note.total);
    const appended = await appendUntilKnown(note, stream, batch, pauses).catch((error: unknown) => {
      if (error instanceof Refused && 'WrongSequence' in (error as Refused<AppendError>).error) {
        // Somebody else published meanwhile, and nothing of this batch was written: it goes behind theirs.
        delete note.at;
        savePublish(storage, registry, note);
      }
      throw error;
    });
    // Before it counts as done: what is taken up again is looked at again.
    await check?.(appended.first_sequence, batch);
    size = appended.first_sequence + BigInt(batch.length);
    note.at = String(size);
    note.done += batch.length;
    savePublish(storage, registry, note);
    onProgress(note.done, note.total);
  }
  forgetPublish(storage, registry, note.stream);
  return size;
}

async function appendUntilKnown(
  note: PublishNote,
  stream: bigint,
  chunks: NewChunk[],
  pauses: readonly number[],
) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await append({ stream, expected_sequence: BigInt(note.at ?? 0), chunks });
    } catch (error) {
      const pause = pauses[tries];
      const unknown = error instanceof CallFailed && error.outcome === 'unknown';
      if (!unknown || pause === undefined) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
