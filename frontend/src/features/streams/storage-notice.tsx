import type { StreamInfo } from '@/api/registry';
import { Notice, Time } from '@/components/basics';
import { count } from '@/lib/text';

/** What buyers must know of a stream's storage: that its records go, or are gone. Nothing where they are paid. */
export function StorageNotice({ info: { storage, chunks, open_to_everyone } }: { info: StreamInfo }) {
  const [kept] = storage;
  if (!kept) return null;
  const { state, paid_until, suspended, kept_from } = kept;
  return (
    <>
      {suspended && (
        <Notice kind="signal" title="Suspended by governance">
          <p>Nothing is sold just now{open_to_everyone && ', and only licensees read it'}.</p>
        </Notice>
      )}
      {'Expiring' in state && (
        <Notice kind="signal" title="Its storage runs out">
          <p>
            Unless the provider pays on, the records are dropped <Time ns={paid_until} />.
          </p>
        </Notice>
      )}
      {('Dropping' in state || 'Dropped' in state) && (
        <Notice
          kind="signal"
          title={'Dropped' in state ? 'Records were dropped' : 'Records are being dropped'}
        >
          <p>
            The provider gave them up, or their storage was no longer paid for.{' '}
            {kept_from < chunks ? `Records are kept from chunk ${count(kept_from)} on.` : 'None is kept.'}{' '}
            Hashes and proofs stay.
          </p>
        </Notice>
      )}
    </>
  );
}
