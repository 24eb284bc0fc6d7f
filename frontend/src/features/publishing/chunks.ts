// Cuts a file into chunks and batches, always in the same way: a file that is published again after an interruption gives the very same
// chunks, which the registry recognises.
import type { NewChunk } from '@/api/registry';
import { FileFault, linesOf, placeOf } from '@/features/files/read-text';
import { jsonFault } from '@/lib/json';
import { count } from '@/lib/text';

export const MAX_BATCH_BYTES = 1_900_000;
export const MAX_BATCH_CHUNKS = 1_000;
/** Bytes that a chunk takes on the wire besides its payload, and each of its credits. */
const CHUNK_OVERHEAD = 24;
const CREDIT_OVERHEAD = 14;
const MOST_IN_A_CHUNK = MAX_BATCH_BYTES - CHUNK_OVERHEAD - CREDIT_OVERHEAD;

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

function field(record: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined,
      record,
    );
}

/** A line's record; refused with its place where it is none. */
function recordOf(line: string, number: number): unknown {
  const fault = jsonFault(line);
  if (fault) throw new FileFault(`this is not JSON: ${fault.why}.`, number, fault.at + 1);
  return JSON.parse(line);
}

/** The label of a line's contributor. */
function labelOf(line: string, number: number, path: string): string {
  const label = field(recordOf(line, number), path);
  if (typeof label !== 'string' && typeof label !== 'number') {
    throw new FileFault(`there is no field “${path}” that could name a contributor.`, number);
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
  return linesOf(text)
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== '');
}

/** JSON Lines as chunks, each line ended by a line feed. Empty lines are left out; everything else is published as it is. */
export function cutLines(text: string, cutting: Cutting): NewChunk[] {
  const records = lines(text);
  // Where a field names whom to credit, each record is read for it.
  if (cutting.creditField === undefined) records.forEach(({ line, number }) => recordOf(line, number));
  return cutRecords(records, cutting);
}

function cutRecords(records: { line: string; number: number }[], cutting: Cutting): NewChunk[] {
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
  for (const { line, number } of records) {
    if (line.trim() === '') continue;
    const bytes = encoder.encode(`${line}\n`);
    if (bytes.length > MOST_IN_A_CHUNK) {
      throw new FileFault(
        `it has ${count(bytes.length)} bytes; one chunk holds at most ${count(MOST_IN_A_CHUNK)}. Make it shorter, or split it into several records.`,
        number,
      );
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
    throw new FileFault(`“${label}” is not among the stream's contributors.`, number);
  }
  return contributor;
}

/** As the page cut a file before it read files by their encoding: for one that was begun then, whose chunks must be the same again. */
export const cutAsBefore = (text: string, cutting: Cutting): NewChunk[] =>
  cutRecords(
    text.split('\n').map((line, index) => ({ line, number: index + 1 })),
    cutting,
  );

/** A JSON document: it must be one. */
export function checkDocument(text: string): void {
  const fault = jsonFault(text);
  if (!fault) return;
  const [line, column] = placeOf(text, fault.at);
  throw new FileFault(`this is not JSON: ${fault.why}.`, line, column);
}

/** A file of any other kind, as one chunk. */
export function cutWhole(bytes: Uint8Array, cutting: Cutting): NewChunk[] {
  if (bytes.length === 0) return [];
  if (bytes.length > MOST_IN_A_CHUNK) {
    throw new FileFault(
      `It has ${count(bytes.length)} bytes; one chunk holds at most ${count(MOST_IN_A_CHUNK)}. Split it, and publish the parts one by one.`,
    );
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
