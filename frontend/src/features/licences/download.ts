// A whole stream, pulled and verified from its first chunk, as one file.
import { pull } from '@/api/registry';
import { environment } from '@/api/environment';
import { fileStem } from '@/lib/text';
import { headKey, keepHead, loadHead, type StoredHeld } from '@/verify/stored';

const MAX_BYTES = 1_900_000n;

export interface Pulling {
  chunks: bigint;
  of: bigint;
  bytes: number;
  records: bigint;
}

/** Pulls everything; hands over nothing unless all of it is verified. */
export async function pullAll(
  stream: bigint,
  licence: bigint | undefined,
  onProgress: (progress: Pulling) => void,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const { rootKey, registry } = environment();
  const key = headKey(rootKey, registry, stream);
  const base = loadHead(localStorage, key);
  let held: StoredHeld | undefined = base;
  const parts: Uint8Array[] = [];
  let [from, bytes, records] = [0n, 0, 0n];
  for (;;) {
    signal.throwIfAborted();
    const pulled = await pull({
      stream,
      from,
      held,
      maxBytes: MAX_BYTES,
      ...(licence === undefined ? {} : { licence }),
    });
    held = pulled.held;
    from = pulled.next;
    for (const { payload, leaf } of pulled.chunks) {
      parts.push(payload);
      bytes += payload.length;
      records += leaf.records;
    }
    onProgress({ chunks: from, of: pulled.head.size, bytes, records });
    if (from >= pulled.head.size) break;
  }
  await keepHead(localStorage, key, base, held);
  return parts;
}

const EXTENSIONS: Record<string, string> = {
  'application/x-ndjson': 'jsonl',
  'application/jsonl': 'jsonl',
  'application/json': 'json',
  'text/csv': 'csv',
  'text/plain': 'txt',
};

export const fileName = (name: string, contentType: string): string =>
  `${fileStem(name)}.${EXTENSIONS[contentType] ?? 'bin'}`;

/** The same with the command, with proof, in a shell. */
export function commandLine(stream: bigint, licence: bigint, name: string): string {
  return `ddsx stream pull ${stream} --licence ${licence} --follow --cursor ${name}.cursor --out ${name}/`;
}
