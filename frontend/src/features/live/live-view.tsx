import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { StreamInfo } from '@/api/registry';
import { SessionEnded } from '@/api/agent';
import { Button, Failure, Notice, Panel, Seal, Skeleton, Time } from '@/components/basics';
import { certificateCheck, Checks, freshnessCheck } from '@/components/checks';
import { counted, size } from '@/lib/text';
import { toHex } from '@/verify/bytes';
import type { VerifiedPull } from '@/verify/protocol';
import { VERDICTS } from '@/verify/leaf';
import { VerificationError } from '@/verify/error';
import { latestRecords } from './records';
import { useLive, type Live } from './use-live';

const SHOWN_RECORDS = 40;

export function LiveView({ info, licence }: { info: StreamInfo; licence: bigint | undefined }) {
  const live = useLive({ stream: info.id, size: info.chunks, licence, enabled: true });
  const refused = live.error instanceof VerificationError;
  return (
    <Panel title="Live, verified in this browser" aside={<State live={live} />}>
      <Strip live={live} refused={refused} />
      <p className="muted small">
        {live.pulls > 0
          ? `${counted(live.records, 'record')} and ${size(live.bytes)} verified since you opened this page. One bar is one chunk, as high as its records.`
          : 'Each chunk is a bar; it is drawn only once it is verified.'}
      </p>
      {live.phase === 'offline' && live.error instanceof SessionEnded ? (
        <Notice kind="signal" title="Waiting for you to sign in">
          <p>Your session has ended. What is below was verified before; sign in, and it goes on by itself.</p>
        </Notice>
      ) : (
        live.phase === 'offline' && (
          <Notice kind="signal" title="No answer just now">
            <p>The network does not answer. What is below was verified before; it goes on by itself.</p>
          </Notice>
        )
      )}
      {live.phase === 'failed' && <Failure error={live.error} retry={live.restart} />}
      {live.phase === 'starting' && <Skeleton lines={5} />}
      {live.chunks.length > 0 && <Records live={live} />}
      {live.phase === 'live' && live.chunks.length === 0 && (
        <Notice title="The stream is empty">
          <p>It is certified to hold nothing yet. Records appear here as they arrive.</p>
        </Notice>
      )}
      {live.proof && <PullChecks proof={live.proof} />}
    </Panel>
  );
}

function State({ live }: { live: Live }) {
  if (live.phase === 'failed') return <Seal state="failed">Refused</Seal>;
  if (live.phase === 'live' && live.proof) {
    return (
      <Seal state="verified">
        Verified <Time ns={live.proof.certifiedAt} />
      </Seal>
    );
  }
  return (
    <Seal state="waiting">
      {live.phase !== 'offline'
        ? 'Verifying'
        : live.error instanceof SessionEnded
          ? 'Paused'
          : 'Waiting for the network'}
    </Seal>
  );
}

function Strip({ live, refused }: { live: Live; refused: boolean }) {
  const top = live.chunks.reduce((most, { leaf }) => (leaf.records > most ? leaf.records : most), 1n);
  return (
    <div
      className="strip"
      role="img"
      aria-label={`${counted(live.chunks.length, 'chunk')} verified${refused ? ', then a reply was refused' : ''}`}
    >
      {live.chunks.map(({ leaf }) => (
        <span
          key={String(leaf.sequence)}
          style={{ height: `${12 + (Number(leaf.records) / Number(top)) * 88}%` }}
        />
      ))}
      {refused && <span className="bad" />}
    </div>
  );
}

function Records({ live }: { live: Live }) {
  const records = useMemo(() => latestRecords(live.chunks, SHOWN_RECORDS), [live.chunks]);
  return (
    <ul className="records" aria-label="Latest records, newest first" tabIndex={0}>
      {records.map(({ key, chunk, text }) => (
        <li key={key}>
          <span className="num muted">{String(chunk)}</span>
          <code>{text}</code>
        </li>
      ))}
    </ul>
  );
}

const HISTORY: Record<VerifiedPull['history'], (size: string) => string> = {
  'first-visit': () =>
    'Nothing to compare with yet: this is the first look. The head is kept for the next one.',
  unchanged: (size) => `The same head as last time, at ${size}.`,
  chunks: (size) => `The chunks pass through the head of ${size} that was kept, and have its root there.`,
  proof: (size) => `A consistency proof shows that it continues the head of ${size} that was kept.`,
  'was-empty': () => 'The stream was empty when it was last seen.',
};

/** What was checked of the last reply. */
function PullChecks({ proof }: { proof: VerifiedPull }) {
  const verdict = proof.chunks.at(-1)?.leaf.verdict ?? 0;
  const passed = VERDICTS.filter(([bit]) => verdict & bit).map(([, text]) => text);
  return (
    <Checks
      checks={[
        certificateCheck(proof.subnet),
        [
          'Registry, and this stream’s head in it',
          'The witness leads from the registry’s certified data to the head.',
          [
            ['certified data', toHex(proof.certifiedData)],
            ['hash of the head', toHex(proof.certifiedHead)],
          ],
        ],
        freshnessCheck(proof.certifiedAt),
        [
          'History not rewritten',
          HISTORY[proof.history](counted(proof.comparedWith ?? 0n, 'chunk')),
          [[`root of ${counted(proof.head.size, 'chunk')}`, toHex(proof.head.root)]],
        ],
        [
          'Every chunk, whole and in order',
          `Payload, credits and leaf of each chunk hash to the log’s root.${passed.length > 0 ? ` The registry also found: ${passed.join('; ')}.` : ''}`,
          proof.chunks.slice(-3).map(({ leaf, leafHash }) => [`leaf ${leaf.sequence}`, toHex(leafHash)]),
        ],
      ]}
    />
  );
}

/** In place of the live view, for those who may not pull. */
export function LockedView({ info, buy }: { info: StreamInfo; buy: bigint | undefined }) {
  return (
    <Panel title="Live, verified in this browser" aside={<Seal state="waiting">Needs a licence</Seal>}>
      <p className="muted">
        With a licence you watch records arrive here, each verified to the network’s root key before it is
        shown.
      </p>
      {buy === undefined ? (
        <p className="muted">The stream is not sold just now.</p>
      ) : (
        <Link className="button" to="/streams/$stream/buy/$plan" params={{ stream: info.id, plan: buy }}>
          Buy a licence
        </Link>
      )}
      {'Closed' in info.status && <Button disabled>Closed for good</Button>}
    </Panel>
  );
}
