import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { environment } from '@/api/environment';
import { getVerifiedLicence, type Licence } from '@/api/registry';
import {
  Amount,
  Button,
  Command,
  Empty,
  Failure,
  Loaded,
  Notice,
  PageHead,
  Panel,
  Progress,
  Seal,
  Time,
} from '@/components/basics';
import { SignedIn } from '@/components/sign-in';
import { commandLine, fileName, pullAll, type Pulling } from '@/features/licences/download';
import { openNotes, type PurchaseNote } from '@/features/purchase/note';
import { streamQuery, useAssets, useMyLicences } from '@/features/queries';
import { kindText } from '@/features/streams/words';
import { counted, download, size } from '@/lib/text';
import { nowNs } from '@/lib/time';
import { useSession } from '@/session/session';

export function LicencesPage() {
  return (
    <div className="page">
      <PageHead title="My licences">
        Each is a token of the collection Data Stream Licence, and yours until it ends.
      </PageHead>
      <SignedIn what="Sign in to see the licences that you own.">
        <Mine />
      </SignedIn>
    </div>
  );
}

function Mine() {
  const licences = useMyLicences();
  return (
    <>
      <Unfinished />
      <Loaded query={licences}>
        {(all) =>
          all.length === 0 ? (
            <Empty
              title="No licences yet"
              action={
                <Link to="/" className="button button-main">
                  Find a stream
                </Link>
              }
            >
              Buy one and it is here at once, to watch, download and use with the ddsx command.
            </Empty>
          ) : (
            <ul className="stack">
              {all.toReversed().map((licence) => (
                <li key={String(licence.id)}>
                  <One licence={licence} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </>
  );
}

function Unfinished() {
  const { principal } = useSession();
  const notes = principal ? openNotes(localStorage, environment().registry, principal.toText()) : [];
  return notes.map((note) => <UnfinishedOne key={note.plan} note={note} />);
}

function UnfinishedOne({ note }: { note: PurchaseNote }) {
  const stream = useQuery(streamQuery(BigInt(note.stream)));
  const assets = useAssets();
  return (
    <Notice
      kind="signal"
      title={`A purchase from “${stream.data?.name ?? `stream ${note.stream}`}” is not finished`}
      action={
        <Link
          className="button button-small"
          to="/streams/$stream/buy/$plan"
          params={{ stream: BigInt(note.stream), plan: BigInt(note.plan) }}
        >
          Continue
        </Link>
      }
    >
      <p>
        {note.ledger !== undefined && (
          <>
            For <Amount units={BigInt(note.price)} unit={assets.get(note.ledger)} />.{' '}
          </>
        )}
        Continuing asks for that very purchase again: you get the licence, and pay once.
      </p>
    </Notice>
  );
}

function One({ licence }: { licence: Licence }) {
  const info = useQuery(streamQuery(licence.stream));
  const assets = useAssets();
  const ends = licence.expires_at[0];
  const over = ends !== undefined && ends < nowNs();
  const name = info.data?.name ?? `Stream ${licence.stream}`;
  return (
    <Panel
      title={name}
      label={`${name}, licence ${licence.id}`}
      aside={over ? <Seal state="failed">Has ended</Seal> : <Proof licence={licence} />}
    >
      <dl className="pairs">
        <dt>Licence</dt>
        <dd className="num">{String(licence.id)}</dd>
        <dt>Gives</dt>
        <dd>{kindText(licence.kind)}</dd>
        <dt>Bought</dt>
        <dd>
          <Time ns={licence.bought_at} />
          {licence.price > 0n && (
            <>
              {' '}
              for <Amount units={licence.price} unit={assets.get(licence.ledger[0]?.toText() ?? '')} />
            </>
          )}
        </dd>
        <dt>{over ? 'Ended' : 'Ends'}</dt>
        <dd>{ends === undefined ? 'never' : <Time ns={ends} />}</dd>
      </dl>
      {over ? (
        <div className="row">
          <Link className="button button-main" to="/streams/$stream" params={{ stream: licence.stream }}>
            See its plans
          </Link>
        </div>
      ) : (
        <Use licence={licence} name={name} contentType={info.data?.content_type ?? ''} />
      )}
    </Panel>
  );
}

/** The licence as it is certified, checked in this browser when asked. */
function Proof({ licence }: { licence: Licence }) {
  const proof = useQuery({
    queryKey: ['verified-licence', String(licence.id)],
    queryFn: () => getVerifiedLicence(licence.id),
    staleTime: 60_000,
  });
  if (proof.error) return <Seal state="failed">Not verified: {proof.error.message}</Seal>;
  if (!proof.data) return <Seal state="waiting">Verifying</Seal>;
  const told = proof.data.licence;
  const same =
    told?.owner === licence.owner.owner.toText() &&
    told.stream === licence.stream &&
    told.expiresAt === licence.expires_at[0];
  return same ? (
    <Seal state="verified">
      Certified <Time ns={proof.data.certifiedAt} />
    </Seal>
  ) : (
    <Seal state="failed">What is certified differs</Seal>
  );
}

function Use({ licence, name, contentType }: { licence: Licence; name: string; contentType: string }) {
  const [progress, setProgress] = useState<Pulling>();
  const [stop, setStop] = useState<AbortController>();
  const pulling = useMutation({
    mutationFn: async () => {
      const control = new AbortController();
      setStop(control);
      const parts = await pullAll(licence.stream, licence.id, setProgress, control.signal);
      // Bytes, whatever the provider calls them: never a page of this origin.
      download(fileName(name, contentType), new Blob(parts as BlobPart[]), 'application/octet-stream');
    },
  });
  const stopped = pulling.error instanceof DOMException;
  const short = fileName(name, contentType).replace(/\.\w+$/, '');
  const command = commandLine(licence.stream, licence.id, short);
  return (
    <div className="stack">
      <div className="row">
        <Link className="button button-main" to="/streams/$stream" params={{ stream: licence.stream }}>
          Watch live
        </Link>
        <Button disabled={pulling.isPending} onClick={() => pulling.mutate()}>
          Download verified data
        </Button>
        {pulling.isPending && (
          <Button look="quiet" onClick={() => stop?.abort()}>
            Stop
          </Button>
        )}
      </div>
      {pulling.isPending && progress && (
        <div className="stack-small">
          <Progress label="Verified" value={Number(progress.chunks)} of={Number(progress.of)} />
          <p className="muted small">
            {counted(progress.records, 'record')}, {size(progress.bytes)} verified
          </p>
        </div>
      )}
      {pulling.isSuccess && progress && (
        <Notice kind="verified" title={`${counted(progress.records, 'record')} verified and saved`}>
          <p>
            {size(progress.bytes)} in {counted(progress.chunks, 'chunk')}, each proved to the network’s root
            key.
          </p>
        </Notice>
      )}
      {pulling.error && !stopped && <Failure error={pulling.error} retry={() => pulling.mutate()} />}
      <Command text={command}>The same in a shell, with proof, as it grows:</Command>
    </div>
  );
}
