// Follows a stream as it grows. Nothing leaves here that was not verified; what fails stops it, and is told.
import { useCallback, useEffect, useState } from 'react';
import { CallFailed, SessionEnded } from '@/api/agent';
import { environment } from '@/api/environment';
import { pull } from '@/api/registry';
import type { VerifiedPull } from '@/verify/protocol';
import type { VerifiedChunk } from '@/verify/pull';
import { headKey, keepHead, newestHead, type StoredHeld } from '@/verify/stored';

const POLL_MS = 2_000;
/** Chunks shown; older ones go. */
const SHOWN = 60;
/** Chunks that a first look begins with. */
const TAIL = 24n;
const MAX_BYTES = 1_000_000n;

export interface Live {
  phase: 'starting' | 'live' | 'offline' | 'failed';
  /** The latest chunks, oldest first. */
  chunks: VerifiedChunk[];
  /** What the last pull proved. */
  proof: VerifiedPull | undefined;
  /** Why it stopped, or does not come on just now. */
  error: unknown;
  /** Verified since the page was opened. */
  records: bigint;
  bytes: bigint;
  pulls: number;
  restart: () => void;
}

const NOTHING: Omit<Live, 'restart'> = {
  phase: 'starting',
  chunks: [],
  proof: undefined,
  error: undefined,
  records: 0n,
  bytes: 0n,
  pulls: 0,
};

export function useLive({
  stream,
  size,
  licence,
  enabled,
}: {
  stream: bigint;
  /** Chunks that the registry says there are: where to begin, nothing more. */
  size: bigint;
  licence: bigint | undefined;
  enabled: boolean;
}): Live {
  const [state, setState] = useState<Omit<Live, 'restart'>>(NOTHING);
  const [run, setRun] = useState(0);
  const [begin] = useState(size);

  useEffect(() => {
    if (!enabled) return undefined;
    const { rootKey, registry } = environment();
    const key = headKey(rootKey, registry, stream);
    let held: StoredHeld | undefined;
    let from = begin > TAIL ? begin - TAIL : 0n;
    let stopped = false;
    let timer: ReturnType<typeof setTimeout> | undefined;

    const step = async () => {
      const base = newestHead(localStorage, key, held);
      const pulled = await pull({
        stream,
        from,
        held: base,
        maxBytes: MAX_BYTES,
        ...(licence === undefined ? {} : { licence }),
      });
      held = await keepHead(localStorage, key, base, pulled.held);
      if (stopped) return;
      from = pulled.next;
      setState((before) => ({
        ...before,
        phase: 'live',
        error: undefined,
        proof: pulled,
        chunks: [...before.chunks, ...pulled.chunks].slice(-SHOWN),
        records: before.records + pulled.chunks.reduce((sum, { leaf }) => sum + leaf.records, 0n),
        bytes: before.bytes + pulled.chunks.reduce((sum, { leaf }) => sum + leaf.payloadLength, 0n),
        pulls: before.pulls + 1,
      }));
    };
    const loop = () => {
      step().then(
        () => {
          if (!stopped) timer = setTimeout(loop, POLL_MS);
        },
        (error: unknown) => {
          if (stopped) return;
          const offline = error instanceof CallFailed || error instanceof SessionEnded;
          setState((before) => ({ ...before, phase: offline ? 'offline' : 'failed', error }));
          if (offline) timer = setTimeout(loop, POLL_MS);
        },
      );
    };
    loop();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [stream, licence, enabled, run, begin]);

  const restart = useCallback(() => {
    setState(NOTHING);
    setRun((before) => before + 1);
  }, []);
  return { ...state, restart };
}
