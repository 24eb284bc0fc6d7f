import type { RoundOutcome } from '@/api/aggregator';
import { OUTCOMES, outcomeName } from './words';

/** The mark of an outcome, as charts have it. */
export function Mark({ outcome }: { outcome: keyof typeof OUTCOMES }) {
  return (
    <svg viewBox="0 0 12 12" aria-hidden="true" className={`mark-of-${outcome.toLowerCase()}`}>
      {outcome === 'Accepted' && (
        <>
          <path d="M0 6h12" />
          <circle cx="6" cy="6" r="2.5" fill="currentColor" />
        </>
      )}
      {outcome === 'Rejected' && <path d="m2 2 8 8m0-8-8 8" />}
      {outcome === 'Skipped' && <circle cx="6" cy="6" r="4" />}
    </svg>
  );
}

export function Outcome({ outcome }: { outcome: RoundOutcome }) {
  const name = outcomeName(outcome);
  return (
    <span className="outcome">
      <Mark outcome={name} />
      {OUTCOMES[name]}
    </span>
  );
}
