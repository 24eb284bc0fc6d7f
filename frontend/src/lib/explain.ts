// What went wrong, in words: what happened, what happened to the money, what to do next. Loaded with the first failure (failure.ts).
import { CallFailed, NotAsAsked, Refused, SessionEnded } from '@/api/outcome';
import { VerificationError } from '@/verify/error';
import type { Unit } from './amount';
import { noAnswer, type Explanation } from './failure';
import { inWords, spoken } from './humane';
import { REFUSALS, sentence, text, type Wording } from './refusals';
import { FEDERATED_REFUSALS } from './refusals-federated';
import { explainReject } from './rejected';
import { shorten } from './text';

export type { Explanation } from './failure';

const ALL: Record<string, Wording> = { ...FEDERATED_REFUSALS, ...REFUSALS };

/** A text with its hashes shortened, and as it was if there were any. */
function shortened(text: string): Pick<Explanation, 'detail' | 'inFull'> {
  const detail = text.replace(/\b[0-9a-f]{64}\b/g, (hash) => shorten(hash, 8, 8));
  return detail === text ? { detail } : { detail, inFull: text };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The words of a canister's refusal: its own where they are known, and never a name or a number as programs write them. */
function explainRefusal(
  refusal: Record<string, unknown>,
  unit: Unit | undefined,
  method: string,
): Explanation {
  const [name = '', held] = Object.entries(refusal)[0] ?? [];
  const fields = isRecord(held) ? held : { reason: held };
  const told = [fields['reason'], fields['message']].find((value) => typeof value === 'string');
  const said = told === undefined ? undefined : inWords(told, unit, text(fields['field']));
  const words = said && { ...fields, reason: said.words, message: said.words };
  const inFull = said?.inFull === undefined ? {} : { inFull: said.inFull };
  const within = isRecord(held) ? Object.keys(held) : [];
  // A refusal of what was to be done for it.
  if (!ALL[name] && within.length === 1 && /^[A-Z]/.test(within[0] ?? '')) {
    return explainRefusal(fields, unit, method);
  }
  const known = ALL[name]?.(words ?? fields, unit, method);
  if (known) return { title: known[0], detail: known[1], next: known[2], ...inFull };
  const detail = sentence(said ? said.words : spoken(name));
  return { title: 'The canister refused', detail, next: 'Try again later.', ...inFull };
}

/** An honest answer fails so where the clock is wrong. */
const CLOCK: string[] = ['certificate-from-future', 'certificate-too-old'];

/** What went wrong, for somebody who was not told anything else. */
export function explain(error: unknown, unit?: Unit): Explanation {
  if (error instanceof Refused) {
    return explainRefusal(error.error as Record<string, unknown>, unit, error.method);
  }
  if (error instanceof VerificationError && CLOCK.includes(error.code)) {
    return {
      title: 'This machine’s clock seems to be off',
      detail: `${sentence(error.message)} Nothing of the answer was used.`,
      next: 'Set the clock, then try again. If it is right, whoever answers gave an old answer.',
    };
  }
  if (error instanceof VerificationError) {
    return {
      title: 'Not verified, so not shown',
      ...shortened(sentence(error.message)),
      next: 'Nothing of this reply was used. Try again; if it stays so, whoever answers is not honest or not this network.',
    };
  }
  if (error instanceof NotAsAsked) {
    return {
      title: 'The answer does not fit',
      detail: `${error.message} Nothing was sent, and nothing was charged.`,
      next: 'Look at it again. If it stays so, whoever answers is not honest.',
    };
  }
  if (error instanceof SessionEnded) {
    return {
      title: 'Your session has ended',
      detail: 'Nothing was sent, and nothing was charged.',
      next: 'Sign in again, then try again: what you typed is still here.',
    };
  }
  if (error instanceof CallFailed) return explainReject(error, unit) ?? noAnswer(error);
  return {
    title: 'Something went wrong here',
    detail: error instanceof Error ? error.message : String(error),
    next: 'Reload the page and try again.',
  };
}
