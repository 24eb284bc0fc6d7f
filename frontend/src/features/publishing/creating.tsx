// What is seen of a stream's creation: its steps, what was begun and not ended, and what became of the money where it came to nothing.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Amount, Button, Failure, Notice, Panel } from '@/components/basics';
import { certifiedAssetQuery } from '@/features/queries';
import { PaySteps } from '@/features/storage/steps';
import { isOver, type CreationStep } from './create';
import type { CreationNote } from './creation-note';

function useUnit(ledger: string | undefined) {
  const asset = useQuery({ ...certifiedAssetQuery(ledger ?? ''), enabled: ledger !== undefined });
  return ledger === undefined ? undefined : asset.data;
}

function About({ note }: { note: CreationNote }) {
  const unit = useUnit(note.ledger);
  const total = BigInt(note.total);
  return (
    <>
      “{note.name}”
      {total > 0n && (
        <>
          , for <Amount units={total} unit={unit} /> in all
        </>
      )}
      .
    </>
  );
}

const PAID = [
  'Ask whether it can be made',
  'Allow the registry to take the amount',
  'Pay and create it, in one step',
];
const ORDER: CreationStep[] = ['checking', 'approving', 'creating'];

export function Creating({ note, step }: { note: CreationNote; step: CreationStep }) {
  const paid = BigInt(note.allowance) > 0n;
  const at = step === 'asking-again' ? (note.creating ? 2 : 0) : ORDER.indexOf(step);
  return (
    <Panel title="Creating the stream">
      <PaySteps steps={paid ? PAID : ['Create it']} at={paid ? at : 0} again={step === 'asking-again'}>
        <About note={note} />
      </PaySteps>
    </Panel>
  );
}

/** One that was begun here, and whose end is not known. */
export function Begun({
  note,
  onContinue,
  onGiveUp,
}: {
  note: CreationNote;
  onContinue: () => void;
  onGiveUp: () => void;
}) {
  return (
    <Notice
      kind="signal"
      title={`“${note.name}” is not created to its end`}
      action={
        <>
          <Button look="main" onClick={onContinue}>
            Continue
          </Button>
          {/* Nothing can have been taken yet. */}
          {!note.creating && <Button onClick={onGiveUp}>Give it up</Button>}
        </>
      }
    >
      <p>
        <About note={note} /> It was begun here before, with what was typed then. Continuing asks for that
        very stream again: it is made once, and paid once.
      </p>
    </Notice>
  );
}

export function Failed({ note, error }: { note: CreationNote; error: unknown }) {
  const unit = useUnit(note.ledger);
  return (
    <>
      <Failure error={error} unit={unit} />
      {isOver(error) && note.approval !== undefined && (
        <Notice kind="signal" title="The approval stays">
          <p>
            The registry may still take what you approved, for something of yours alone. Creating the stream
            again uses it; <Link to="/wallet">your wallet</Link> revokes it. If anything was taken and not
            used, it is in your prepaid balance there.
          </p>
        </Notice>
      )}
    </>
  );
}
