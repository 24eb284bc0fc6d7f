// Everything that is checked before a reply to `pull` is believed, in the order of docs/proofs.md. Pure: no network, no clock.
import type { CertifiedHead, Pulled, PulledChunk } from '@/bindings/stream_registry.did';
import { equalBytes, toHex } from './bytes';
import {
  certifiedHeadHash,
  checkFreshness,
  verifyCertificate,
  type Anchor,
  type Certified,
} from './certificate';
import { CompactRange } from './compact';
import { decodeCredits, type Credit } from './credits';
import { VerificationError } from './error';
import { creditsHash, leafHash, sha256, sha256Fast, type Hash } from './hash';
import { hashOfHead, type Head } from './head';
import { decodeLeaf, type Leaf } from './leaf';
import { consistencyFault } from './proof';

/** What a puller keeps between pulls: some hundred bytes, however long the stream is. */
export interface Held {
  stream: bigint;
  /** The last head believed. */
  head: Head;
  /** The time of its certificate, ns since the Unix epoch. */
  certifiedAt: bigint;
  /** The compact range over the chunks before the next one; it begins at 0. */
  range: CompactRange;
}

export interface VerifiedChunk {
  leaf: Leaf;
  leafHash: Hash;
  credits: Credit[];
  payload: Uint8Array;
}

/** How it was shown that the head continues the one held. */
export type History = 'first-visit' | 'unchanged' | 'chunks' | 'proof' | 'was-empty';

export interface Verified {
  held: Held;
  chunks: VerifiedChunk[];
  certifiedData: Hash;
  certifiedHead: Hash;
  subnet: string | undefined;
  history: History;
  /** Size of the head that this one was compared with. */
  comparedWith: bigint | undefined;
}

export interface PullToVerify {
  stream: bigint;
  /** The sequence number asked for. */
  from: bigint;
  reply: Pulled;
  held: Held | undefined;
  /** Whether the left frontier was asked for. */
  withLeft: boolean;
  /** The consistency proof from the head held to this one, if there is one. */
  consistency: readonly Hash[] | undefined;
  /** The verifier's clock, ns since the Unix epoch. */
  now: bigint;
}

/** Checks the whole reply; throws `VerificationError`, and then nothing of it may be used. */
export async function verifyPull(anchor: Anchor, pull: PullToVerify): Promise<Verified> {
  const { stream, from, reply, held } = pull;
  const { head, certified, certifiedHead } = await verifiedHead(anchor, stream, reply.head, pull.now);
  checkHead(held, stream, head, certified.time);
  const payloadHashes = await Promise.all(reply.chunks.map(({ payload }) => sha256Fast(payload)));
  const { range, chunks, crossed } = checkChunks(pull, head, payloadHashes);
  const end = range.end;
  if (reply.next !== end) {
    throw new VerificationError(
      'next-mismatch',
      `the reply ends at chunk ${end}, but says that the next one is ${reply.next}: chunks were dropped at its end`,
    );
  }
  checkRoot(reply, range, head, from);
  const history = checkHistory(held, head, crossed, pull.consistency);
  if (chunks.length === 0 && from < head.size) {
    throw new VerificationError(
      'chunks-withheld',
      `the reply holds no chunk, although the certified head has ${head.size} and ${from} was asked for`,
    );
  }
  return {
    held: { stream, head, certifiedAt: certified.time, range },
    chunks,
    certifiedData: certified.data,
    certifiedHead,
    subnet: certified.subnet,
    history,
    comparedWith: held?.head.size,
  };
}

