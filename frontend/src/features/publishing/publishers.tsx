import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type SubmitEvent } from 'react';
import { Principal } from '@icp-sdk/core/principal';
import { removePublisher, setPublisher, type Publisher } from '@/api/registry';
import { Button, Copy, Failure, Id, Loaded, Panel, Time } from '@/components/basics';
import { Dialog } from '@/components/dialog';
import { SelectField, TextField } from '@/components/forms';
import { publishersQuery } from '@/features/queries';
import { nowNs } from '@/lib/time';

const DAY_NS = 86_400_000_000_000n;

/** Who else may publish to the stream. */
export function Publishers({ stream }: { stream: bigint }) {
  const publishers = useQuery(publishersQuery(stream));
  const page = `${location.origin}/publish/${stream}`;
  return (
    <Panel title="Publishers" aside={<AddPublisher stream={stream} />}>
      <Loaded query={publishers} lines={2}>
        {(all) =>
          all.length === 0 ? (
            <p className="muted">
              Only you publish here. Add another principal, for example the key of a machine that measures.
            </p>
          ) : (
            <ul className="list">
              {all.map((publisher) => (
                <One key={publisher.principal.toText()} stream={stream} publisher={publisher} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <p className="muted small">
        They publish with <code>ddsx stream append {String(stream)}</code>, or here:{' '}
        <Copy text={page} label="this page’s address">
          copy this page’s address
        </Copy>
      </p>
    </Panel>
  );
}

function One({ stream, publisher }: { stream: bigint; publisher: Publisher }) {
  const queries = useQueryClient();
  const ends = publisher.expires_at[0];
  const remove = useMutation({
    mutationFn: () => removePublisher(stream, publisher.principal),
    onSettled: () => queries.invalidateQueries({ queryKey: ['publishers'] }),
  });
  return (
    <li className="stack-small">
      <div className="row row-between">
        <div>
          <Id text={publisher.principal.toText()} label="the publisher's principal" />
          <p className="muted small">
            {ends === undefined ? (
              'for ever'
            ) : ends < nowNs() ? (
              <>
                ended <Time ns={ends} />
              </>
            ) : (
              <>
                ends <Time ns={ends} />
              </>
            )}
          </p>
        </div>
        <Button small disabled={remove.isPending} onClick={() => remove.mutate()}>
          {remove.isPending ? 'Removing…' : 'Remove'}
          <span className="visually-hidden"> publisher {publisher.principal.toText()}</span>
        </Button>
      </div>
      {remove.error && <Failure error={remove.error} retry={() => remove.mutate()} />}
    </li>
  );
}

function AddPublisher({ stream }: { stream: bigint }) {
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [who, setWho] = useState('');
  const [days, setDays] = useState('0');
  const [fault, setFault] = useState<string>();
  const add = useMutation({
    mutationFn: (publisher: Publisher) => setPublisher(stream, publisher),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['publishers'] });
      setWho('');
      setOpen(false);
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const principal = principalOf(who);
    setFault(principal ? undefined : 'This is no principal.');
    if (!principal) return;
    const length = BigInt(days);
    add.mutate({
      principal,
      expires_at: length === 0n ? [] : [nowNs() + length * DAY_NS],
      quota: [],
    });
  };
  return (
    <Dialog
      title="Add a publisher"
      open={open}
      onOpenChange={setOpen}
      trigger={
        <Button small>
          Add<span className="visually-hidden"> a publisher</span>
        </Button>
      }
    >
      <form className="stack" onSubmit={submit} noValidate>
        <p className="muted">
          A publisher appends chunks and credits them to the contributors in the table. It changes nothing
          else, and is paid nothing.
        </p>
        <TextField
          label="Principal"
          hint="On the publisher's own page it stands at the foot of the menu; the command is: ddsx identity show"
          value={who}
          fault={fault}
          spellCheck={false}
          autoComplete="off"
          onChange={({ target }) => {
            setWho(target.value);
            setFault(undefined);
          }}
        />
        <SelectField label="May publish" value={days} onChange={({ target }) => setDays(target.value)}>
          <option value="0">until you remove it</option>
          <option value="1">for a day</option>
          <option value="30">for 30 days</option>
          <option value="365">for a year</option>
        </SelectField>
        {add.error && <Failure error={add.error} />}
        <Button type="submit" look="main" disabled={!who.trim() || add.isPending}>
          {add.isPending ? 'Adding…' : 'Add the publisher'}
        </Button>
      </form>
    </Dialog>
  );
}

function principalOf(text: string): Principal | undefined {
  try {
    return Principal.fromText(text.trim());
  } catch {
    return undefined;
  }
}
