import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { addContributors, closeStream, type StreamInfo } from '@/api/registry';
import { Button, Empty, Failure, Loaded, Notice, PageHead, Panel } from '@/components/basics';
import { Dialog } from '@/components/dialog';
import { AreaField } from '@/components/forms';
import { SignedIn } from '@/components/sign-in';
import { parseContributors } from '@/features/publishing/draft';
import { Plans } from '@/features/publishing/plans';
import { PublishFile } from '@/features/publishing/publish-file';
import { streamQuery } from '@/features/queries';
import { Contributors } from '@/features/streams/contributors';
import { Income } from '@/features/streams/income';
import { count, percent, size } from '@/lib/text';
import { useSession } from '@/session/session';

export function ManageStreamPage() {
  const { stream } = useParams({ from: '/publish/$stream' });
  const { principal } = useSession();
  const query = useQuery(streamQuery(stream));
  return (
    <div className="page">
      <SignedIn what="Sign in as the owner of this stream.">
        <Loaded query={query} lines={8}>
          {(info) =>
            info?.owner.toText() === principal?.toText() && info ? (
              <Managed info={info} />
            ) : (
              <>
                <PageHead title="Not your stream" />
                <Empty
                  title="Only its owner manages a stream"
                  action={
                    <Link className="button" to="/publish">
                      My streams
                    </Link>
                  }
                >
                  Sign in as whoever created it.
                </Empty>
              </>
            )
          }
        </Loaded>
      </SignedIn>
    </div>
  );
}

function Managed({ info }: { info: StreamInfo }) {
  const closed = 'Closed' in info.status;
  return (
    <>
      <PageHead
        title={info.name}
        crumb={<Link to="/publish">My streams</Link>}
        action={
          <Link className="button" to="/streams/$stream" params={{ stream: info.id }}>
            As buyers see it
          </Link>
        }
      />
      <dl className="facts">
        <div>
          <dt>Records</dt>
          <dd>{count(info.records)}</dd>
        </div>
        <div>
          <dt>Chunks</dt>
          <dd>{count(info.chunks)}</dd>
        </div>
        <div>
          <dt>Data</dt>
          <dd>{size(info.bytes)}</dd>
        </div>
        <div>
          <dt>Contributors get</dt>
          <dd>{percent(info.contributors_share_bps)}</dd>
        </div>
      </dl>
      {closed && (
        <Notice title="Closed for good">
          <p>Nothing is added or sold any more. What was bought can be pulled.</p>
        </Notice>
      )}
      <div className="split">
        <div className="stack">
          {!closed && <PublishFile info={info} />}
          <Panel title="Contributors and shares" aside={!closed && <AddContributors stream={info.id} />}>
            <Contributors stream={info.id} />
          </Panel>
        </div>
        <div className="stack">
          {!closed && <Plans stream={info.id} />}
          <Income stream={info.id} />
          {!closed && <Close stream={info.id} name={info.name} />}
        </div>
      </div>
    </>
  );
}

function AddContributors({ stream }: { stream: bigint }) {
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [text, setText] = useState('');
  const [fault, setFault] = useState<string>();
  const add = useMutation({
    mutationFn: () => {
      const parsed = parseContributors(text);
      if ('fault' in parsed) throw new Error(parsed.fault);
      return addContributors(stream, parsed.list);
    },
    onSuccess: async () => {
      await queries.invalidateQueries();
      setText('');
      setOpen(false);
    },
  });
  const submit = () => {
    const parsed = parseContributors(text);
    setFault('fault' in parsed ? parsed.fault : undefined);
    if ('list' in parsed) add.mutate();
  };
  return (
    <Dialog title="Add contributors" open={open} onOpenChange={setOpen} trigger={<Button small>Add</Button>}>
      <AreaField
        label="Contributors"
        hint="One a line: a label, and after a comma its account. Labels cannot be changed."
        value={text}
        fault={fault}
        spellCheck={false}
        onChange={({ target }) => setText(target.value)}
      />
      {add.error && <Failure error={add.error} />}
      <Button look="main" disabled={!text.trim() || add.isPending} onClick={submit}>
        {add.isPending ? 'Adding…' : 'Add'}
      </Button>
    </Dialog>
  );
}

function Close({ stream, name }: { stream: bigint; name: string }) {
  const queries = useQueryClient();
  const close = useMutation({
    mutationFn: () => closeStream(stream),
    onSuccess: () => queries.invalidateQueries(),
  });
  return (
    <Panel title="Close the stream">
      <p className="muted">
        For good: nothing is added or sold any more. What was bought can still be pulled.
      </p>
      <div className="row">
        <Dialog
          title={`Close “${name}”?`}
          trigger={
            <Button look="danger" small>
              Close the stream…
            </Button>
          }
        >
          <p>This cannot be taken back.</p>
          {close.error && <Failure error={close.error} />}
          <Button look="danger" disabled={close.isPending} onClick={() => close.mutate()}>
            {close.isPending ? 'Closing…' : 'Close it for good'}
          </Button>
        </Dialog>
      </div>
    </Panel>
  );
}
