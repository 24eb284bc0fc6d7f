import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useDeferredValue, useState } from 'react';
import type { StreamInfo } from '@/api/registry';
import { Button, Empty, Failure, PageHead, Skeleton, Time } from '@/components/basics';
import { SelectField, TextField } from '@/components/forms';
import { EXPLORE } from '@/components/places';
import { Spark } from '@/components/spark';
import { streamsQuery, useAssets, usePlansOf } from '@/features/queries';
import { useArrivals } from '@/features/streams/arrivals';
import { EVERYTHING, find, tagsOf, type Search } from '@/features/streams/search';
import { fromPrice } from '@/features/streams/words';
import { counted } from '@/lib/text';
import { nowNs } from '@/lib/time';

export function Explore() {
  const streams = useQuery(streamsQuery);
  const assets = useAssets();
  // A list may be long: it is worked out in slices, between which the browser answers.
  const listed = useDeferredValue(streams.data);
  const plans = usePlansOf(listed?.map(({ id }) => id) ?? []);
  const arrivals = useArrivals(listed, useDeferredValue(streams.dataUpdatedAt));
  const [search, setSearch] = useState<Search>(EVERYTHING);
  const found = find(listed ?? [], plans, search, nowNs());
  return (
    <div className="page">
      <PageHead title={EXPLORE.title}>{EXPLORE.lead}</PageHead>
      {streams.error && !listed && <Failure error={streams.error} retry={() => void streams.refetch()} />}
      {!listed && !streams.error && <Skeleton lines={6} />}
      {listed?.length === 0 && (
        <Empty
          title="No streams yet"
          action={
            <Link to="/publish/new" className="button button-main">
              Create the first one
            </Link>
          }
        >
          Nobody has published on this exchange so far. Create a stream and publish a file to it.
        </Empty>
      )}
      {listed && listed.length > 0 && (
        <>
          <Filters search={search} onChange={setSearch} tags={tagsOf(listed)} />
          {found.length === 0 ? (
            <Empty
              title="Nothing matches"
              action={<Button onClick={() => setSearch(EVERYTHING)}>Show all streams</Button>}
            >
              No stream has all of what you ask for. Take a filter away.
            </Empty>
          ) : (
            <ul className="stack-small">
              {found.map((stream) => (
                <li key={String(stream.id)}>
                  <Card
                    stream={stream}
                    price={fromPrice(plans.get(stream.id) ?? [], assets)}
                    rates={arrivals.get(stream.id)?.rates ?? []}
                  />
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </div>
  );
}

function Filters({
  search,
  onChange,
  tags,
}: {
  search: Search;
  onChange: (search: Search) => void;
  tags: [string, number][];
}) {
  const change = (part: Partial<Search>) => onChange({ ...search, ...part });
  return (
    <search className="stack-small">
      <div className="filters">
        <TextField
          label="Search"
          type="search"
          placeholder="Name, description, tag"
          value={search.text}
          onChange={({ target }) => change({ text: target.value })}
        />
        <SelectField
          label="Price"
          value={search.price}
          onChange={({ target }) => change({ price: target.value as Search['price'] })}
        >
          <option value="any">Any</option>
          <option value="free">Free</option>
          <option value="paid">Sold</option>
        </SelectField>
        <SelectField
          label="Newest data"
          value={search.fresh}
          onChange={({ target }) => change({ fresh: target.value as Search['fresh'] })}
        >
          <option value="any">Any age</option>
          <option value="hour">Within an hour</option>
          <option value="day">Within a day</option>
        </SelectField>
        <SelectField
          label="Order"
          value={search.order}
          onChange={({ target }) => change({ order: target.value as Search['order'] })}
        >
          <option value="newest-data">Newest data first</option>
          <option value="most-records">Most records first</option>
          <option value="name">By name</option>
        </SelectField>
      </div>
      <div className="tagline" role="group" aria-label="Tags">
        {tags.slice(0, 20).map(([name, streams]) => (
          <button
            key={name}
            type="button"
            className="chip"
            aria-pressed={search.tag === name}
            onClick={() => change({ tag: search.tag === name ? undefined : name })}
          >
            {name} <span className="num">{streams}</span>
          </button>
        ))}
      </div>
    </search>
  );
}

function Card({ stream, price, rates }: { stream: StreamInfo; price: string; rates: number[] }) {
  const last = stream.last_append_at[0];
  const arrived = rates.reduce((sum, rate) => sum + rate, 0);
  return (
    <article className="stream-card">
      <div className="stack-small">
        <h2>
          <Link to="/streams/$stream" params={{ stream: stream.id }}>
            {stream.name}
          </Link>
        </h2>
        <p className="description">{stream.description || 'No description.'}</p>
        <p className="small muted">
          {counted(stream.records, 'record')} of {counted(stream.contributors, 'contributor')}
          {' · '}
          {last === undefined ? (
            'no data yet'
          ) : (
            <>
              last data <Time ns={last} />
            </>
          )}
        </p>
      </div>
      <div className={arrived > 0 ? 'spark' : 'spark spark-empty'}>
        <Spark values={rates} label={`Arrivals while this page is open: ${counted(arrived, 'record')}`} />
        <p className="small muted">
          {arrived > 0 ? `${counted(arrived, 'record')} since you came` : 'nothing new since you came'}
        </p>
      </div>
      <div className="price">
        <strong className="num">{price}</strong>
        {'Closed' in stream.status && <p className="small muted">closed</p>}
      </div>
    </article>
  );
}
