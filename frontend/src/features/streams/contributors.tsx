import { useQuery } from '@tanstack/react-query';
import type { ContributorInfo } from '@/api/registry';
import { Id, Loaded } from '@/components/basics';
import { contributorsQuery } from '@/features/queries';
import { accountText } from '@/lib/account';
import { count } from '@/lib/text';

/** Who contributed, and what part of the contributors' share each gets. */
export function Contributors({ stream }: { stream: bigint }) {
  const query = useQuery({ ...contributorsQuery(stream), refetchInterval: 15_000 });
  return (
    <Loaded query={query}>
      {(contributors) =>
        contributors.length === 0 ? (
          <p className="muted">No contributors: the contributors’ part is kept until there are some.</p>
        ) : (
          <Table contributors={contributors} />
        )
      }
    </Loaded>
  );
}

function Table({ contributors }: { contributors: ContributorInfo[] }) {
  const total = contributors.reduce((sum, { weight }) => sum + weight, 0n);
  const sorted = contributors.toSorted((a, b) =>
    a.weight === b.weight ? a.number - b.number : a.weight < b.weight ? 1 : -1,
  );
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label="Contributors">
      <table>
        <thead>
          <tr>
            <th>Contributor</th>
            <th className="right">Records</th>
            <th>Share</th>
            <th>Paid to</th>
          </tr>
        </thead>
        <tbody>
          {sorted.map(({ number, label, weight, account }) => {
            const part = total === 0n ? 0 : Number((weight * 10_000n) / total) / 100;
            return (
              <tr key={number}>
                <td>{label}</td>
                <td className="right num">{count(weight)}</td>
                <td>
                  <span className="row">
                    <span className="share-bar" aria-hidden="true">
                      <span style={{ width: `${part}%` }} />
                    </span>
                    <span className="num">{part.toFixed(2)} %</span>
                  </span>
                </td>
                <td>
                  {account[0] ? (
                    <Id text={accountText(account[0].account)} label={`the account of ${label}`} />
                  ) : (
                    <span className="muted">no account yet; kept</span>
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
