// The vectors of crates/merkle_log: made from docs/leaf-format.md and RFC 9162 without its code, and shared by every language.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex, u64 } from './bytes';
import { CompactRange, cover } from './compact';
import { decodeCredits } from './credits';
import { creditsHash, emptyRoot, labelHash, leafHash, sha256, sourcesHash } from './hash';
import { encodeHead, hashOfHead } from './head';
import { decodeLeaf } from './leaf';
import { consistencyFault, inclusionFault } from './proof';

const read = (name: string): unknown =>
  JSON.parse(
    readFileSync(join(import.meta.dirname, '../../../crates/merkle_log/tests/vectors', name), 'utf8'),
  );

interface Rfc {
  leaves: string[];
  leaf_hashes: string[];
  empty_root: string;
  roots: string[];
  inclusion: { tree_size: number; leaf_index: number; proof: string[] }[];
  consistency: { first: number; second: number; proof: string[] }[];
}

interface Log {
  labels: { label: string; hash: string }[];
  credits: {
    list: { contributor: number; label: string; records: string }[];
    encoded: string;
    hash: string;
  }[];
  sources: { encoded: string; hash: string }[];
  leaves: Record<string, string | number | null>[];
  heads: { tree_size: string; timestamp: string; root: string; encoded: string; hash: string }[];
  stream: { id: string; chunks: { payload: string; credits: string; leaf: string; leaf_hash: string }[] };
  compact_ranges: { begin: number; end: number; hashes: string[]; encoded: string }[];
}

const rfc = read('rfc9162.json') as Rfc;
const log = read('ddsx-log.json') as Log;
const hashes = (list: string[]) => list.map(fromHex);

describe('RFC 9162', () => {
  it('should hash every leaf and every tree', () => {
    const range = CompactRange.emptyAt(0n);
    expect(toHex(emptyRoot())).toBe(rfc.empty_root);
    rfc.leaves.forEach((leaf, index) => {
      const hash = leafHash(fromHex(leaf));
      expect(toHex(hash)).toBe(rfc.leaf_hashes[index]);
      range.append(hash);
      expect(toHex(range.root())).toBe(rfc.roots[index]);
    });
  });

  it('should accept every inclusion proof, and none for another leaf, root or length', () => {
    for (const { tree_size, leaf_index, proof } of rfc.inclusion) {
      const [leaf, root] = [
        fromHex(rfc.leaf_hashes[leaf_index] ?? ''),
        fromHex(rfc.roots[tree_size - 1] ?? ''),
      ];
      const [index, size, path] = [BigInt(leaf_index), BigInt(tree_size), hashes(proof)];
      expect(inclusionFault(leaf, index, size, path, root)).toBeUndefined();
      expect(inclusionFault(root.toReversed(), index, size, path, root)).toBeDefined();
      expect(inclusionFault(leaf, index, size, [...path, leaf], root)).toBeDefined();
      if (path.length > 0) expect(inclusionFault(leaf, index, size, path.slice(1), root)).toBeDefined();
    }
    expect(rfc.inclusion).toHaveLength(231);
  });

  it('should accept every consistency proof, and none with a hash altered, missing or too many', () => {
    for (const { first, second, proof } of rfc.consistency) {
      const [one, two] = [fromHex(rfc.roots[first - 1] ?? ''), fromHex(rfc.roots[second - 1] ?? '')];
      const path = hashes(proof);
      const fault = (given: Uint8Array[]) => consistencyFault(BigInt(first), BigInt(second), one, two, given);
      expect(fault(path)).toBeUndefined();
      expect(fault([...path, one])).toBeDefined();
      if (path.length > 0) expect(fault(path.slice(0, -1))).toBeDefined();
      path.forEach((hash, index) => {
        expect(fault(path.with(index, sha256(hash)))).toBeDefined();
      });
    }
    expect(rfc.consistency).toHaveLength(231);
  });
});

