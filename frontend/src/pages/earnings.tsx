import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { claim } from '@/api/registry';
import { Amount, Button, Empty, Failure, Loaded, Notice, PageHead, Panel } from '@/components/basics';
import { SignedIn } from '@/components/sign-in';
import { entriesOf, toCsv, totals, type Entry } from '@/features/earnings/entries';
import { parametersQuery, streamsQuery } from '@/features/queries';
import { download } from '@/lib/text';
import { useSession } from '@/session/session';

export function EarningsPage() {
  return (
    <div className="page">
      <PageHead title="Earnings">
        What is due to you and was paid, as a provider and as a contributor. A timer pays what is worth the
        ledger’s fee; you can also claim.
      </PageHead>
      <SignedIn what="Sign in as the provider or contributor whose account is paid.">
        <Mine />
      </SignedIn>
    </div>
  );
}

function Mine() {
  const { principal } = useSession();
  const streams = useQuery(streamsQuery);
  const parameters = useQuery(parametersQuery);
  const entries = useQuery({
    queryKey: ['earnings', principal?.toText()],
    enabled: principal !== undefined && streams.data !== undefined && parameters.data !== undefined,
    refetchInterval: 10_000,
    queryFn: () =>
      principal
        ? entriesOf(principal, streams.data ?? [], parameters.data?.assets ?? [])
        : Promise.resolve([]),
  });
  const failed = streams.error ?? parameters.error;
  if (failed && !entries.data) return <Failure error={failed} retry={() => void streams.refetch()} />;
  return (
    <Loaded query={entries} lines={6}>
      {(all) =>
        all.length === 0 ? (
          <Empty
            title="Nothing earned yet"
            action={
              <Link to="/publish" className="button button-main">
                My streams
              </Link>
            }
          >
            You earn when a stream of yours is bought, or one to which you contribute. Publish something, or
            give your principal to a provider you contribute to.
          </Empty>
        ) : (
          <>
            <dl className="facts">
              {totals(all).flatMap(({ asset, due, paid }) => [
                <div key={`${asset.symbol} due`}>
                  <dt>Due in {asset.symbol}</dt>
                  <dd>
                    <Amount units={due} unit={asset} />
                  </dd>
                </div>,
                <div key={`${asset.symbol} paid`}>
                  <dt>Paid in {asset.symbol}</dt>
                  <dd>
                    <Amount units={paid} unit={asset} />
                  </dd>
                </div>,
              ])}
            </dl>
            <Panel
              title="By stream"
              aside={
                <Button small onClick={() => download('earnings.csv', toCsv(all), 'text/csv')}>
                  Save as CSV
                </Button>
              }
            >
              <div className="table-scroll" tabIndex={0} role="group" aria-label="Earnings by stream">
                <table>
                  <thead>
                    <tr>
                      <th>Stream</th>
                      <th>As</th>
                      <th className="right">Due</th>
                      <th className="right">On its way</th>
                      <th className="right">Paid</th>
                      <th>
                        <span className="visually-hidden">Claim</span>
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {all.map((entry) => (
                      <Row key={`${entry.stream} ${entry.as} ${entry.asset.symbol}`} entry={entry} />
                    ))}
                  </tbody>
                </table>
              </div>
            </Panel>
          </>
        )
      }
    </Loaded>
  );
}

function Row({ entry }: { entry: Entry }) {
  const { asset, balance } = entry;
  const queries = useQueryClient();
  const claiming = useMutation({
    mutationFn: () => claim(entry.stream, asset.ledger, entry.payee),
    onSettled: () => queries.invalidateQueries(),
  });
  const worth = balance.due > asset.fee;
  return (
    <>
      <tr>
        <td>
          <Link to="/streams/$stream" params={{ stream: entry.stream }}>
            {entry.streamName}
          </Link>
        </td>
        <td>{entry.as}</td>
        <td className="right">
          <Amount units={balance.due} unit={asset} />
        </td>
        <td className="right">
          <Amount units={balance.in_flight} unit={asset} />
        </td>
        <td className="right">
          <Amount units={balance.paid} unit={asset} />
        </td>
        <td className="right">
          <Button small disabled={!worth || claiming.isPending} onClick={() => claiming.mutate()}>
            {claiming.isPending ? 'Claiming…' : 'Claim'}
            <span className="visually-hidden">
              {' '}
              what is due as {entry.as} of {entry.streamName}
            </span>
          </Button>
        </td>
      </tr>
      {(claiming.error !== null || claiming.data) && (
        <tr>
          <td colSpan={6}>
            {claiming.error && <Failure error={claiming.error} unit={asset} />}
            {claiming.data && (
              <Notice kind="verified" title="Paid">
                <p>
                  <Amount units={claiming.data.amount} unit={asset} /> arrived in your account; the ledger
                  took <Amount units={claiming.data.ledger_fee} unit={asset} />.
                </p>
              </Notice>
            )}
          </td>
        </tr>
      )}
    </>
  );
}
