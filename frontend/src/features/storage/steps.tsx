import type { ReactNode } from 'react';

/** Steps of something that is paid: what is done, what is under way, what waits. */
export function PaySteps({
  steps,
  at,
  again,
  children,
}: {
  steps: readonly string[];
  /** The step under way, from 0. */
  at: number;
  /** Whether it is asked again, because its answer was lost. */
  again: boolean;
  children: ReactNode;
}) {
  return (
    <>
      <p className="muted">{children}</p>
      <ol className="steps" aria-live="polite">
        {steps.map((text, index) => {
          const state = index < at ? 'done' : index === at ? 'active' : 'waiting';
          return (
            <li key={text} data-state={state}>
              <span className="mark" aria-hidden="true">
                {state === 'done' ? '✓' : index + 1}
              </span>
              <span>
                {text}
                {state === 'active' && (
                  <span className="muted">
                    {again ? ' … no answer yet; asking again for the very same' : ' …'}
                  </span>
                )}
              </span>
            </li>
          );
        })}
      </ol>
      <p className="muted small">
        You may close this page: what was begun is written down, and cannot be paid twice.
      </p>
    </>
  );
}
