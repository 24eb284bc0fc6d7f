// The page's end of the worker: one for the whole page, started when it is first needed.
import type { WorkAnswer, WorkRequest } from './protocol';

let worker: Worker | undefined;
let next = 0;
const waiting = new Map<number, { resolve: (answer: WorkAnswer) => void; reject: (reason: Error) => void }>();

function start(): Worker {
  const started = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  started.addEventListener('message', ({ data }: MessageEvent<{ id: number; answer: WorkAnswer }>) => {
    waiting.get(data.id)?.resolve(data.answer);
    waiting.delete(data.id);
  });
  started.addEventListener('error', ({ message }) => {
    for (const { reject } of waiting.values()) reject(new Error(`the verifier ended: ${message}`));
    waiting.clear();
    worker = undefined;
  });
  return started;
}

/** Verifies off the main thread. */
export function verifyInWorker(request: WorkRequest): Promise<WorkAnswer> {
  worker ??= start();
  const id = (next += 1);
  const { promise, resolve, reject } = Promise.withResolvers<WorkAnswer>();
  waiting.set(id, { resolve, reject });
  worker.postMessage({ id, request });
  return promise;
}
