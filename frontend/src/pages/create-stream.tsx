import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useDeferredValue, useRef, useState, type SubmitEvent } from 'react';
import { environment } from '@/api/environment';
import type { CreateStreamArgs } from '@/api/registry';
import { Button, PageHead, Panel } from '@/components/basics';
import { AreaField, SelectField, TextField } from '@/components/forms';
import { SignedIn } from '@/components/sign-in';
import { create, type CreationStep } from '@/features/publishing/create';
import {
  forgetCreation,
  newCreation,
  openCreations,
  saveCreation,
  type CreationNote,
} from '@/features/publishing/creation-note';
import { Begun, Creating, Failed } from '@/features/publishing/creating';
import {
  forgetDraft,
  fromDraft,
  loadDraft,
  parseContributors,
  saveDraft,
  type Draft,
  type Faults,
} from '@/features/publishing/draft';
import { NewStreamCostPanel, useNewStreamCost } from '@/features/publishing/new-stream-cost';
import { useSession } from '@/session/session';

export function CreateStreamPage() {
  return (
    <div className="page page-narrow">
      <PageHead title="Create a stream" crumb={<Link to="/publish">My streams</Link>}>
        What you type is kept in this browser until the stream is made.
      </PageHead>
      <SignedIn what="A stream belongs to whoever creates it. Sign in to create one.">
        <Form />
      </SignedIn>
    </div>
  );
}

function Form() {
  const { principal } = useSession();
  const { registry } = environment();
  const owner = principal?.toText() ?? '';
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [draft, setDraft] = useState(() => loadDraft(localStorage));
  const [faults, setFaults] = useState<Faults>({});
  const [begun, setBegun] = useState(() => openCreations(localStorage, registry, owner));
  const [running, setRunning] = useState<{ note: CreationNote; step: CreationStep }>();
  const [failure, setFailure] = useState<{ note: CreationNote; error: unknown }>();
  const busy = useRef(false);
  const counted = parseContributors(useDeferredValue(draft.contributors));
  const cost = useNewStreamCost('list' in counted ? counted.list.length : 0);

  const run = async (note: CreationNote) => {
    if (busy.current) return;
    busy.current = true;
    setFailure(undefined);
    setRunning({ note, step: 'checking' });
    try {
      const stream = await create(note, {
        storage: localStorage,
        onStep: (step) => setRunning({ note, step }),
      });
      if (note.name === draft.name.trim()) forgetDraft(localStorage);
      void queries.invalidateQueries();
      await navigate({ to: '/publish/$stream', params: { stream } });
    } catch (error) {
      setFailure({ note, error });
      void queries.invalidateQueries();
    } finally {
      busy.current = false;
      setRunning(undefined);
      setBegun(openCreations(localStorage, registry, owner));
    }
  };
  const begin = (args: CreateStreamArgs) => {
    // What is paid is what is shown, and for what is shown: not while the sums of another table are still there.
    if (!cost.free && (!cost.cost || !cost.affordable || cost.contributors !== args.contributors.length))
      return;
    // Another tab may have begun it meanwhile: that one is gone on with, so that none is forgotten.
    const open = openCreations(localStorage, registry, owner);
    setBegun(open);
    if (open.some((note) => note.name === args.name)) return;
    const note = newCreation(registry, owner, args, cost.free ? undefined : cost.cost);
    saveCreation(localStorage, note);
    void run(note);
  };
  const change = (part: Partial<Draft>) => {
    const next = { ...draft, ...part };
    setDraft(next);
    setFaults((before) => Object.fromEntries(Object.entries(before).filter(([name]) => !(name in part))));
    saveDraft(localStorage, next);
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!principal) return;
    const made = fromDraft(draft, principal);
    setFaults('faults' in made ? made.faults : {});
    if ('args' in made) begin(made.args);
  };
  const text = (name: keyof Draft) => ({
    value: draft[name],
    fault: faults[name],
    onChange: ({ target }: { target: { value: string } }) => change({ [name]: target.value }),
  });
  const isBegun = begun.some(({ name }) => name === draft.name.trim());
  if (running) return <Creating note={running.note} step={running.step} />;
  return (
    <form className="stack" onSubmit={submit} noValidate>
      {failure && <Failed {...failure} />}
      {begun.map((note) => (
        <Begun
          key={note.name}
          note={note}
          onContinue={() => void run(note)}
          onGiveUp={() => {
            forgetCreation(localStorage, note);
            setBegun(openCreations(localStorage, registry, owner));
          }}
        />
      ))}
      <Panel title="What it is">
        <TextField label="Name" hint="Unique among your streams; it stays." {...text('name')} />
        <AreaField
          label="Description"
          hint="For buyers: what a record is, where it comes from, how often."
          {...text('description')}
        />
        <TextField label="Tags" hint="Separated by commas, for example: weather, live" {...text('tags')} />
        <SelectField label="Content" hint="What the bytes of a chunk are." {...text('contentType')}>
          <option value="application/x-ndjson">JSON Lines: one record a line</option>
          <option value="application/json">JSON</option>
          <option value="text/csv">CSV</option>
          <option value="application/vnd.apache.parquet">Parquet</option>
          <option value="application/octet-stream">Anything else</option>
        </SelectField>
        <AreaField label="JSON Schema of a record (optional)" spellCheck={false} {...text('schema')} />
      </Panel>
      <Panel title="Terms">
        <TextField
          label="Terms of use"
          hint="An SPDX identifier such as CC-BY-4.0 or CC0-1.0, or the terms in full."
          {...text('terms')}
        />
        <TextField
          label="Contact (optional)"
          hint="How buyers reach you: an address or a page."
          {...text('contact')}
        />
      </Panel>
      <Panel title="Who is paid">
        <TextField
          label="Contributors’ part"
          unit="%"
          inputMode="decimal"
          hint="Of what is left after the protocol fee. The rest is yours."
          {...text('share')}
        />
        <AreaField
          label="Contributors"
          hint="One a line: a label, and after a comma its account, if you know it. Named now, an account is paid at once; named later, after 7 days. Labels cannot be changed."
          placeholder={'north station, aaaaa-aa…\nsouth station'}
          spellCheck={false}
          {...text('contributors')}
        />
      </Panel>
      <NewStreamCostPanel told={cost} />
      <div className="row">
        <Button type="submit" look="main" disabled={isBegun || (cost.free !== true && !cost.affordable)}>
          {cost.cost && cost.cost.total > 0n ? 'Pay and create the stream' : 'Create the stream'}
        </Button>
        <span className="muted small">
          {isBegun ? 'One of this name is begun: continue it above.' : 'Plans and data come next.'}
        </span>
      </div>
    </form>
  );
}
