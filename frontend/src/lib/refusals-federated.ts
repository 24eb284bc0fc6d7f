// What the federated aggregator alone refuses, in words. Shapes: see refusals.ts.
import { spoken } from './humane';
import { amount, numeral, sentence, text, type Wording } from './refusals';

const COLLECTED = 'Nothing was uploaded.';
const AGAIN = 'Correct the task’s description, then create it again.';
const layer = (fields: Record<string, unknown>): string => `Layer “${text(fields['layer'])}”`;
const beyond = (fields: Record<string, unknown>, what: string): string =>
  `There are ${numeral(fields['found'])} ${what}, and at most ${numeral(fields['limit'])} are allowed.`;

/** Refusals to owners of tasks, and to those who read them. */
const TASKS: Record<string, Wording> = {
  Anonymous: () => [
    'You are not signed in',
    'The canister changes nothing, and owes nothing, for anonymous callers.',
    'Sign in, then try again.',
  ],
  BudgetTooSmall: (fields, unit) => [
    'The budget does not cover the rounds',
    `All of them need ${amount(fields['needed'], unit)}. The task was not started.`,
    'Pay in what is missing, then start it.',
  ],
  StorageNotPaid: () => [
    'Not paid for yet',
    'Storage and computing are paid before files, funds and clients come in.',
    'Pay the fee first.',
  ],
  Incomplete: () => ['A file is not complete', 'Bytes are missing.', 'Send the rest, then try again.'],
  WrongHash: () => [
    'Not the file that was announced',
    'Its content hash is another one, so it was thrown away.',
    'Send it again from the start.',
  ],
  WrongOffset: (fields) => [
    'A piece is missing',
    `The next one must begin at byte ${numeral(fields['expected'])}.`,
    'Go on from there.',
  ],
  WrongLength: (fields) =>
    fields['update'] === undefined
      ? [
          'A piece has the wrong length',
          `This one must have ${numeral(fields['expected'])} bytes.`,
          'Send it again.',
        ]
      : [
          'An update does not fit the model',
          `It has ${numeral(fields['found'])} numbers, and the model ${numeral(fields['expected'])}.`,
          'Train this task’s model.',
        ],
  PaymentUnderWay: () => [
    'Another payment is under way',
    'The same is being paid for already. Nothing was charged for this one.',
    'Wait for its end.',
  ],
  RequestId: (fields) => ['This could not be begun', sentence(fields['reason']), 'Begin it anew.'],
};

/** Refusals to clients that join or leave. */
const JOINING: Record<string, Wording> = {
  Ended: () => ['The task is over', 'Nobody joins it any more.', 'Look for another under Federated tasks.'],
  InvalidAccount: () => [
    'This account belongs to nobody',
    'Rewards cannot be paid there.',
    'Name another account.',
  ],
  Full: (fields) => [
    'The task is full',
    `It takes ${numeral(fields['limit'])} clients.`,
    'Look for another under Federated tasks.',
  ],
  NotAllowed: () => [
    'You are not let in',
    'You are not on the owner’s list, were excluded, or have no valid licence of the stream.',
    'Ask the owner, or buy a licence.',
  ],
  TooManyFaults: (fields) => [
    'You are not let in again',
    `${numeral(fields['faults'])} of your updates were provably false, and their stakes were lost.`,
    'There is no way back into this task.',
  ],
  RegistryUnavailable: (fields) => [
    'Your licence could not be looked up',
    `${sentence(fields['reason'])} Nothing was charged.`.trim(),
    'Try again in a minute.',
  ],
  UpdateInRound: () => [
    'Your update is in the round',
    'Who has an update in the round that goes on cannot leave before it is over.',
    'Leave after this round.',
  ],
  NotJoined: () => ['You do not take part', 'You have not joined, or have left.', 'Join first.'],
};

