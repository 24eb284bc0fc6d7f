import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { Failure, Loaded, PageHead } from '@/components/basics';
import { SignedIn } from '@/components/sign-in';
import { plansQuery, streamQuery } from '@/features/queries';
import { Purchase } from '@/features/purchase/purchase';
import { Refused } from '@/api/agent';

export function BuyPage() {
  const { stream, plan } = useParams({ from: '/streams/$stream/buy/$plan' });
  const info = useQuery(streamQuery(stream));
  const plans = useQuery(plansQuery(stream));
  const offered = {
    data: plans.data && info.data !== undefined ? { all: plans.data, stream: info.data } : undefined,
    error: plans.error ?? info.error,
    refetch: () => Promise.all([plans.refetch(), info.refetch()]),
  };
  const name = info.data?.name ?? `Stream ${stream}`;
  return (
    <div className="page page-narrow">
      <PageHead
        title="Buy a licence"
        crumb={
          <Link to="/streams/$stream" params={{ stream }}>
            {name}
          </Link>
        }
      >
        You see everything that leaves your account before it does. Close this page at any moment: come back
        and it goes on, and you pay once.
      </PageHead>
      <SignedIn what="Licences belong to a principal. Sign in to have one, then buy.">
        <Loaded query={offered}>
          {({ all, stream: shown }) => {
            const found = all.find(({ id }) => id === plan);
            return found && shown ? (
              <Purchase plan={found} info={shown} />
            ) : (
              <Failure error={new Refused('quote', { PlanNotFound: null })} />
            );
          }}
        </Loaded>
      </SignedIn>
    </div>
  );
}
