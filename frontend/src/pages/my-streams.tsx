import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Empty, Loaded, PageHead, Time } from '@/components/basics';
import { SignedIn } from '@/components/sign-in';
import { streamsQuery } from '@/features/queries';
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
  return (
    <Loaded query={streams}>
      {(all) => {
        const mine = all.filter(({ owner }) => owner.toText() === principal?.toText());
        if (mine.length === 0) {
          return (
            <Empty
              title="You have no streams"
              action={
                <Link to="/publish/new" className="button button-main">
                  Create a stream
                </Link>
              }
            >
              Name it, say who contributes and what it costs, then publish a file. Buyers verify every record
              of it.
            </Empty>
          );
        }
        return (
          <ul className="stack-small">
            {mine.map((stream) => (
              <li key={String(stream.id)}>
                <article className="stream-card">
                  <div className="stack-small">
                    <h2>
                      <Link to="/publish/$stream" params={{ stream: stream.id }}>
                        {stream.name}
                      </Link>
                    </h2>
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
                  <p className="price">
                    <Link to="/streams/$stream" params={{ stream: stream.id }}>
                      As buyers see it
                    </Link>
                  </p>
                </article>
              </li>
            ))}
          </ul>
        );
      }}
    </Loaded>
  );
}
