import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { StreamInfo } from '@/api/registry';
import { Amount, Empty, Failure, Loaded, PageHead, Time } from '@/components/basics';
import { SignedIn } from '@/components/sign-in';
import { useMayPublish } from '@/features/publishing/use-may-publish';
import { revenueQuery, streamsQuery, useAssets } from '@/features/queries';
import { count, counted, size } from '@/lib/text';
import { useSession } from '@/session/session';

export function MyStreamsPage() {
  const { principal } = useSession();
  return (
    <div className="page">
      <PageHead
        title="My streams"
        action={
          principal && (
            <Link to="/publish/new" className="button button-main">
              Create a stream
            </Link>
          )
        }
      >
        What you publish, and what it earns. Your contributors are paid by themselves.
      </PageHead>
      <SignedIn what="A stream belongs to whoever creates it. Sign in to create one.">
        <Mine />
      </SignedIn>
    </div>
  );
}

function Mine() {
  const { principal } = useSession();
  const streams = useQuery(streamsQuery);
  const me = principal?.toText() ?? '';
  return (
    <Loaded query={streams}>
      {(all) => {
        const mine = all.filter(({ owner }) => owner.toText() === me);
        return (
          <>
            {mine.length === 0 ? (
              <Empty
                title="You have no streams"
                action={
                  <Link to="/publish/new" className="button button-main">
                    Create a stream
                  </Link>
                }
              >
                Name it, say who contributes and what it costs, then publish a file. Buyers verify every
                record of it.
              </Empty>
            ) : (
              <Cards streams={mine} />
            )}
            <OfOthers all={all} me={me} />
          </>
        );
      }}
    </Loaded>
  );
}

/** Streams whose owners let somebody else publish; nothing is said where there are none. */
function OfOthers({ all, me }: { all: StreamInfo[]; me: string }) {
  const { streams, error, retry } = useMayPublish(all, me);
  if (error) return <Failure error={error} retry={retry} />;
  if (streams.length === 0) return null;
  return (
    <section className="stack-small" aria-labelledby="of-others">
      <h2 id="of-others">Streams you may publish to</h2>
      <Cards streams={streams} ofOthers />
    </section>
  );
}

function Cards({ streams, ofOthers = false }: { streams: StreamInfo[]; ofOthers?: boolean }) {
  const Heading = ofOthers ? 'h3' : 'h2';
  return (
    <ul className="stack-small">
      {streams.map((stream) => (
        <li key={String(stream.id)}>
          <article className="stream-card">
            <div className="stack-small">
              <Heading>
                <Link to="/publish/$stream" params={{ stream: stream.id }}>
                  {stream.name}
                </Link>
              </Heading>
              <p className="small muted">
                {'Closed' in stream.status ? 'Closed' : 'Open'}
                {' · '}
                {stream.last_append_at[0] === undefined ? (
                  'nothing published yet'
                ) : (
                  <>
                    last data <Time ns={stream.last_append_at[0]} />
                  </>
                )}
              </p>
            </div>
            <p className="small">
              <span className="num">{count(stream.records)}</span> records
              <br />
              <span className="muted">
                {counted(stream.chunks, 'chunk')}, {size(stream.bytes)}
              </span>
            </p>
            <div className="price">
              {ofOthers ? (
                <p className="small muted">published by you and others</p>
              ) : (
                <Earned stream={stream.id} />
              )}
              <Link className="small" to="/streams/$stream" params={{ stream: stream.id }}>
                As buyers see it
              </Link>
            </div>
          </article>
        </li>
      ))}
    </ul>
  );
}

/** What was received for a stream so far, in each asset. */
function Earned({ stream }: { stream: bigint }) {
  const assets = [...useAssets().values()];
  const revenue = useQueries({
    queries: assets.map((asset) => revenueQuery(stream, asset.ledger.toText())),
  });
  const known = assets.flatMap((asset, index) => {
    const received = revenue[index]?.data?.received ?? 0n;
    return received > 0n ? [{ asset, received }] : [];
  });
  if (known.length === 0) return <p className="small muted">nothing sold yet</p>;
  return known.map(({ asset, received }) => (
    <p key={asset.symbol}>
      <strong>
        <Amount units={received} unit={asset} />
      </strong>{' '}
      <span className="small muted">received</span>
    </p>
  ));
}
