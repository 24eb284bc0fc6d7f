// How many times slower Lighthouse is to make this machine, so that it is like a mid-tier phone.

/** The factor at each benchmark, between which it is linear, and beyond the last goes on as before it. */
const TABLE = [
  [150, 1],
  [800, 2],
  [1300, 3],
  [1533, 4],
];

/**
 * What Lighthouse's own calculator says for a machine's `benchmarkIndex`, to one decimal place as it says it:
 * https://lighthouse-cpu-throttling-calculator.vercel.app, to which Lighthouse's docs/throttling.md leads. A machine that is slower than
 * the phone cannot be made like it.
 */
export function slowdownFor(benchmark) {
  const next = TABLE.findIndex(([from]) => benchmark < from);
  if (next === 0)
    throw new Error(`Lighthouse's benchmark is ${benchmark}: this machine is too busy, or too slow`);
  const at = next === -1 ? TABLE.length - 1 : next;
  const [[x0, y0], [x1, y1]] = [TABLE[at - 1], TABLE[at]];
  const factor = y0 + ((benchmark - x0) * (y1 - y0)) / (x1 - x0);
  return Math.round(factor * 10) / 10;
}
