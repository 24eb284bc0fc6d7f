import { describe, expect, it } from 'vitest';
import { slowdownFor } from '../../scripts/slowdown.mjs';

describe('how much slower Lighthouse is to make a machine', () => {
  it('should be what Lighthouse’s calculator says', () => {
    for (const [benchmark, factor] of [
      [150, 1],
      [475, 1.5],
      [800, 2],
      [1030, 2.5],
      [1300, 3],
      [1533, 4],
      [1766, 5],
      [2000, 6],
    ] as const) {
      expect(slowdownFor(benchmark), `${benchmark}`).toBe(factor);
    }
  });

  it('should be none for a machine slower than the phone', () => {
    expect(() => slowdownFor(149)).toThrow('too busy, or too slow');
  });
});
