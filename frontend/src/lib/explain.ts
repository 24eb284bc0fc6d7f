// What went wrong, in words: what happened, what happened to the money, what to do next.
import { CallFailed, NotAsAsked, Refused, SessionEnded } from '@/api/agent';
import { VerificationError } from '@/verify/error';
import type { Unit } from './amount';
import { amountText, fieldName, inWords, spoken } from './humane';
import { count, shorten } from './text';

export interface Explanation {
  title: string;
  detail: string;
  /** The detail with every hash in full, where it was shortened. */
  inFull?: string;
  /** What to do next. */
  next: string;
}

type Words = [title: string, detail: string, next: string];

const big = (value: unknown): bigint => (typeof value === 'bigint' ? value : 0n);

const WORDS: Record<string, (fields: Record<string, unknown>, unit: Unit | undefined) => Words> = {
  AnonymousCaller: () => [
    'You are not signed in',
    'The canister changes nothing for anonymous callers.',
    'Sign in, then try again.',
  ],
  Paused: () => [
    'The exchange is paused',
    'Governance has stopped changes for now. Reading goes on.',
    'Try again later.',
  ],
  NoLicence: () => [
    'No licence for this stream',
    'Pulling it needs a licence, and you have none.',
    'Buy a licence; it is yours at once.',
  ],
  LicenceNotFound: () => [
    'Not your licence',
    'There is no such licence, or it is not yours or not for this stream.',
    'Choose another licence.',
  ],
  LicenceExpired: () => [
    'The licence has run out',
    'What you pulled so far stays yours.',
    'Buy again to go on.',
  ],
  BeyondHead: () => [
    'The stream is shorter',
    'The stream does not reach this chunk yet.',
    'Try again in a moment.',
  ],
  PayloadsDropped: (fields) => [
    'These records were dropped',
    `Their storage is no longer paid for. Their hashes and proofs stay; records are kept from chunk ${numeral(fields['kept_from'])} on.`,
    'Read from there on.',
  ],
  StreamNotFound: () => ['No such stream', 'There is no stream of this number.', 'Look it up under Explore.'],
  AssetNotAccepted: () => [
    'Not sold in this asset',
    'The plan has no price in it, or it is not listed any more.',
    'Choose another asset.',
  ],
  PlanNotOffered: () => [
    'The plan is not sold any more',
    'It was retired, or the stream was closed. Nothing was charged.',
    'Choose another plan.',
  ],
  PlanNotFound: () => ['No such plan', 'Nothing was charged.', 'Choose another plan.'],
  TermsChanged: () => [
    'The terms have changed',
    'They are not what you accepted. Nothing was charged.',
    'Look at the new terms and buy again.',
  ],
  PriceAboveMax: () => [
    'The price has risen',
    'It is above what you accepted. Nothing was charged.',
    'Look at the new price and buy again.',
  ],
  InsufficientAllowance: (fields, unit) => [
    'Not enough approved',
    `The registry may take ${amount(fields['allowance'], unit)}, and ${amount(fields['needed'], unit)} are needed. Nothing was charged.`,
    'Buy again: the approval is part of it.',
  ],
  InsufficientFunds: (fields, unit) => [
    'Not enough in your account',
    `It holds ${amount(fields['balance'], unit)}${fields['needed'] === undefined ? '' : `, and ${amount(fields['needed'], unit)} are needed`}. Nothing was charged.`,
    'Add funds in your wallet, then try again.',
  ],
  PaymentRefused: (fields) => [
    'The ledger refused the payment',
    `${sentence(fields['reason'])} Nothing was charged.`.trim(),
    'Try again, or choose another asset.',
  ],
  Pending: () => [
    'The payment is not settled yet',
    'Whether the ledger took it is not known yet. It cannot be taken twice.',
    'Wait a moment and continue: the same purchase is asked for again.',
  ],
  Quarantined: (fields) => [
    'The payment could not be settled',
    `The ledger gave no answer in time. Payment ${numeral(fields['intent'])} waits for governance, which looks it up and either grants the licence or releases it. It cannot be taken twice.`,
    'Nothing to do now; keep the number.',
  ],
  TooManyPending: () => [
    'Too many purchases under way',
    'You have several that are not settled. Nothing was charged for this one.',
    'Finish those first.',
  ],
  InvalidRequestId: () => ['This could not be begun', 'Nothing was charged.', 'Begin it anew.'],
  RequestIdReused: () => [
    'This purchase was begun differently',
    'Nothing was charged for this one.',
    'Begin it anew.',
  ],
  InvalidRecipient: () => ['This account cannot own a licence', 'Nothing was charged.', 'Sign in first.'],
  LimitReached: (fields) => [
    'A limit is reached',
    // Where no number is the limit, the registry says in words what is missing.
    big(fields['max']) === 0n
      ? sentence(text(fields['limit']))
      : sentence(`${spoken(text(fields['limit']))}: at most ${numeral(fields['max'])}`),
    'Remove something first, or ask the operators.',
  ],
  Invalid: (fields) => [
    `Something is wrong with “${fieldName(text(fields['field']))}”`,
    sentence(fields['reason']),
    'Correct it and try again.',
  ],
  TooMany: (fields) => [
    'A limit is reached',
    sentence(`${spoken(text(fields['what']))}: at most ${numeral(fields['limit'])}`),
    'Remove something first, or ask the operators.',
  ],
  Input: (fields) => [
    'This cannot be put to the model',
    sentence(fields['reason']),
    'Correct it and try again.',
  ],
  Banned: () => ['You are not let in', 'Governance has shut you out.', 'Ask the operators why.'],
  NotFound: () => ['No such task', 'There is no task of this number.', 'Look it up under Federated tasks.'],
  WrongStage: () => [
    'Not at this stage',
    'The task has no model just now: the first is not prepared yet, or its storage was freed.',
    'Try again once it runs.',
  ],
  VersionGone: (fields) => [
    'There is a newer model',
    `Version ${numeral(fields['current'])} is in force now. Nothing of the older one was kept.`,
    'Try again.',
  ],
  NotOwner: () => ['Not your stream', "Only the stream's owner may do this.", 'Sign in as its owner.'],
  NotAPublisher: () => [
    'You may not publish here',
    'Only the owner and its publishers may append.',
    'Ask the owner to add you.',
  ],
  NameTaken: () => [
    'You have a stream of this name',
    'Names are unique among your streams.',
    'Choose another name.',
  ],
  LabelTaken: () => ['This contributor exists', 'Labels are unique in a stream.', 'Choose another label.'],
  StreamClosed: () => [
    'The stream is closed',
    'It is closed for good; nothing is added or sold any more.',
    'Publish to another stream.',
  ],
  InvalidField: (fields) => [
    `Something is wrong with “${fieldName(text(fields['field']))}”`,
    sentence(fields['reason']),
    'Correct it and try again.',
  ],
  InvalidChunk: (fields) => [
    `Chunk ${numeral(fields['index'])} was refused`,
    sentence(fields['reason']),
    'Nothing of this batch was written. Correct the file and publish it again.',
  ],
  MalformedSchema: (fields) => [
    'The schema is no JSON Schema',
    sentence(fields['reason']),
    'Correct it, or leave it out.',
  ],
  AssetNotListed: () => [
    'This asset is not listed',
    'Governance lists the assets that plans may be sold in.',
    'Choose a listed asset.',
  ],
  WrongSequence: () => [
    'The stream has moved on',
    'Somebody else published to it. Nothing was written.',
    'Continue: the rest goes behind it.',
  ],
  DifferentChunkStored: () => ['Other chunks stand there', 'Nothing was written.', 'Publish the file anew.'],
  UnknownContributor: () => [
    'Unknown contributor',
    'A record is credited to somebody who is not in the table.',
    'Add the contributor first.',
  ],
  NothingDue: () => [
    'Nothing to claim yet',
    'What is due does not exceed the ledger’s fee.',
    'It is kept and paid when there is more.',
  ],
  NotPayee: () => ['Not yours to claim', 'Only who is paid may claim.', 'Sign in as the payee.'],
  NoAccount: () => [
    'No account yet',
    "The stream's owner has not named one. The share is kept.",
    'Ask the owner to bind it.',
  ],
  NotPayableYet: () => [
    'Not payable yet',
    'The account was named less than 7 days ago. The share is kept.',
    'Wait until then.',
  ],
  BadFee: () => ['The ledger’s fee has changed', 'Nothing was moved.', 'Try again with the new fee.'],
  BadBurn: () => ['Too small to burn', 'Nothing was moved.', 'Send more.'],
  TooOld: () => [
    'Too late to repeat',
    'The ledger does not remember transactions this old.',
    'Check your balance before you send again.',
  ],
  CreatedInFuture: () => [
    'This machine’s clock is ahead',
    'Nothing was moved.',
    'Set the clock, then try again.',
  ],
  TemporarilyUnavailable: () => ['The ledger is not ready', 'Nothing was moved.', 'Try again in a moment.'],
  AllowanceChanged: () => ['The allowance has changed meanwhile', 'Nothing was approved.', 'Try again.'],
  Expired: () => ['The approval had expired', 'Nothing was approved.', 'Try again.'],
  GenericError: (fields) => ['The ledger refused', sentence(fields['message']), 'Try again later.'],
};