/** A stream's head, proved to the network's root key and fresh. */
export async function verifiedHead(
  anchor: Anchor,
  stream: bigint,
  given: CertifiedHead,
  now: bigint,
): Promise<{ head: Head; certified: Certified; certifiedHead: Hash }> {
  const certificate = given.certificate[0];
  if (!certificate) throw new VerificationError('certificate-missing', 'the reply has no certificate');
  const certified = await verifyCertificate(certificate, anchor);
  const certifiedHead = await certifiedHeadHash(given.witness, certified, stream);
  const head: Head = {
    size: given.head.tree_size,
    timestamp: given.head.timestamp,
    root: given.head.root,
  };
  const hash = hashOfHead(head);
  if (!equalBytes(hash, certifiedHead)) {
    throw new VerificationError(
      'head-altered',
      `the head was altered: its hash is ${toHex(hash)}, certified is ${toHex(certifiedHead)}`,
    );
  }
  checkFreshness(certified.time, now);
  return { head, certified, certifiedHead };
}

/** Whether a consistency proof must be fetched before the pull can be verified: from which size to which. */
export function consistencyNeeded(
  held: Held | undefined,
  from: bigint,
  reply: Pulled,
): { first: bigint; second: bigint } | undefined {
  const first = held?.head.size ?? 0n;
  const second = reply.head.head.tree_size;
  const end = from + BigInt(reply.chunks.length);
  if (first === 0n || second <= first || (from <= first && first <= end)) return undefined;
  return { first, second };
}

function checkHead(held: Held | undefined, stream: bigint, head: Head, certifiedAt: bigint): void {
  if (!held) return;
  if (held.stream !== stream) {
    throw new VerificationError(
      'head-of-other-stream',
      `expected stream ${held.stream}, got stream ${stream}`,
    );
  }
  if (certifiedAt < held.certifiedAt) {
    throw new VerificationError(
      'certificate-older-than-held',
      'an old reply: a certificate made later was already seen',
    );
  }
  if (head.size < held.head.size) {
    throw new VerificationError(
      'head-shrank',
      `the stream shrank: its head has ${head.size} chunks, ${held.head.size} were already seen`,
    );
  }
  if (head.size === held.head.size && !equalBytes(head.root, held.head.root)) {
    throw new VerificationError(
      'head-forked',
      `history rewritten: at ${head.size} chunks the root was ${toHex(held.head.root)}, now it is ${toHex(head.root)}`,
    );
  }
  if (head.timestamp < held.head.timestamp) {
    throw new VerificationError('head-time-went-back', "the head's timestamp went back");
  }
}

/** Each chunk against its leaf, and all leaves into the range. `crossed` is the range's root at the size of the head held. */
function checkChunks(
  pull: PullToVerify,
  head: Head,
  payloadHashes: readonly Hash[],
): { range: CompactRange; chunks: VerifiedChunk[]; crossed: Hash | undefined } {
  const { from, reply, held } = pull;
  const to = from + BigInt(reply.chunks.length);
  if (to > head.size) {
    throw new VerificationError('beyond-head', `the chunks end at ${to}, the head has ${head.size}`);
  }
  const range = leftRange(pull);
  const crossing = () => (held?.head.size === range.end ? range.root() : undefined);
  let crossed = crossing();
  const chunks = reply.chunks.map((chunk, index) => {
    const payloadHash = payloadHashes[index] ?? sha256(chunk.payload);
    const checked = checkChunk(pull.stream, from + BigInt(index), chunk, payloadHash);
    range.append(checked.leafHash);
    crossed ??= crossing();
    return checked;
  });
  return { range, chunks, crossed };
}

function leftRange({ from, reply, held, withLeft }: PullToVerify): CompactRange {
  try {
    if (withLeft) return new CompactRange(0n, from, reply.left_frontier);
    if (from === 0n) return CompactRange.emptyAt(0n);
  } catch (error) {
    throw new VerificationError('left-frontier', `wrong left frontier: ${(error as Error).message}`);
  }
  if (held?.range.begin === 0n && held.range.end === from) return held.range.clone();
  throw new VerificationError('left-frontier', `no left frontier: the chunks start at ${from}`);
}

