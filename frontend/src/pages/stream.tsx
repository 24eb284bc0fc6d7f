import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { Tabs } from 'radix-ui';
import type { Plan, StreamInfo } from '@/api/registry';
import { Empty, Facts, Failure, Id, Loaded, PageHead, Panel, Time, useSliced } from '@/components/basics';
import { LiveView, LockedView } from '@/features/live/live-view';
import { plansQuery, streamQuery, useAssets, useMyLicences } from '@/features/queries';
import { Contributors } from '@/features/streams/contributors';
import { Income } from '@/features/streams/income';
import { StorageNotice } from '@/features/streams/storage-notice';
import { kindText, priceTexts, termsText } from '@/features/streams/words';
import { count, legible, percent, size, webLink } from '@/lib/text';
import { nowNs } from '@/lib/time';
import { toHex } from '@/verify/bytes';

export function StreamPage() {
  const { stream } = useParams({ from: '/streams/$stream' });
  const found = useQuery(streamQuery(stream));
  const plans = useQuery(plansQuery(stream));
  // What is sold stands above the rest on a narrow screen, and would move it: both are shown together.
  const query = useSliced({
    data: plans.isPending ? undefined : found.data,
    error: found.error,
    refetch: found.refetch,
  });
  return (
    <div className="page">
      {query.data === undefined && (
        <PageHead title={`Stream ${stream}`} crumb={<Link to="/">Explore</Link>} />
      )}
      <Loaded query={query} lines={8}>
        {(info) =>
          info ? (
            <Found info={info} plans={plans} />
          ) : (
            <>
              <PageHead title="No such stream" />
              <Empty
                title={`There is no stream ${String(stream)}`}
                action={
                  <Link to="/" className="button">
                    Explore streams
                  </Link>
                }
              >
                The link is wrong, or it belongs to another network.
              </Empty>
            </>
          )
        }
      </Loaded>
    </div>
  );
}

interface PlansAsked {
  data: Plan[] | undefined;
  error: unknown;
  refetch: () => unknown;
}

function Found({ info, plans }: { info: StreamInfo; plans: PlansAsked }) {
  const licences = useMyLicences();
  const now = nowNs();
  const mine = licences.data?.find(
    ({ stream, expires_at: [ends] }) => stream === info.id && (ends === undefined || ends > now),
  );
  const offered = plans.data?.filter((plan) => plan.offered) ?? [];
  const sold = offered.find((plan) => !('Free' in plan.kind));
  return (
    <>
      <PageHead title={info.name} crumb={<Link to="/">Explore</Link>}>
        {info.description}
      </PageHead>
      <StreamFacts info={info} />
      <StorageNotice info={info} />
      <div className="split split-woven">
        <div className="stack">
          {mine || info.open_to_everyone ? (
            <LiveView key={`${info.id} ${mine?.id}`} info={info} licence={mine?.id} />
          ) : (
            <LockedView info={info} buy={sold?.id} />
          )}
          <Details info={info} />
          <Income stream={info.id} />
        </div>
        <div className="stack">
          <div className="first">
            {plans.data ? (
              <Plans info={info} plans={offered} owned={mine !== undefined} />
            ) : (
              <Failure error={plans.error} retry={() => void plans.refetch()} />
            )}
          </div>
          <About info={info} />
        </div>
      </div>
    </>
  );
}

function StreamFacts({ info }: { info: StreamInfo }) {
  const last = info.last_append_at[0];
  return (
    <Facts
      facts={[
        ['Records', count(info.records)],
        ['Chunks', count(info.chunks)],
        ['Data', size(info.bytes)],
        ['Contributors', count(info.contributors)],
        ['Last data', last === undefined ? 'none yet' : <Time key="last" ns={last} />, 'words'],
      ]}
    />
  );
}

