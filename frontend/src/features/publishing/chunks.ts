// Cuts a file into chunks and batches, always in the same way: a file that is published again after an interruption gives the very same
// chunks, which the registry recognises.
import type { NewChunk } from '@/api/registry';

export const MAX_BATCH_BYTES = 1_900_000;
export const MAX_BATCH_CHUNKS = 1_000;
/** Bytes that a chunk takes on the wire besides its payload, and each of its credits. */
const CHUNK_OVERHEAD = 24;
const CREDIT_OVERHEAD = 14;

export interface Cutting {
  /** Records of a chunk at most. */
  records: number;
  /** Payload bytes of a chunk at most. */
  bytes: number;
  /** The path of the field that names who is credited (`properties.net`); everything goes to one contributor if absent. */
  creditField: string | undefined;
  /** The contributors' numbers by label. */
  contributors: ReadonlyMap<string, number>;
  /** Who is credited where no field says so. */
  creditTo: number | undefined;
  /** The provider's timestamp of every chunk, ns since the Unix epoch. */
  timestamp: bigint;
}

/** A line of the file cannot be published. */
export class CuttingError extends Error {
  readonly line: number;
  /** The label that is not in the table, if that is what is wrong. */
  readonly unknownLabel: string | undefined;

  constructor(line: number, reason: string, unknownLabel?: string) {
    super(`Line ${line}: ${reason}`);
    this.line = line;
    this.unknownLabel = unknownLabel;
  }
}

function field(record: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined,
      record,
    );
}

/** The label of a line's contributor. */
function labelOf(line: string, number: number, path: string): string {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    throw new CuttingError(number, 'this is not JSON.');
  }
  const label = field(record, path);
  if (typeof label !== 'string' && typeof label !== 'number') {
    throw new CuttingError(number, `there is no field “${path}” that could name a contributor.`);
  }
  return String(label);
}

/** All labels that a file names, in order of first appearance. */
export function labelsIn(text: string, path: string): string[] {
  const labels = new Set<string>();
  lines(text).forEach(({ line, number }) => labels.add(labelOf(line, number, path)));
  return [...labels];
}

function lines(text: string): { line: string; number: number }[] {
  return text
    .split('\n')
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== '');
}

/** JSON Lines as chunks. Empty lines are left out; every other byte is published as it is. */
export function cutLines(text: string, cutting: Cutting): NewChunk[] {
  const encoder = new TextEncoder();
  const chunks: NewChunk[] = [];
  let open: { parts: Uint8Array[]; bytes: number; credits: Map<number, bigint> } | undefined;
  const close = () => {
    if (!open) return;
    const payload = new Uint8Array(open.bytes);
    let at = 0;
    for (const part of open.parts) {
      payload.set(part, at);
      at += part.length;
    }
    const credits = [...open.credits]
      .map(([contributor, records]) => ({ contributor, records }))
      .sort((a, b) => a.contributor - b.contributor);
    chunks.push({ payload, credits, provider_timestamp: cutting.timestamp });
    open = undefined;
  };
  for (const { line, number } of lines(text)) {
    const bytes = encoder.encode(`${line}\n`);
    if (bytes.length > MAX_BATCH_BYTES - CHUNK_OVERHEAD - CREDIT_OVERHEAD) {
      throw new CuttingError(number, 'it is longer than 1.9 MB, which is what one chunk holds.');
    }
    const contributor = contributorOf(line, number, cutting);
    if (open && (open.parts.length >= cutting.records || open.bytes + bytes.length > cutting.bytes)) close();
    open ??= { parts: [], bytes: 0, credits: new Map() };
    open.parts.push(bytes);
    open.bytes += bytes.length;
    if (contributor !== undefined) {
      open.credits.set(contributor, (open.credits.get(contributor) ?? 0n) + 1n);
    }
  }
  close();
  return chunks;
}

function contributorOf(line: string, number: number, cutting: Cutting): number | undefined {
  if (cutting.creditField === undefined) return cutting.creditTo;
  const label = labelOf(line, number, cutting.creditField);
  const contributor = cutting.contributors.get(label);
  if (contributor === undefined) {
    throw new CuttingError(number, `“${label}” is not among the stream's contributors.`, label);
  }
  return contributor;
}

/** A file of any other kind, as one chunk. */
export function cutWhole(bytes: Uint8Array, cutting: Cutting): NewChunk[] {
  if (bytes.length === 0) return [];
  if (bytes.length > MAX_BATCH_BYTES - CHUNK_OVERHEAD - CREDIT_OVERHEAD) {
    throw new CuttingError(1, 'the file is larger than 1.9 MB, which is what one chunk holds.');
  }
  const credits = cutting.creditTo === undefined ? [] : [{ contributor: cutting.creditTo, records: 1n }];
  return [{ payload: bytes, credits, provider_timestamp: cutting.timestamp }];
}

/** Chunks in batches that fit into one call each. */
export function batches(chunks: readonly NewChunk[]): NewChunk[][] {
  const all: NewChunk[][] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    const weight = chunk.payload.length + CHUNK_OVERHEAD + CREDIT_OVERHEAD * chunk.credits.length;
    const last = all.at(-1);
    if (last && last.length < MAX_BATCH_CHUNKS && bytes + weight <= MAX_BATCH_BYTES) {
      last.push(chunk);
      bytes += weight;
    } else {
      all.push([chunk]);
      bytes = weight;
    }
  }
  return all;
}
