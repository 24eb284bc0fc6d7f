// Calls that the network answers in a canister's place: what the canister says in a text, at its door or as it ends a call, and why it says nothing.
import type { CallFailed } from '@/api/outcome';
import type { Unit } from './amount';
import type { Explanation } from './failure';
import { inWords } from './humane';
import { sentence } from './refusals';

interface Rejection {
  message: string;
  /** The network's code, `IC0503`; `undefined` where it was not told. */
  code: string | undefined;
  /** Whether the call changes something and one node alone refused it, before the network took it. */
  atTheDoor: boolean;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** What the agent's error, or a cause of it, says of a rejection. */
function rejectionOf(error: unknown): Rejection | undefined {
  for (let at = error; isRecord(at); at = at['cause']) {
    const code = at['code'];
    if (isRecord(code) && typeof code['rejectMessage'] === 'string') {
      return {
        message: code['rejectMessage'],
        code: typeof code['rejectErrorCode'] === 'string' ? code['rejectErrorCode'] : undefined,
        atTheDoor: code['name'] === 'UncertifiedRejectUpdateErrorCode',
      };
    }
  }
  // The answer to an unsigned query has its text alone.
  const message = error instanceof Error && error.cause instanceof Error ? error.cause.message : '';
  return /^(?:Error from )?Canister |^IC0\d{3}\b/i.test(message)
    ? { message, code: /\bIC0\d{3}\b/.exec(message)?.[0], atTheDoor: false }
    : undefined;
}

/** What a canister said as it trapped; the network puts its own words around it. */
const SAID =
  /(?:called `ic0\.trap` with message: '?|trapped explicitly: )(.*?)(?:'?\.?\s*(?:\n|Consider |Canister Backtrace|$))/is;

/** Codes of the network for a canister that does not answer for now (interface specification, "Error codes"). */
const AWAY: Record<string, readonly [title: string, detail: string]> = {
  IC0207: ['The canister has run out of cycles', 'It takes no calls until somebody gives it more.'],
  IC0508: ['The canister is stopped', 'It is being renewed, or its controllers have stopped it.'],
  IC0509: ['The canister is being stopped', 'It is being renewed, or its controllers are stopping it.'],
  IC0515: ['The certificate is not there yet', 'The canister was renewed a moment ago.'],
};

const OLD_PAGE: readonly string[] = ['IC0301', 'IC0302', 'IC0536', 'IC0537'];

/** A rejection in words; nothing where there was no answer at all. */
export function explainReject(error: CallFailed, unit: Unit | undefined): Explanation | undefined {
  const rejection = rejectionOf(error);
  if (!rejection) return undefined;
  const { message, code = '', atTheDoor } = rejection;
  const nothing = error.outcome === 'nothing-done';
  const done = nothing
    ? 'Nothing was changed.'
    : atTheDoor
      ? 'It was refused at the door, by the word of one node: nothing was changed if that is right.'
      : 'Whether a part of it was carried out is not known.';
  const next = nothing || atTheDoor ? 'Look at it, then try again.' : 'Try again: repeating it is safe.';
  const away = AWAY[code];
  if (away) return { title: away[0], detail: `${away[1]} ${done}`, next: 'Try again in a minute.' };
  if (OLD_PAGE.includes(code)) {
    return {
      title: 'The page and the canister do not fit',
      detail: `The canister is not there, or does not know what was asked. ${done}`,
      next: 'Reload the page: it may be older than the canister.',
    };
  }
  const said = SAID.exec(message)?.[1]?.trim();
  if (said) {
    const { words, inFull } = inWords(said, unit);
    return {
      title: 'The canister refused',
      detail: `${sentence(words)} ${done}`,
      next,
      ...(inFull === undefined ? {} : { inFull }),
    };
  }
  if (code === 'IC0406' || /rejected the message/i.test(message)) {
    return {
      title: 'Not let in',
      detail: `The canister takes no message that could not succeed: not from somebody unknown to it, not larger than it may be, and not twice. ${done}`,
      next: 'Sign in as who may do this. If you are, reload the page and try again.',
    };
  }
  return {
    title: 'The canister failed',
    detail: `It broke off what it was asked to do. ${done}`,
    next,
    inFull: message,
  };
}