/** Refusals of updates. */
const UPDATES: Record<string, Wording> = {
  WrongVersion: (fields) => [
    'Trained from an older model',
    `Version ${numeral(fields['current'])} is in force. ${COLLECTED}`,
    'Train again from it.',
  ],
  NotBegun: () => ['The upload is not begun', 'It was not announced, or thrown out.', 'Begin it again.'],
  RoundFull: () => [
    'The round is full',
    'It has as many updates as it takes, you have an upload under way, or others come first.',
    'Wait for the next round.',
  ],
  NoStorage: () => ['The canister is full', `It has no room left. ${COLLECTED}`, 'Try again later.'],
  RoundClosed: (fields) => [
    'The round is over',
    `Round ${numeral(fields['round'])} does not collect. ${COLLECTED}`,
    'Train for the one that collects.',
  ],
  WrongShape: (fields) => [
    'The update does not fit the model',
    `It has ${numeral(fields['found'])} numbers, and the model ${numeral(fields['expected'])}.`,
    'Train this task’s model.',
  ],
  AlreadyAccepted: () => ['Your update is in', 'One for each round.', 'Wait for the next round.'],
  NormExceeded: () => [
    'The update is too long',
    'Its norm is above the task’s bound. Where one piece alone is, the stake is lost.',
    'Train in smaller steps.',
  ],
  NoSamples: () => ['No samples', 'An update is trained on one sample at least.', 'Train on your data.'],
  DeltaOnly: () => [
    'Only steps are taken here',
    'The asynchronous rule takes what was learned, not whole weights.',
    'Send the difference.',
  ],
  TooManyAttempts: (fields) => [
    'Too many uploads',
    `One client begins at most ${numeral(fields['limit'])} in a round.`,
    'Wait for the next round.',
  ],
  TooManyStreams: (fields) => [
    'Too many streams named',
    `An update names at most ${numeral(fields['limit'])}.`,
    'Name fewer.',
  ],
  Length: (fields) => [
    'The update has the wrong length',
    `It has ${numeral(fields['found'])} bytes, and must have ${numeral(fields['expected'])}.`,
    'Encode it again.',
  ],
  NotFinite: (fields) => [
    'The update has what is no number',
    `Value ${numeral(fields['index'])} is infinite or not a number. Sent as F32 it costs the stake.`,
    'Look at the training, and train again.',
  ],
  NotCanonical: (fields) => [
    'The update is badly written',
    `Value ${numeral(fields['index'])} is not as an encoder writes it.`,
    'Encode it again.',
  ],
};

/** What is wrong with a strategy. */
const STRATEGIES: Record<string, Wording> = {
  TooFewUpdates: (fields) => [
    'The strategy needs more updates',
    `There would be ${numeral(fields['found'])}, and it needs ${numeral(fields['needed'])}.`,
    AGAIN,
  ],
  TooManyUpdates: (fields) => [
    'Too many updates for the strategy',
    `There would be ${numeral(fields['found'])}, and it takes ${numeral(fields['limit'])}.`,
    AGAIN,
  ],
  BadParameter: (fields) => [
    'The strategy is not as it must be',
    sentence(`its “${spoken(text(fields['field']))}” is out of range or not a number`),
    AGAIN,
  ],
};

/** What is wrong with a model. */
const MODELS: Record<string, Wording> = {
  NoLayers: () => ['The model has no layer', 'It would compute nothing.', AGAIN],
  TooMuchWork: (fields) => [
    'The model is too much work',
    `One prediction would take ${numeral(fields['found'])} multiply-adds, and at most ${numeral(fields['limit'])} are allowed.`,
    AGAIN,
  ],
  TooDeep: (fields) => [
    'The model is too deep',
    `${layer(fields)} lies in more than ${numeral(fields['limit'])} residual blocks.`,
    AGAIN,
  ],
  BadNumber: (fields) => [
    'The model is not as it must be',
    `${layer(fields)}: “${spoken(text(fields['field']))}” is out of range or not a number.`,
    AGAIN,
  ],
  BadSize: (fields) => [
    'The model is not as it must be',
    `${layer(fields)}: “${spoken(text(fields['field']))}” is ${numeral(fields['value'])}; 1 to ${numeral(fields['limit'])} is allowed.`,
    AGAIN,
  ],
  DuplicateName: (fields) => ['Two parts have one name', `It is “${text(fields['name'])}”.`, AGAIN],
  BadName: (fields) => [
    'A layer’s name is not as it must be',
    `“${text(fields['name'])}”: letters of ASCII, digits and underscores with dots between, at most 64.`,
    AGAIN,
  ],
  TooManyParameters: (fields) => ['The model is too large', beyond(fields, 'parameters'), AGAIN],
  TooManyLayers: (fields) => ['The model has too many layers', beyond(fields, 'layers'), AGAIN],
  TooManyActivations: (fields) => [
    'A layer is too wide',
    `${layer(fields)}: ${beyond(fields, 'values of one sample').replace('There', 'there')}`,
    AGAIN,
  ],
  EmbeddingNotFirst: (fields) => [
    'An embedding must come first',
    `${layer(fields)} stands behind others.`,
    AGAIN,
  ],
  ShapeMismatch: (fields) => [
    'The layers do not fit each other',
    `${layer(fields)} expects ${text(fields['expected'])}.`,
    AGAIN,
  ],
};

export const FEDERATED_REFUSALS: Record<string, Wording> = {
  ...TASKS,
  ...JOINING,
  ...UPDATES,
  ...STRATEGIES,
  ...MODELS,
};