describe('canonical bytes', () => {
  it('should hash labels, credits and sources', () => {
    for (const { label, hash } of log.labels) expect(toHex(labelHash(label))).toBe(hash);
    for (const { encoded, hash } of log.sources) expect(toHex(sourcesHash(fromHex(encoded)))).toBe(hash);
    for (const { list, encoded, hash } of log.credits) {
      expect(toHex(creditsHash(fromHex(encoded)))).toBe(hash);
      const { credits, records } = decodeCredits(fromHex(encoded));
      expect(
        credits.map(({ contributor, label, records }) => [contributor, toHex(label), String(records)]),
      ).toEqual(
        list.map(({ contributor, label, records }) => [contributor, toHex(labelHash(label)), records]),
      );
      expect(records).toBe(list.reduce((sum, { records }) => sum + BigInt(records), 0n));
    }
  });

  it('should read every leaf, and no leaf with a byte missing or left over, or an unknown bit', () => {
    for (const vector of log.leaves) {
      const bytes = fromHex(String(vector.encoded));
      const leaf = decodeLeaf(bytes);
      expect(toHex(leafHash(bytes))).toBe(vector.hash);
      expect({
        stream: String(leaf.stream),
        sequence: String(leaf.sequence),
        provider_time: String(leaf.providerTime),
        registry_time: String(leaf.registryTime),
        content_type: leaf.contentType,
        records: String(leaf.records),
        verdict: leaf.verdict,
        credits: toHex(leaf.credits),
        payload_len: String(leaf.payloadLength),
        payload_hash: toHex(leaf.payloadHash),
        sources: leaf.sources === undefined ? null : toHex(leaf.sources),
      }).toEqual(
        Object.fromEntries(Object.entries(vector).filter(([name]) => !['encoded', 'hash'].includes(name))),
      );
      expect(() => decodeLeaf(bytes.slice(0, -1))).toThrow();
      expect(() => decodeLeaf(Uint8Array.from([...bytes, 0]))).toThrow();
      expect(() => decodeLeaf(bytes.with(0, 2))).toThrow('version');
      expect(() => decodeLeaf(bytes.with(1, 0x82))).toThrow('flags');
      expect(() => decodeLeaf(bytes.with(44, 0x10))).toThrow('verdict');
    }
  });

  it('should encode and hash every head', () => {
    for (const { tree_size, timestamp, root, encoded, hash } of log.heads) {
      const head = { size: BigInt(tree_size), timestamp: BigInt(timestamp), root: fromHex(root) };
      expect(toHex(encodeHead(head))).toBe(encoded);
      expect(toHex(hashOfHead(head))).toBe(hash);
    }
  });

  it('should find the same compact range for every part of the stream', () => {
    const leaves = log.stream.chunks.map(({ leaf }) => leafHash(fromHex(leaf)));
    log.stream.chunks.forEach(({ leaf_hash }, index) => {
      expect(toHex(leaves[index] ?? new Uint8Array())).toBe(leaf_hash);
    });
    for (const { begin, end, hashes: expected, encoded } of log.compact_ranges) {
      const range = CompactRange.emptyAt(BigInt(begin));
      leaves.slice(begin, end).forEach((leaf) => range.append(leaf));
      expect(range.hashes.map(toHex)).toEqual(expected);
      expect(`01${toHex(u64(range.begin))}${toHex(u64(range.end))}${range.hashes.map(toHex).join('')}`).toBe(
        encoded,
      );
      expect(cover(BigInt(begin), BigInt(end))).toHaveLength(expected.length);
      const middle = begin + Math.floor((end - begin) / 2);
      const part = (from: number, to: number) => {
        const found = log.compact_ranges.find((one) => one.begin === from && one.end === to);
        return new CompactRange(BigInt(from), BigInt(to), hashes(found?.hashes ?? []));
      };
      const joined = part(begin, middle);
      joined.extend(part(middle, end));
      expect(joined.hashes.map(toHex)).toEqual(expected);
    }
    expect(log.compact_ranges).toHaveLength(253);
  });
});