function checkChunk(stream: bigint, sequence: bigint, chunk: PulledChunk, payloadHash: Hash): VerifiedChunk {
  const { leaf: bytes, credits: list, payload } = chunk;
  const fault = (code: ConstructorParameters<typeof VerificationError>[0], text: string) =>
    new VerificationError(code, `chunk ${sequence}: ${text}`);
  let leaf: Leaf;
  try {
    leaf = decodeLeaf(bytes);
  } catch (error) {
    throw fault('leaf-malformed', `malformed leaf: ${(error as Error).message}`);
  }
  if (leaf.stream !== stream) throw fault('leaf-of-other-stream', `its leaf is of stream ${leaf.stream}`);
  if (leaf.sequence !== sequence) {
    throw fault(
      'leaf-out-of-sequence',
      `in its place came chunk ${leaf.sequence}; a chunk was dropped, inserted or swapped`,
    );
  }
  if (BigInt(payload.length) !== leaf.payloadLength) {
    throw fault(
      'payload-length',
      `its payload has ${payload.length} bytes, the leaf says ${leaf.payloadLength}`,
    );
  }
  if (!equalBytes(payloadHash, leaf.payloadHash)) {
    throw fault(
      'payload-hash',
      `its payload was altered: it hashes to ${toHex(payloadHash)}, the leaf says ${toHex(leaf.payloadHash)}`,
    );
  }
  if (!equalBytes(creditsHash(list), leaf.credits)) {
    throw fault('credits-hash', 'its credits list was altered: it does not have the hash that the leaf says');
  }
  try {
    const { credits, records } = decodeCredits(list);
    // The registry counts the records of a chunk that credits nobody, so that only a list with entries has a sum to compare.
    if (records !== leaf.records && credits.length > 0) {
      throw fault('credits-sum', `its credits sum to ${records} records, the leaf says ${leaf.records}`);
    }
    return { leaf, leafHash: leafHash(bytes), credits, payload };
  } catch (error) {
    if (error instanceof VerificationError) throw error;
    throw fault('credits-malformed', `malformed credits list: ${(error as Error).message}`);
  }
}

function checkRoot(reply: Pulled, range: CompactRange, head: Head, from: bigint): void {
  const to = range.end;
  let right: CompactRange;
  try {
    right = new CompactRange(to, head.size, reply.right_frontier);
  } catch (error) {
    throw new VerificationError('right-frontier', `wrong right frontier: ${(error as Error).message}`);
  }
  const whole = range.clone();
  whole.extend(right);
  const root = whole.root();
  if (!equalBytes(root, head.root)) {
    throw new VerificationError(
      'root',
      `chunks ${from} to ${to} do not lead to the head's root: a leaf or a frontier hash was altered (root ${toHex(root)}, certified ${toHex(head.root)})`,
    );
  }
}

function checkHistory(
  held: Held | undefined,
  head: Head,
  crossed: Hash | undefined,
  proof: readonly Hash[] | undefined,
): History {
  if (!held) return 'first-visit';
  if (held.head.size === 0n) return 'was-empty';
  if (held.head.size === head.size) return 'unchanged';
  if (crossed && !equalBytes(crossed, held.head.root)) {
    throw new VerificationError(
      'history-rewritten',
      `history rewritten: the first ${held.head.size} chunks have the root ${toHex(crossed)}, it was ${toHex(held.head.root)} when they were first seen`,
    );
  }
  if (crossed && !proof) return 'chunks';
  if (!proof) {
    throw new VerificationError(
      'consistency-missing',
      `no consistency proof between the head of ${held.head.size} chunks already seen and the one of ${head.size}`,
    );
  }
  const fault = consistencyFault(held.head.size, head.size, held.head.root, head.root, proof);
  if (fault) {
    throw new VerificationError(
      'consistency',
      `wrong consistency proof between the head of ${held.head.size} chunks already seen and the one of ${head.size}: ${fault}`,
    );
  }
  return 'proof';
}
