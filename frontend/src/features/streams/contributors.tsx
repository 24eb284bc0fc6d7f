import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { ContributorInfo } from '@/api/registry';
import { Id, Loaded, Time } from '@/components/basics';
import { contributorsQuery } from '@/features/queries';
import { accountText } from '@/lib/account';
import { count } from '@/lib/text';
import { nowNs } from '@/lib/time';

/** Who contributed, and what part of the contributors' share each gets. */
export function Contributors({
  stream,
  nameAccount,
}: {
  stream: bigint;
  /** What the owner is given to name the account of a contributor without one; nothing for others. */
  nameAccount?: (contributor: ContributorInfo) => ReactNode;
}) {
  const query = useQuery({ ...contributorsQuery(stream), refetchInterval: 15_000 });
  return (
    <Loaded query={query}>
      {(contributors) =>
        contributors.length === 0 ? (
          <p className="muted">No contributors: the contributors’ part is kept until there are some.</p>
        ) : (
          <Table contributors={contributors} nameAccount={nameAccount} />
        )
      }
    </Loaded>
  );
}

function Table({
  contributors,
  nameAccount,
}: {
  contributors: ContributorInfo[];
  nameAccount: ((contributor: ContributorInfo) => ReactNode) | undefined;
}) {
  const total = contributors.reduce((sum, { weight }) => sum + weight, 0n);
  const now = nowNs();
  const sorted = contributors.toSorted((a, b) =>
    a.weight === b.weight ? a.number - b.number : a.weight < b.weight ? 1 : -1,
  );
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label="Contributors">
      <table className="contributors" role="table">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader">Contributor</th>
            <th role="columnheader" className="right">
              Records
            </th>
            <th role="columnheader">Share</th>
            <th role="columnheader">Paid to</th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {sorted.map((contributor) => {
            const { number, label, weight, account } = contributor;
            const part = total === 0n ? 0 : Number((weight * 1_000_000n) / total) / 10_000;
            return (
              <tr role="row" key={number}>
                <td role="cell">{label}</td>
                <td role="cell" className="right num">
                  {count(weight)}
                </td>
                <td role="cell">
                  <span className="row">
                    <span className="share-bar" aria-hidden="true">
                      <span style={{ width: `${part}%` }} />
                    </span>
                    <span className="num">{part.toFixed(2)} %</span>
                  </span>
                </td>
                <td role="cell">
                  {account[0] ? (
                    <>
                      <Id text={accountText(account[0].account)} label={`the account of ${label}`} />
                      {account[0].payable_from > now && (
                        <p className="muted small">
                          named lately; paid from <Time ns={account[0].payable_from} />
                        </p>
                      )}
                    </>
                  ) : (
                    (nameAccount?.(contributor) ?? <span className="muted">no account yet; kept</span>)
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
