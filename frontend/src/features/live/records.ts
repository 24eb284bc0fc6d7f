// A verified payload as text that can be looked at.
import { legible } from '@/lib/text';
import type { VerifiedChunk } from '@/verify/pull';

const LINES = [1, 2];
/** Characters of a record that are shown. */
const LONGEST = 2_000;
const TEXT = [...LINES, 3, 7];

export interface Shown {
  key: string;
  chunk: bigint;
  text: string;
}

/** The latest records of chunks, newest first. Payloads that are no text are told by their size. */
export function latestRecords(chunks: readonly VerifiedChunk[], most: number): Shown[] {
  const shown: Shown[] = [];
  for (const { leaf, payload } of chunks.toReversed()) {
    const texts = recordsOf(leaf.contentType, payload);
    for (const [index, text] of texts.toReversed().entries()) {
      if (shown.length >= most) return shown;
      shown.push({ key: `${leaf.sequence}-${texts.length - index}`, chunk: leaf.sequence, text });
    }
  }
  return shown;
}

function recordsOf(contentType: number, payload: Uint8Array): string[] {
  const registered = contentType >= 0x8000;
  if (!TEXT.includes(contentType) && !registered) return [`${payload.length} bytes, not text`];
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => legible(line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line));
  } catch {
    return [`${payload.length} bytes, not text`];
  }
}
