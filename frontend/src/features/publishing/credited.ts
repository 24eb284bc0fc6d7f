// Whether what was published is credited to whom the reader meant. Contributors are credited by number, and who has which number is one node's
// word; but a leaf holds their labels' hashes, and the log is certified.
import type { NewChunk } from '@/api/registry';
import { equalBytes } from '@/verify/bytes';
import { encodeCredits } from '@/verify/credits';
import { VerificationError } from '@/verify/error';
import { creditsHash, labelHash, sha256Fast } from '@/verify/hash';
import type { Leaf } from '@/verify/leaf';

/** How chunks are checked that stand in the log from `first` on: for each contributor the first chunk that credits it. */
export function creditsCheck(
  /** Labels by number, as they were shown. */
  labels: ReadonlyMap<number, string>,
  leafOf: (sequence: bigint) => Promise<Leaf>,
): (first: bigint, chunks: readonly NewChunk[]) => Promise<void> {
  const proved = new Set<number>();
  return async (first, chunks) => {
    for (const [index, { credits, payload }] of chunks.entries()) {
      if (credits.every(({ contributor }) => proved.has(contributor))) continue;
      const sequence = first + BigInt(index);
      const leaf = await leafOf(sequence);
      const meant = credits.map(({ contributor, records }) => ({
        contributor,
        records,
        label: labelHash(labels.get(contributor) ?? ''),
      }));
      if (!equalBytes(leaf.credits, creditsHash(encodeCredits(meant)))) {
        throw new VerificationError(
          'credits-hash',
          `chunk ${sequence}: its records are credited to others than those shown here; whoever listed the contributors was not honest`,
        );
      }
      if (!equalBytes(leaf.payloadHash, await sha256Fast(payload))) {
        throw new VerificationError('payload-hash', `chunk ${sequence}: another payload stands in the log`);
      }
      credits.forEach(({ contributor }) => proved.add(contributor));
    }
  };
}
