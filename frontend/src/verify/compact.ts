// Compact ranges: the roots of the largest complete subtrees that cover the leaves [begin, end), from left to right.
import { emptyRoot, nodeHash, type Hash } from './hash';

interface Subtree {
  level: number;
  index: bigint;
}

/** How many times 2 divides a number other than 0. */
function trailingZeros(value: bigint): number {
  let zeros = 0;
  for (let rest = value; (rest & 1n) === 0n; rest >>= 1n) zeros += 1;
  return zeros;
}

/** The complete subtrees that cover [begin, end). */
export function cover(begin: bigint, end: bigint): Subtree[] {
  const subtrees: Subtree[] = [];
  let at = begin;
  while (at < end) {
    const fits = (end - at).toString(2).length - 1;
    const level = at === 0n ? fits : Math.min(trailingZeros(at), fits);
    subtrees.push({ level, index: at >> BigInt(level) });
    at += 1n << BigInt(level);
  }
  return subtrees;
}

/** The hashes do not stand for these bounds. */
export class RangeError extends Error {}

export class CompactRange {
  readonly begin: bigint;
  #end: bigint;
  #subtrees: Subtree[];
  #hashes: Hash[];

  constructor(begin: bigint, end: bigint, hashes: readonly Hash[]) {
    if (begin > end) throw new RangeError(`[${begin}, ${end}) is not a range`);
    const subtrees = cover(begin, end);
    if (hashes.length !== subtrees.length || hashes.some((hash) => hash.length !== 32)) {
      throw new RangeError(`${subtrees.length} hashes stand for [${begin}, ${end}), not ${hashes.length}`);
    }
    this.begin = begin;
    this.#end = end;
    this.#subtrees = subtrees;
    this.#hashes = [...hashes];
  }

  static emptyAt(begin: bigint): CompactRange {
    return new CompactRange(begin, begin, []);
  }

  get end(): bigint {
    return this.#end;
  }

  get hashes(): readonly Hash[] {
    return this.#hashes;
  }

  clone(): CompactRange {
    return new CompactRange(this.begin, this.#end, this.#hashes);
  }

  /** Adds the next leaf by its hash. */
  append(leaf: Hash): void {
    this.push({ level: 0, index: this.#end }, leaf);
  }

  /** Adds the range that follows. */
  extend(right: CompactRange): void {
    if (right.begin !== this.#end) throw new RangeError(`${right.begin} does not follow ${this.#end}`);
    right.#subtrees.forEach((subtree, index) => {
      const hash = right.#hashes[index];
      if (hash) this.push(subtree, hash);
    });
  }

  /** The root of the tree; only of a range that begins at 0. */
  root(): Hash {
    if (this.begin !== 0n) throw new RangeError('only a range from 0 has a root');
    const rest = [...this.#hashes];
    let root = rest.pop();
    if (!root) return emptyRoot();
    while (rest.length > 0) root = nodeHash(rest.pop() ?? root, root);
    return root;
  }

  private push(subtree: Subtree, hash: Hash): void {
    let { level, index } = subtree;
    let merged = hash;
    this.#end = (index + 1n) << BigInt(level);
    for (;;) {
      const left = this.#subtrees.at(-1);
      const sibling = this.#hashes.at(-1);
      if (!left || !sibling || (index & 1n) === 0n || left.level !== level || left.index !== index - 1n)
        break;
      this.#subtrees.pop();
      this.#hashes.pop();
      merged = nodeHash(sibling, merged);
      level += 1;
      index >>= 1n;
    }
    this.#subtrees.push({ level, index });
    this.#hashes.push(merged);
  }
}
