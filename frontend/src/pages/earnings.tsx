import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { changeContributorAccount, claim } from '@/api/registry';
import { Amount, Button, Empty, Facts, Failure, Loaded, Notice, PageHead, Panel } from '@/components/basics';
import { SignedIn } from '@/components/sign-in';
import { entriesOf, toCsv, totals, type Entry } from '@/features/earnings/entries';
import { AccountDialog } from '@/features/publishing/account-dialog';
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
            <Facts
              facts={totals(all).flatMap(({ asset, due, paid }) => [
                [`Due in ${asset.symbol}`, <Amount key="due" units={due} unit={asset} />] as const,
                [`Paid in ${asset.symbol}`, <Amount key="paid" units={paid} unit={asset} />] as const,
              ])}
            />
            <Panel
              title="By stream"
              aside={
                <Button small onClick={() => download('earnings.csv', toCsv(all), 'text/csv')}>
                  Save as CSV
                </Button>
              }
            >
              <div className="table-scroll" tabIndex={0} role="group" aria-label="Earnings by stream">
                <table className="stacked" role="table">
                  <thead role="rowgroup">
                    <tr role="row">
                      <th role="columnheader">Stream</th>
                      <th role="columnheader">As</th>
                      <th role="columnheader" className="right">
                        Due
                      </th>
                      <th role="columnheader" className="right">
                        On its way
                      </th>
                      <th role="columnheader" className="right">
                        Paid
                      </th>
                      <th role="columnheader">
                        <span className="visually-hidden">Claim</span>
                      </th>
                    </tr>
                  </thead>
                  <tbody role="rowgroup">
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
  const contributor = 'Contributor' in entry.payee ? entry.payee.Contributor : undefined;
  const worth = balance.due > asset.fee;
  return (
    <>
      <tr role="row">
        <td role="cell" data-label="Stream">
          <Link to="/streams/$stream" params={{ stream: entry.stream }}>
            {entry.streamName}
          </Link>
        </td>
        <td role="cell" data-label="As">
          {entry.as}
        </td>
        <td role="cell" className="right" data-label="Due">
          <Amount units={balance.due} unit={asset} />
        </td>
        <td role="cell" className="right" data-label="On its way">
          <Amount units={balance.in_flight} unit={asset} />
        </td>
        <td role="cell" className="right" data-label="Paid">
          <Amount units={balance.paid} unit={asset} />
        </td>
        <td role="cell" className="right">
          <span className="row row-end">
            {contributor !== undefined && (
              <AccountDialog
                title={`Where is “${entry.as}” paid from now on?`}
                trigger={
                  <Button small look="quiet">
                    Other account
                    <span className="visually-hidden">
                      {' '}
                      for {entry.as} of {entry.streamName}
                    </span>
                  </Button>
                }
                enter={(account) => changeContributorAccount(entry.stream, contributor, account)}
              >
                You own the account that is paid now, so you alone can name another. What is due goes there;
                after that only its owner can change it.
              </AccountDialog>
            )}
            <Button small disabled={!worth || claiming.isPending} onClick={() => claiming.mutate()}>
              {claiming.isPending ? 'Claiming…' : 'Claim'}
              <span className="visually-hidden">
                {' '}
                what is due as {entry.as} of {entry.streamName}
              </span>
            </Button>
          </span>
        </td>
      </tr>
      {(claiming.error !== null || claiming.data) && (
        <tr role="row">
          <td role="cell" colSpan={6}>
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
