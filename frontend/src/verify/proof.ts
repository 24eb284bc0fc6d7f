// Inclusion and consistency proofs: RFC 9162, 2.1.3.2 and 2.1.4.2. Each answers what is wrong, or nothing.
import { equalBytes } from './bytes';
import { emptyRoot, nodeHash, type Hash } from './hash';

const LENGTH = 'the proof has a number of hashes that these sizes do not call for';

/** The two running indices of both algorithms: this node's, and that of the last node on its level. */
class Position {
  private node: bigint;
  private last: bigint;

  constructor(node: bigint, last: bigint) {
    this.node = node;
    this.last = last;
  }

  get atRoot(): boolean {
    return this.last === 0n;
  }

  /** Goes up; whether the sibling stands to the left. */
  up(): boolean {
    const left = (this.node & 1n) === 1n || this.node === this.last;
    if (left) {
      while ((this.node & 1n) === 0n && this.node !== 0n) this.shift();
    }
    this.shift();
    return left;
  }

  private shift(): void {
    this.node >>= 1n;
    this.last >>= 1n;
  }
}

/** Whether the leaf with this hash is number `index` of the tree of `size` leaves with this root. */
export function inclusionFault(
  leaf: Hash,
  index: bigint,
  size: bigint,
  proof: readonly Hash[],
  root: Hash,
): string | undefined {
  if (index >= size) return `leaf ${index} does not lie in a tree of ${size}`;
  const position = new Position(index, size - 1n);
  let hash = leaf;
  for (const sibling of proof) {
    if (position.atRoot) return LENGTH;
    hash = position.up() ? nodeHash(sibling, hash) : nodeHash(hash, sibling);
  }
  if (!position.atRoot) return LENGTH;
  return equalBytes(hash, root) ? undefined : `the proof does not lead to the root of ${size} leaves`;
}

/** Whether the tree of `first` leaves is a prefix of the tree of `second` leaves. */
export function consistencyFault(
  first: bigint,
  second: bigint,
  firstRoot: Hash,
  secondRoot: Hash,
  proof: readonly Hash[],
): string | undefined {
  if (first > second) return `a tree of ${first} leaves cannot be a prefix of one of ${second}`;
  const wrong = (size: bigint) => `the proof does not lead to the root of ${size} leaves`;
  if (first === 0n || first === second) {
    if (proof.length > 0) return LENGTH;
    return equalBytes(firstRoot, first === 0n ? emptyRoot() : secondRoot) ? undefined : wrong(first);
  }
  let shift = 0n;
  while (((first >> shift) & 1n) === 0n) shift += 1n;
  const position = new Position((first - 1n) >> shift, (second - 1n) >> shift);
  // A first tree that is complete is its own starting point.
  const complete = first >> shift === 1n;
  const start = complete ? firstRoot : proof[0];
  if (!start) return LENGTH;
  let [earlier, later] = [start, start];
  for (const sibling of complete ? proof : proof.slice(1)) {
    if (position.atRoot) return LENGTH;
    if (position.up()) {
      earlier = nodeHash(sibling, earlier);
      later = nodeHash(sibling, later);
    } else {
      later = nodeHash(later, sibling);
    }
  }
  if (!position.atRoot) return LENGTH;
  if (!equalBytes(earlier, firstRoot)) return wrong(first);
  return equalBytes(later, secondRoot) ? undefined : wrong(second);
}
