import { render, screen } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { CallFailed, Refused } from '@/api/outcome';

vi.mock('@/session/session', () => ({ useSession: () => ({ expired: false }) }));

const DST = { symbol: 'DST', decimals: 8 };

describe('a failure', () => {
  it('should be told in short until its words are loaded, and in words then', async () => {
    const { Failure } = await import('./basics');
    render(<Failure error={new Refused('buy', { PriceAboveMax: { price: 200_000_000n } })} unit={DST} />);
    expect(screen.getByRole('alert').textContent).toContain('This did not work');
    expect(await screen.findByText(/It is 2\.00\sDST now/)).toBeTruthy();
    expect(screen.getByRole('alert').textContent).not.toContain('This did not work');
  });

  it('should need nothing loaded to tell that there was no answer', async () => {
    const { inShort } = await import('@/lib/failure');
    const { explain } = await import('@/lib/explain');
    for (const outcome of ['nothing-done', 'unknown'] as const) {
      const lost = new CallFailed('buy', outcome, new TypeError('Failed to fetch'));
      expect(inShort(lost)).toEqual(explain(lost));
    }
  });
});
