// What canisters refuse, in words: title, what happened (to the money too), what to do next. Loaded with the first failure.
import type { Unit } from './amount';
import { amountText, fieldName, spoken } from './humane';
import { count } from './text';
import { exact, toDate } from './time';

export type Words = [title: string, detail: string, next: string];

/** `fields` is what the refusal holds; `method` is what was called. */
export type Wording = (fields: Record<string, unknown>, unit: Unit | undefined, method: string) => Words;

const big = (value: unknown): bigint => (typeof value === 'bigint' ? value : 0n);

export const amount = (value: unknown, unit: Unit | undefined): string => amountText(big(value), unit);

/** A number that a canister names. */
export const numeral = (value: unknown): string =>
  typeof value === 'bigint' || typeof value === 'number' ? count(value) : '?';

export const text = (value: unknown): string => (typeof value === 'string' ? value : '');

export function sentence(value: unknown): string {
  const said = text(value);
  return said ? `${said.charAt(0).toUpperCase()}${said.slice(1).replace(/\.?$/, '.')}` : '';
}

/** A moment that a canister names, in nanoseconds since 1970. */
export const moment = (value: unknown): string => exact(toDate(big(value)));

/** What an amount was to be paid for. */
const paidFor = (method: string): string =>
  method === 'buy' ? 'Buy again: the approval is part of it.' : 'Try again: the approval is part of it.';

