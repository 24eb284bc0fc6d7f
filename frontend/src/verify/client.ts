// The page's end of the workers: one that asks and one that verifies, so that no question waits behind megabytes that are checked. Both
// run the same script, which is loaded once; each is started when it is first needed.
import type { QuestionRequest, VerifyRequest, WorkAnswer, WorkRequest } from './protocol';

interface Waiting {
  resolve: (answer: WorkAnswer) => void;
  reject: (reason: Error) => void;
}

class Hand {
  #worker: Worker | undefined;
  #next = 0;
  readonly #waiting = new Map<number, Waiting>();

  start(): Worker {
    this.#worker ??= this.#started();
    return this.#worker;
  }

  end(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  answer(request: WorkRequest): Promise<WorkAnswer> {
    const id = (this.#next += 1);
    const { promise, resolve, reject } = Promise.withResolvers<WorkAnswer>();
    this.#waiting.set(id, { resolve, reject });
    this.start().postMessage({ id, request });
    return promise;
  }

  #started(): Worker {
    const started = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    started.addEventListener('message', ({ data }: MessageEvent<{ id: number; answer: WorkAnswer }>) => {
      this.#waiting.get(data.id)?.resolve(data.answer);
      this.#waiting.delete(data.id);
    });
    started.addEventListener('error', ({ message }) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the worker ended: ${message}`));
      this.#waiting.clear();
      this.#worker = undefined;
    });
    return started;
  }
}

const asks = new Hand();
const verifies = new Hand();

/** Loads what asks, before there is a question. */
export function startAsking(): void {
  asks.start();
}

/** Asks off the main thread, as nobody in particular. */
export const askInWorker = (request: QuestionRequest): Promise<WorkAnswer> => asks.answer(request);

/** Verifies off the main thread. */
export const verifyInWorker = (request: VerifyRequest): Promise<WorkAnswer> => verifies.answer(request);

/** Ends the worker that verifies; the next request starts another, which remembers nothing. */
export function endWorker(): void {
  verifies.end();
}
