import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { predict, type TaskInfo } from '@/api/aggregator';
import { Failure, Panel } from '@/components/basics';
import { figure, share } from '@/lib/text';
import { answerOf, fullInput, type Answer, type Side } from './drawing';
import { Sheet } from './sheet';

/** Draw a digit, and the canister's model says which it is. */
export function DrawDigit({ info, side }: { info: TaskInfo; side: Side }) {
  const [inks, setInks] = useState<number[]>();
  const full = fullInput(side, info.args.client_config);
  const inputs = inks?.map((ink) => ink * full);
  const asked = useQuery({
    queryKey: ['predict', String(info.id), info.version, inputs],
    queryFn: async () => answerOf(info.args.model, await predict(info.id, inputs ?? [])),
    enabled: inputs !== undefined,
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 60_000,
  });
  const answer = inputs ? asked.data : undefined;
  return (
    <Panel title="Draw a digit" aside={<span className="muted small">model version {info.version}</span>}>
      <div className="draw">
        <Sheet side={side} onDrawn={setInks} />
        <div className="stack-small">
          {asked.error && inputs ? (
            <Failure error={asked.error} retry={() => void asked.refetch()} />
          ) : (
            <Said answer={answer} waiting={inputs !== undefined && asked.isFetching} />
          )}
          <Shown inks={inks} side={side} full={full} />
        </div>
      </div>
      <p className="muted small">
        The model in the canister answers. It is a query: one replica computes the answer, and it is not
        certified.
      </p>
    </Panel>
  );
}

function Said({ answer, waiting }: { answer: Answer | undefined; waiting: boolean }) {
  return (
    <div className="said" aria-busy={waiting}>
      <p role="status" className="said-digit">
        {answer ? (
          <>
            <span className="visually-hidden">The model says </span>
            {answer.digit}
            <span className="visually-hidden">, with {share(answer.chances[answer.digit] ?? 0)}</span>
          </>
        ) : (
          <span className="visually-hidden">Nothing is drawn yet.</span>
        )}
      </p>
      <ol className="chances" aria-label="How probable each digit is">
        {Array.from({ length: 10 }, (_, digit) => {
          const chance = answer?.chances[digit] ?? 0;
          return (
            <li key={digit} className={digit === answer?.digit ? 'most' : undefined}>
              <span className="num">{digit}</span>
              <span className="bar" aria-hidden="true">
                <span style={{ width: `${chance * 100}%` }} />
              </span>
              <span className="num right">{answer ? share(chance) : ''}</span>
            </li>
          );
        })}
      </ol>
    </div>
  );
}

/** The cells that the model is given. */
function Shown({ inks, side, full }: { inks: number[] | undefined; side: Side; full: number }) {
  return (
    <div className="row small muted">
      <svg viewBox={`0 0 ${side} ${side}`} className="cells" aria-hidden="true" shapeRendering="crispEdges">
        {inks?.map((ink, cell) => (
          <rect
            key={cell}
            x={cell % side}
            y={Math.floor(cell / side)}
            width="1"
            height="1"
            fill="currentColor"
            opacity={ink}
          />
        ))}
      </svg>
      <span>
        What the model is given: {side} × {side} cells, each from 0 to {figure(full)}, the ink scaled to fill
        them.
      </span>
    </div>
  );
}
