import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import {
  addContributors,
  bindContributorAccount,
  closeStream,
  type ContributorInfo,
  type StreamInfo,
} from '@/api/registry';
import {
  Button,
  Empty,
  Facts,
  Failure,
  Id,
  Loaded,
  Notice,
  PageHead,
  Panel,
  Skeleton,
  Time,
  useSliced,
} from '@/components/basics';
import { Dialog } from '@/components/dialog';
import { AreaField } from '@/components/forms';
import { SignedIn } from '@/components/sign-in';
import { AccountDialog } from '@/features/publishing/account-dialog';
import { parseContributors } from '@/features/publishing/draft';
import { Plans } from '@/features/publishing/plans';
import { PublishFile } from '@/features/publishing/publish-file';
import { Publishers } from '@/features/publishing/publishers';
import { StoragePanel } from '@/features/publishing/storage-panel';
import { publishersQuery, streamQuery } from '@/features/queries';
import { isGone } from '@/features/storage/words';
import { Contributors } from '@/features/streams/contributors';
import { Income } from '@/features/streams/income';
import { count, percent, size } from '@/lib/text';
import { nowNs } from '@/lib/time';
import { useSession } from '@/session/session';

export function ManageStreamPage() {
  const { stream } = useParams({ from: '/publish/$stream' });
  const { principal } = useSession();
  const query = useSliced(useQuery(streamQuery(stream)));
  return (
    <div className="page">
      {(!principal || query.data === undefined) && (
        <PageHead
          title={query.data?.name ?? `Stream ${stream}`}
          crumb={<Link to="/publish">My streams</Link>}
        />
      )}
      <SignedIn what="Sign in as the owner of this stream, or as one of its publishers.">
        <Loaded query={query} lines={8}>
          {(info) =>
            info && info.owner.toText() === principal?.toText() ? (
              <Managed info={info} />
            ) : (
              <AsPublisher info={info} />
            )
          }
        </Loaded>
      </SignedIn>
    </div>
  );
}

/** For those whom the owner lets publish: the file, and nothing else. */
function AsPublisher({ info }: { info: StreamInfo | null }) {
  const { principal } = useSession();
  const publishers = useQuery({ ...publishersQuery(info?.id ?? 0n), enabled: info !== null });
  const mine = publishers.data?.find((one) => one.principal.toText() === principal?.toText());
  const ends = mine?.expires_at[0];
  if (info && publishers.isPending) return <Skeleton lines={8} />;
  if (!info || !mine || (ends !== undefined && ends < nowNs()) || 'Closed' in info.status) {
    return (
      <>
        <PageHead title="Not your stream" />
        <Empty
          title="Only its owner and its publishers work on a stream"
          action={
            <Link className="button" to="/publish">
              My streams
            </Link>
          }
        >
          Sign in as whoever created it, or ask for your principal to be added to its publishers.
        </Empty>
      </>
    );
  }
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
      >
        The owner lets you publish here{ends === undefined ? '' : ', for a time'}.
      </PageHead>
      <StreamFacts info={info} />
      <div className="split">
        <PublishFile info={info} />
        <Panel title="What you may do">
          <dl className="pairs pairs-stacked">
            <dt>Publish</dt>
            <dd>
              {ends === undefined ? (
                'until the owner removes you'
              ) : (
                <>
                  ends <Time ns={ends} />
                </>
              )}
            </dd>
            <dt>Owner</dt>
            <dd>
              <Id text={info.owner.toText()} label="the owner's principal" />
            </dd>
          </dl>
          <p className="muted small">
            Records are credited to contributors in the table. Only the owner enters new ones.
          </p>
        </Panel>
      </div>
    </>
  );
}

function StreamFacts({ info }: { info: StreamInfo }) {
  return (
    <Facts
      facts={[
        ['Records', count(info.records)],
        ['Chunks', count(info.chunks)],
        ['Data', size(info.bytes)],
        ['Contributors get', percent(info.contributors_share_bps)],
      ]}
    />
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
      <StreamFacts info={info} />
      {closed && (
        <Notice title="Closed for good">
          <p>
            Nothing is added or sold any more.{' '}
            {info.storage[0] && isGone(info.storage[0].state)
              ? 'Its records were dropped; hashes and proofs stay.'
              : 'What was bought can be pulled.'}
          </p>
        </Notice>
      )}
      <div className="split">
        <div className="stack">
          {!closed && <PublishFile info={info} />}
          <Panel title="Contributors and shares" aside={!closed && <AddContributors stream={info.id} />}>
            <Contributors
              stream={info.id}
              nameAccount={(contributor) => <NameAccount stream={info.id} contributor={contributor} />}
            />
          </Panel>
          <Income stream={info.id} />
        </div>
        <div className="stack">
          {!closed && <Plans stream={info.id} />}
          {!closed && <Publishers stream={info.id} />}
          <StoragePanel info={info} />
          {!closed && <Close info={info} />}
        </div>
      </div>
    </>
  );
}

function NameAccount({ stream, contributor }: { stream: bigint; contributor: ContributorInfo }) {
  const { label, number } = contributor;
  return (
    <AccountDialog
      title={`Where is “${label}” paid?`}
      trigger={
        <Button small>
          Name an account<span className="visually-hidden"> for {label}</span>
        </Button>
      }
      enter={(account) => bindContributorAccount(stream, number, account)}
    >
      You name it once; from then on only its owner can change it.{' '}
      {contributor.weight > 0n
        ? 'It is public for 7 days before it is paid, because records are credited already. Nothing of the share is lost meanwhile.'
        : 'It is paid at once.'}
    </AccountDialog>
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
    <Dialog
      title="Add contributors"
      open={open}
      onOpenChange={setOpen}
      trigger={
        <Button small>
          Add<span className="visually-hidden"> contributors</span>
        </Button>
      }
    >
      <AreaField
        label="Contributors"
        hint="One a line: a label, and after a comma its account. Labels cannot be changed. Named now, an account is paid at once; named once it has records, after 7 days."
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

function Close({ info: { id: stream, name, storage } }: { info: StreamInfo }) {
  const [kept] = storage;
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
          {kept && kept.deposit > 0n && (
            <p>
              {kept.bytes === 0n
                ? 'It stores nothing, so the deposit becomes free in your prepaid balance at once.'
                : 'The deposit becomes free in your prepaid balance once the records are dropped too: under “Storage”, when no licence covers them, or when they are no longer paid.'}
            </p>
          )}
          {close.error && <Failure error={close.error} />}
          <Button look="danger" disabled={close.isPending} onClick={() => close.mutate()}>
            {close.isPending ? 'Closing…' : 'Close it for good'}
          </Button>
        </Dialog>
      </div>
    </Panel>
  );
}
