// What storing a file costs the stream's owner, before it is published.
import { useQuery } from '@tanstack/react-query';
import type { StreamInfo } from '@/api/registry';
import { Amount, Failure, Notice } from '@/components/basics';
import { certifiedAssetQuery } from '@/features/queries';
import { appendQuoteQuery } from '@/features/storage/queries';
import { DAY_NS } from '@/features/storage/quote';
import { TopUpLink } from '@/features/wallet/prepaid';
import { calendarDay } from '@/lib/time';
import { useSession } from '@/session/session';

/** The chunks that bytes are cut into, about: those of a file of records by its lines, any other is one. */
export function chunksOf(
  bytes: Uint8Array,
  lines: boolean,
  perChunk: { records: number; bytes: number },
): bigint {
  if (!lines || bytes.length === 0) return 1n;
  let ends = bytes.at(-1) === 10 ? 0 : 1;
  for (const byte of bytes) if (byte === 10) ends += 1;
  return BigInt(Math.max(Math.ceil(ends / perChunk.records), Math.ceil(bytes.length / perChunk.bytes)));
}

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** Nothing to publishers, who do not pay, and where storing costs nothing. */
export function StorageCost({
  info,
  bytes,
  chunks,
}: {
  info: StreamInfo;
  bytes: Uint8Array;
  chunks: bigint;
}) {
  const { principal } = useSession();
  const ledger = info.storage[0]?.ledger.toText();
  const pays = ledger !== undefined && info.owner.toText() === principal?.toText();
  const quote = useQuery({
    ...appendQuoteQuery(info.id, ledger ?? '', chunks, BigInt(bytes.length)),
    enabled: pays,
  });
  const unit = useQuery({ ...certifiedAssetQuery(ledger ?? ''), enabled: pays }).data;
  if (!pays) return null;
  if (quote.error && !quote.data) {
    return <Failure error={quote.error} unit={unit} retry={() => void quote.refetch()} />;
  }
  const told = quote.data;
  return (
    <div className="stack-small" aria-live="polite">
      {told === undefined || unit === undefined ? (
        <p className="muted small">Asking what storing it costs …</p>
      ) : (
        told.total > 0n && (
          <>
            <p className="small">
              Storing it costs {isGzip(bytes) ? 'at least' : 'about'}{' '}
              <Amount units={told.total} unit={unit} /> until {calendarDay(told.paid_until / DAY_NS)}, then{' '}
              <Amount units={told.per_month} unit={unit} /> a month. Your prepaid balance has{' '}
              <Amount units={told.free} unit={unit} />.
            </p>
            {told.missing > 0n && (
              <Notice kind="signal" title="Not enough in your prepaid balance" action={<TopUpLink />}>
                <p>
                  <Amount units={told.missing} unit={unit} /> are missing, unless the stream’s income makes up
                  for it.
                </p>
              </Notice>
            )}
          </>
        )
      )}
    </div>
  );
}
