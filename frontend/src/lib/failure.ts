// What a failure is called before its words are there: they are loaded with the first one, or when the browser has nothing to do.
import { CallFailed } from '@/api/outcome';
import type { Unit } from './amount';

export interface Explanation {
  title: string;
  detail: string;
  /** The detail with every hash in full, where it was shortened. */
  inFull?: string;
  /** What to do next. */
  next: string;
}

/** No answer at all: told without anything that would have to be loaded, since the network may be gone. */
export const noAnswer = ({ outcome }: CallFailed): Explanation =>
  outcome === 'nothing-done'
    ? {
        title: 'No answer',
        detail: 'The network could not be reached, or did not take the call. Nothing was changed.',
        next: 'Check the connection and try again.',
      }
    : {
        title: 'The connection was lost',
        detail: 'The call was sent, and whether it was carried out is not known.',
        next: 'Try again: repeating it is safe.',
      };

/** The short form. */
export const inShort = (error: unknown): Explanation =>
  error instanceof CallFailed
    ? noAnswer(error)
    : {
        title: 'This did not work',
        detail: 'It was refused, or the answer could not be used.',
        next: 'Try again.',
      };

type Explain = (error: unknown, unit?: Unit) => Explanation;
let words: Explain | undefined;
let loading: Promise<void> | undefined;

/** The words, if they are there. */
export const loadedWords = (): Explain | undefined => words;

/** Loads the words; does not throw. Where they could not be loaded, the next call tries again. */
export function loadWords(): Promise<void> {
  loading ??= import('./explain').then(
    ({ explain }) => {
      words = explain;
    },
    () => {
      loading = undefined;
    },
  );
  return loading;
}
