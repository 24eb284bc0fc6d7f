import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getTransactions, type Asset } from '@/api/ledger';
import { Amount, Button, Failure, Id, Panel, Skeleton, Time } from '@/components/basics';
import { indexQuery } from '@/features/queries';
import { accountText, type Account } from '@/lib/account';
import { tell } from './tell';

/** An account's transactions, where the ledger names an index canister that serves them (ICRC-106). */
export function History({ asset, account }: { asset: Asset; account: Account }) {
  const index = useQuery(indexQuery(asset.ledger)).data ?? undefined;
  const pages = useInfiniteQuery({
    queryKey: ['history', asset.ledger, accountText(account)],
    queryFn: ({ pageParam }) => getTransactions(index ?? '', account, pageParam),
    initialPageParam: undefined as bigint | undefined,
    getNextPageParam: (last) => {
      const oldest = last.transactions.at(-1)?.id;
      const end = last.oldest_tx_id[0];
      return oldest === undefined || oldest === end ? undefined : oldest;
    },
    enabled: index !== undefined,
    refetchInterval: 10_000,
  });
  if (index === undefined) return null;
  const all = pages.data?.pages.flatMap(({ transactions }) => transactions) ?? [];
  return (
    <Panel title="History">
      {pages.isPending && <Skeleton />}
      {pages.error && <Failure error={pages.error} retry={() => void pages.refetch()} />}
      {pages.data && all.length === 0 && (
        <p className="muted">Nothing yet. What you send and receive is listed here.</p>
      )}
      {all.length > 0 && (
        <ul className="list">
          {all.map(({ id, transaction }) => {
            const { what, other, change, at } = tell(transaction, account);
            return (
              <li key={String(id)} className="row row-between">
                <div>
                  {what}
                  <p className="muted small">
                    <Time ns={at} />
                    {other && (
                      <>
                        {', '}
                        <Id text={other} label="the other account" />
                      </>
                    )}
                  </p>
                </div>
                <span className="num">
                  {change > 0n && '+'}
                  <Amount units={change} unit={asset} />
                </span>
              </li>
            );
          })}
        </ul>
      )}
      {pages.hasNextPage && (
        <div className="row">
          <Button small disabled={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            Older ones
          </Button>
        </div>
      )}
    </Panel>
  );
}