const amount = (value: unknown, unit: Unit | undefined): string => amountText(big(value), unit);

/** A number that a canister names. */
const numeral = (value: unknown): string =>
  typeof value === 'bigint' || typeof value === 'number' ? count(value) : '?';

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function sentence(value: unknown): string {
  const said = text(value);
  return said ? `${said.charAt(0).toUpperCase()}${said.slice(1).replace(/\.?$/, '.')}` : '';
}

/** A text with its hashes shortened, and as it was if there were any. */
function shortened(text: string): Pick<Explanation, 'detail' | 'inFull'> {
  const detail = text.replace(/\b[0-9a-f]{64}\b/g, (hash) => shorten(hash, 8, 8));
  return detail === text ? { detail } : { detail, inFull: text };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The words of a canister's refusal: its own where they are known, and never a name or a number as programs write them. */
function explainRefusal(refusal: Record<string, unknown>, unit: Unit | undefined): Explanation {
  const [name = '', held] = Object.entries(refusal)[0] ?? [];
  const fields = isRecord(held) ? held : { reason: held };
  const told = [fields['reason'], fields['message']].find((value) => typeof value === 'string');
  const said = told === undefined ? undefined : inWords(told, unit, text(fields['field']));
  const words = said && { ...fields, reason: said.words, message: said.words };
  const inFull = said?.inFull === undefined ? {} : { inFull: said.inFull };
  const within = isRecord(held) ? Object.keys(held) : [];
  // A refusal of what was to be done for it.
  if (!WORDS[name] && within.length === 1 && /^[A-Z]/.test(within[0] ?? '')) {
    return explainRefusal(fields, unit);
  }
  const known = WORDS[name]?.(words ?? fields, unit);
  if (known) return { title: known[0], detail: known[1], next: known[2], ...inFull };
  const detail = sentence(said ? said.words : spoken(name));
  return { title: 'The canister refused', detail, next: 'Try again later.', ...inFull };
}

/** An honest answer fails so where the clock is wrong. */
const CLOCK: string[] = ['certificate-from-future', 'certificate-too-old'];

/** What went wrong, for somebody who was not told anything else. */
export function explain(error: unknown, unit?: Unit): Explanation {
  if (error instanceof Refused) {
    return explainRefusal(error.error as Record<string, unknown>, unit);
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
  if (error instanceof CallFailed) {
    return error.outcome === 'nothing-done'
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
  }
  return {
    title: 'Something went wrong here',
    detail: error instanceof Error ? error.message : String(error),
    next: 'Reload the page and try again.',
  };
}