export const REFUSALS: Record<string, Wording> = {
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
  LicenceExpired: (fields) => [
    'The licence has run out',
    `It ended ${moment(fields['expired_at'])}. What you pulled so far stays yours.`,
    'Buy again to go on.',
  ],
  BeyondHead: (fields) => [
    'The stream is shorter',
    `It has ${numeral(fields['tree_size'])} chunks so far, and does not reach this one yet.`,
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
  PriceAboveMax: (fields, unit) => [
    'The price has risen',
    `It is ${amount(fields['price'], unit)} now, above what you accepted. Nothing was charged.`,
    'Look at the new price, then try again.',
  ],
  InsufficientAllowance: (fields, unit, method) => [
    'Not enough approved',
    `The registry may take ${amount(fields['allowance'], unit)}, and ${amount(fields['needed'], unit)} are needed. Nothing was charged.`,
    paidFor(method),
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
  Pending: (_, __, method) =>
    method === 'claim' || method === 'withdraw'
      ? [
          'A payment to you is on its way',
          'It is settled by a timer, and paid once.',
          'Wait a moment, then look again.',
        ]
      : [
          'The payment is not settled yet',
          'Whether the ledger took it is not known yet. It cannot be taken twice.',
          'Wait a moment and continue: the same request is asked for again.',
        ],
  Quarantined: (fields, _, method) => [
    'The payment could not be settled',
    `The ledger gave no answer in time. Payment ${numeral(fields['intent'])} waits for governance, which looks it up and either ${method === 'buy' ? 'grants the licence' : 'counts it'} or releases it. It cannot be taken twice.`,
    'Nothing to do now; keep the number.',
  ],
  TooManyPending: (fields) => [
    'Too many payments under way',
    `You have as many as may be unsettled at a time: ${numeral(fields['max'])}. Nothing was charged for this one.`,
    'Finish those first.',
  ],
  InvalidRequestId: () => ['This could not be begun', 'Nothing was charged.', 'Begin it anew.'],
  RequestIdReused: (_, __, method) => [
    `This ${method === 'buy' ? 'purchase' : 'payment'} was begun differently`,
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
  WrongStage: (_, __, method) => [
    'Not at this stage',
    method === 'predict' || method === 'model_chunk'
      ? 'The task has no model just now: the first is not prepared yet, or its storage was freed.'
      : 'The task is not where this can be done: drafts are paid for and filled, running tasks hold rounds, ended ones only give back.',
    'Look at the task’s stage, then try again.',
  ],
  VersionGone: (fields) => [
    'There is a newer model',
    `Version ${numeral(fields['current'])} is in force now. Nothing of the older one was kept.`,
    'Try again.',
  ],
  NotOwner: () => ['Not yours', 'Only its owner may do this.', 'Sign in as its owner.'],
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
  WrongSequence: (fields) => [
    'The stream has moved on',
    `Somebody else published to it: it goes on at chunk ${numeral(fields['expected'])}. Nothing was written.`,
    'Continue: the rest goes behind it.',
  ],
  DifferentChunkStored: (fields) => [
    'Other chunks stand there',
    `From chunk ${numeral(fields['sequence'])} on the stream holds others. Nothing was written.`,
    'Publish the file anew.',
  ],
  UnknownContributor: () => [
    'Unknown contributor',
    'A record is credited to somebody who is not in the table.',
    'Add the contributor first.',
  ],
  NothingDue: (fields, unit) => [
    'Nothing to claim yet',
    `${amount(fields['due'], unit)} is due, which does not exceed the ledger’s fee of ${amount(fields['ledger_fee'], unit)}.`,
    'It is kept and paid when there is more.',
  ],
  NotPayee: () => ['Not yours to claim', 'Only who is paid may claim.', 'Sign in as the payee.'],
  NoAccount: () => [
    'No account yet',
    "The stream's owner has not named one. The share is kept.",
    'Ask the owner to bind it.',
  ],
  NotPayableYet: (fields) => [
    'Not payable yet',
    `The account was named less than 7 days ago. The share is kept, and paid from ${moment(fields['payable_from'])} on.`,
    'Wait until then.',
  ],
  BadFee: (fields, unit) => [
    'The ledger’s fee has changed',
    `It is ${amount(fields['expected_fee'], unit)} now. Nothing was moved.`,
    'Try again with the new fee.',
  ],
  BadBurn: (fields, unit) => [
    'Too small to burn',
    `At least ${amount(fields['min_burn_amount'], unit)} can be burnt. Nothing was moved.`,
    'Send more.',
  ],
  TooOld: () => [
    'Too late to repeat',
    'The ledger does not remember transactions this old.',
    'Check your balance before you send again.',
  ],
  CreatedInFuture: (fields) => [
    'This machine’s clock is ahead',
    `The ledger’s says ${moment(fields['ledger_time'])}. Nothing was moved.`,
    'Set the clock, then try again.',
  ],
  TemporarilyUnavailable: () => ['The ledger is not ready', 'Nothing was moved.', 'Try again in a moment.'],
  AllowanceChanged: (fields, unit) => [
    'The allowance has changed meanwhile',
    `It is ${amount(fields['current_allowance'], unit)} now. Nothing was approved.`,
    'Look at it, then try again.',
  ],
  Expired: (fields) => [
    'The approval had expired',
    `The ledger’s clock says ${moment(fields['ledger_time'])}. Nothing was approved.`,
    'Try again.',
  ],
  GenericError: (fields) => ['The ledger refused', sentence(fields['message']), 'Try again later.'],
  ContributorNotFound: () => [
    'No such contributor',
    'The stream has no contributor of this number.',
    'Choose one of the table.',
  ],
  PublisherNotFound: () => ['Not a publisher', 'The principal is not in the list.', 'Nothing to remove.'],
  NotAccountOwner: () => [
    'Not your account',
    'Only the owner of the contributor’s account may change it.',
    'Sign in as its owner.',
  ],
  AccountAlreadyBound: () => [
    'The contributor has an account',
    'It was named before; only the account’s owner may change it.',
    'Ask the contributor.',
  ],
  EmptyBatch: () => ['Nothing to publish', 'The batch has no chunk.', 'Choose a file with records.'],
  TooManyChunks: (fields) => [
    'Too much at once',
    `A batch has at most ${numeral(fields['max'])} chunks. Nothing was written.`,
    'Publish it in smaller parts.',
  ],
  BatchTooLarge: (fields) => [
    'Too much at once',
    `A batch has at most ${numeral(fields['max_bytes'])} bytes. Nothing was written.`,
    'Publish it in smaller parts.',
  ],
  OutOfRange: (fields) => [
    'The stream is shorter',
    `It has ${numeral(fields['tree_size'])} chunks; nothing beyond can be proved.`,
    'Ask for an earlier one.',
  ],
  InvalidAmount: () => [
    'This amount cannot be paid in',
    'It is zero or too large. Nothing was charged.',
    'Choose another amount.',
  ],
  NotFree: (fields, unit) => [
    'Not so much is free',
    `${amount(fields['free'], unit)} is free: what is set aside for streams stays until they are closed, and the ledger’s fee of ${amount(fields['ledger_fee'], unit)} must be exceeded. Nothing was moved.`,
    'Withdraw less.',
  ],
  Duplicate: (fields, _, method) =>
    method.startsWith('icrc')
      ? [
          'This was done already',
          `The ledger executed the same in block ${numeral(fields['duplicate_of'])}, and did not do it twice.`,
          'Look at your balance before you send again.',
        ]
      : [
          'Sent by somebody else',
          'Another client has sent the same bytes in this round.',
          'Train on data of your own.',
        ],
  AccessDenied: (fields) => [
    'The ledger does not tell',
    sentence(fields['reason']) || 'It tells allowances only to whom they are given by.',
    'Sign in as the account’s owner.',
  ],
};
