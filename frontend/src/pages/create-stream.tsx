import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState, type SubmitEvent } from 'react';
import { Refused } from '@/api/agent';
import { createStream, type CreateStreamArgs, type StreamError } from '@/api/registry';
import { Button, Failure, PageHead, Panel } from '@/components/basics';
import { AreaField, SelectField, TextField } from '@/components/forms';
import { SignedIn } from '@/components/sign-in';
import {
  forgetDraft,
  fromDraft,
  loadDraft,
  saveDraft,
  type Draft,
  type Faults,
} from '@/features/publishing/draft';
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
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [draft, setDraft] = useState(() => loadDraft(localStorage));
  const [faults, setFaults] = useState<Faults>({});
  const create = useMutation({
    mutationFn: async (args: CreateStreamArgs) => {
      try {
        return await createStream(args);
      } catch (error) {
        // A name that is taken by the caller's own stream: an earlier attempt whose answer was lost.
        const taken = error instanceof Refused && (error as Refused<StreamError>).error;
        if (create.failureCount > 0 && taken && 'NameTaken' in taken) return taken.NameTaken.stream;
        throw error;
      }
    },
    onSuccess: async (stream) => {
      forgetDraft(localStorage);
      await queries.invalidateQueries({ queryKey: ['streams'] });
      await navigate({ to: '/publish/$stream', params: { stream } });
    },
  });
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
    if ('args' in made) create.mutate(made.args);
  };
  const text = (name: keyof Draft) => ({
    value: draft[name],
    fault: faults[name],
    onChange: ({ target }: { target: { value: string } }) => change({ [name]: target.value }),
  });
  return (
    <form className="stack" onSubmit={submit} noValidate>
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
      {create.error && <Failure error={create.error} />}
      <div className="row">
        <Button type="submit" look="main" disabled={create.isPending}>
          {create.isPending ? 'Creating…' : 'Create the stream'}
        </Button>
        <span className="muted small">Plans and data come next.</span>
      </div>
    </form>
  );
}
