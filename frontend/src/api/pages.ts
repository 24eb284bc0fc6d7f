// Lists that canisters give page by page.
import { some } from './agent';

const PAGE = 100;

/** Asks for a whole page, behind an entry or from the first. */
export const wholePage = (after: bigint | undefined) => ({ start_after: some(after), limit: some(PAGE) });

/** All pages of a list, up to a bound that keeps the page usable. A canister ends a page early where it would outgrow an answer, so only an empty one is the end. */
export async function allPages<T, K = bigint>(
  page: (after: K | undefined) => Promise<T[]>,
  key: (entry: T) => K,
  most = 2_000,
): Promise<T[]> {
  const all: T[] = [];
  let after: K | undefined;
  for (;;) {
    const part = await page(after);
    all.push(...part);
    const last = part.at(-1);
    if (!last || all.length >= most) return all;
    after = key(last);
  }
}
