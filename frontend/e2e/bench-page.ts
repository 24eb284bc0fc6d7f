// The page that `npm run bench` measures in: recorded replies through the very worker that the live view uses.
import { verifyInWorker } from '@/verify/client';
import { fromHex } from '@/verify/bytes';
import type { StoredHeld } from '@/verify/stored';

interface Input {
  rootKey: string;
  canister: string;
  stream: string;
  replies: { from: string; reply: string }[];
}

/** Verifies the whole stream so often; milliseconds each. */
async function measure(runs: number): Promise<number[]> {
  const input = (await (await fetch('/input.json')).json()) as Input;
  const anchor = { rootKey: fromHex(input.rootKey), canister: input.canister };
  const replies = input.replies.map(({ from, reply }) => ({
    from: BigInt(from),
    reply: Uint8Array.from(atob(reply), (digit) => digit.charCodeAt(0)),
  }));
  const times: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const began = performance.now();
    let held: StoredHeld | undefined;
    for (const { from, reply } of replies) {
      const answer = await verifyInWorker({
        kind: 'pull',
        anchor,
        stream: BigInt(input.stream),
        from,
        withLeft: false,
        reply,
        consistency: undefined,
        held,
        now: BigInt(Date.now()) * 1_000_000n,
      });
      if (answer.kind !== 'pulled') throw new Error(JSON.stringify(answer));
      held = answer.pulled.held;
    }
    times.push(performance.now() - began);
  }
  return times;
}

Object.assign(globalThis, { measure });