function Plans({ info, plans, owned }: { info: StreamInfo; plans: Plan[]; owned: boolean }) {
  const assets = useAssets();
  return (
    <Panel title="Plans">
      {owned && (
        <p>You have a licence. Buying again extends nothing that you have; it is a second licence.</p>
      )}
      {plans.length === 0 ? (
        <p className="muted">Nothing is sold just now.</p>
      ) : (
        <ul className="list">
          {plans.map((plan, index) => (
            <li key={String(plan.id)} className="stack-small">
              <div className="row row-between">
                <strong>{plan.name}</strong>
                <span className="num">
                  {'Free' in plan.kind ? 'Free' : priceTexts(plan, assets).join(' or ')}
                </span>
              </div>
              <span className="muted small">
                {'Free' in plan.kind ? 'Everyone may pull, with a licence or without.' : kindText(plan.kind)}
              </span>
              {!('Free' in plan.kind) && (
                <Link
                  className={owned || index > 0 ? 'button' : 'button button-main'}
                  to="/streams/$stream/buy/$plan"
                  params={{ stream: info.id, plan: plan.id }}
                >
                  Buy<span className="visually-hidden"> “{plan.name}”</span>
                </Link>
              )}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function About({ info }: { info: StreamInfo }) {
  const contact = info.contact[0];
  const link = contact && webLink(contact);
  return (
    <Panel title="About">
      <dl className="pairs pairs-stacked">
        <dt>Provider</dt>
        <dd>
          <Id text={info.owner.toText()} label="the provider's principal" />
        </dd>
        {contact && (
          <>
            <dt>Contact</dt>
            <dd>
              {link ? (
                <a href={link.href} rel="noreferrer">
                  {link.words}
                </a>
              ) : (
                legible(contact)
              )}
            </dd>
          </>
        )}
        <dt>Terms of use</dt>
        <dd>{termsText(info.licence_terms)}</dd>
        <dt>Content</dt>
        <dd>{info.content_type}</dd>
        <dt>Contributors get</dt>
        <dd>{percent(info.contributors_share_bps)} after the protocol fee</dd>
        <dt>Created</dt>
        <dd>
          <Time ns={info.created_at} />
        </dd>
        <dt>Stream</dt>
        <dd className="num">{String(info.id)}</dd>
        <dt>Root of the log</dt>
        <dd>
          <Id text={toHex(info.root)} label="the root of the log" />
        </dd>
      </dl>
      {info.tags.length > 0 && (
        <div className="tagline">
          {info.tags.map((tag) => (
            <span key={tag} className="chip">
              {tag}
            </span>
          ))}
        </div>
      )}
    </Panel>
  );
}

function Details({ info }: { info: StreamInfo }) {
  return (
    <Panel>
      <Tabs.Root defaultValue="contributors">
        <Tabs.List className="tabs-list" aria-label="More about the stream">
          <Tabs.Trigger className="tab" value="contributors">
            Contributors
          </Tabs.Trigger>
          <Tabs.Trigger className="tab" value="schema">
            Schema
          </Tabs.Trigger>
          <Tabs.Trigger className="tab" value="terms">
            Terms of use
          </Tabs.Trigger>
        </Tabs.List>
        <Tabs.Content className="tab-panel" value="contributors">
          <Contributors stream={info.id} />
        </Tabs.Content>
        <Tabs.Content className="tab-panel" value="schema">
          <Schema text={info.schema[0]} />
        </Tabs.Content>
        <Tabs.Content className="tab-panel" value="terms">
          {'Text' in info.licence_terms ? (
            <pre className="code">{legible(info.licence_terms.Text)}</pre>
          ) : (
            <p>
              {info.licence_terms.Spdx}, as{' '}
              <a
                href={`https://spdx.org/licenses/${encodeURIComponent(info.licence_terms.Spdx)}.html`}
                rel="noreferrer"
              >
                spdx.org
              </a>{' '}
              has it.
            </p>
          )}
        </Tabs.Content>
      </Tabs.Root>
    </Panel>
  );
}

function Schema({ text }: { text: string | undefined }) {
  if (!text) return <p className="muted">The provider gave no schema.</p>;
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // As it was given.
  }
  return (
    <pre className="code" tabIndex={0}>
      {legible(shown)}
    </pre>
  );
}
