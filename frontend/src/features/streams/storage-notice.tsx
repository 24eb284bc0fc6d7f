import type { StreamInfo } from '@/api/registry';
import { Notice, Time } from '@/components/basics';

/** What buyers must know of a stream's storage: that its records go, or are gone. Nothing where they are paid. */
export function StorageNotice({ info: { storage, open_to_everyone } }: { info: StreamInfo }) {
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
            The records are paid until <Time ns={paid_until} />. Unless the provider pays on, they are dropped
            then.
          </p>
        </Notice>
      )}
      {('Dropping' in state || 'Dropped' in state) && (
        <Notice
          kind="signal"
          title={'Dropped' in state ? 'Records were dropped' : 'Records are being dropped'}
        >
          <p>
            Their storage is no longer paid for.
            {'Dropped' in state && ` Records are kept from chunk ${kept_from} on.`} Hashes and proofs stay.
          </p>
        </Notice>
      )}
    </>
  );
}
