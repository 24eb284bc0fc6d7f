// How tasks and their clients stand, in words: what a draft lacks, what a report found, what became of a client.
import type { ClientReport, Participant, Reward, RoundReport, TaskInfo } from '@/api/aggregator';
import { shorten, counted, figure, percent, share } from '@/lib/text';

export type Need =
  | { what: 'fee' }
  | { what: 'evaluation' | 'weights'; received: bigint; bytes: bigint }
  | { what: 'budget'; missing: bigint };

/** What a draft lacks before it can be started. Amounts are in the reward's smallest unit, sizes in bytes. */
export function draftNeeds(info: TaskInfo): Need[] {
  const reward = info.args.reward[0];
  const budget = reward ? reward.per_round * BigInt(info.args.rounds.rounds) : 0n;
  const files = [
    { what: 'evaluation', ...info.evaluation },
    ...info.weights.map((weights) => ({ what: 'weights', ...weights }) as const),
  ] as const;
  return [
    ...(info.storage_paid ? [] : [{ what: 'fee' } as const]),
    ...files
      .filter(({ received, bytes }) => received < bytes)
      .map(({ what, received, bytes }) => ({ what, received, bytes })),
    ...(info.budget < budget ? [{ what: 'budget', missing: budget - info.budget } as const] : []),
  ];
}

type Finding = NonNullable<ClientReport['finding'][0]>;

/** What was found about an update, and what it means for its client. */
export function findingText(finding: Finding): string {
  if ('CopyOfClient' in finding) {
    const client = shorten(finding.CopyOfClient.toText());
    return `near copy of the update of ${client}, who had declared it earlier: worth nothing`;
  }
  if ('CopyOfRound' in finding) {
    return `near copy of its own update of round ${finding.CopyOfRound}: worth nothing`;
  }
  if ('CopyOfStep' in finding) {
    return `near copy of the published step to version ${finding.CopyOfStep}: worth nothing`;
  }
  if ('Outlier' in finding) return 'outlier: far longer than the others’ updates, worth nothing';
  if ('Negligible' in finding) return 'next to nothing was learned: worth nothing';
  if ('Spoilt' in finding) return 'without this update the round would have been accepted';
  // A finding that is new has no words yet: it does not compile then.
  finding satisfies { LeftOut: null };
  return 'left out by the strategy; nothing is held against it';
}

/** Part of a round's budget that it could earn, from millionths. */
export const partText = (ppm: number): string => share(ppm / 1_000_000, 2);

/** The fall of loss that a gain in natural logarithms stands for. */
const fall = (gain: number): string => share(1 - Math.exp(-gain), 2);

/** What a round's pay was measured by; nothing where it was not accepted or nothing is paid. */
export function progressText({ progress: [progress], evaluated: [evaluated] }: RoundReport): string[] {
  if (!progress) return [];
  const before = progress.before[0];
  const from =
    before === undefined
      ? 'no loss was paid for before it'
      : `the lowest loss paid for was ${figure(before)}`;
  const brought =
    progress.gain > 0
      ? `This round lowered it to ${evaluated ? figure(evaluated.loss) : 'less'}, by ${fall(progress.gain)}.`
      : 'This round did not lower it.';
  return [
    `${from.charAt(0).toUpperCase()}${from.slice(1)}. ${brought}`,
    `So ${partText(progress.part_ppm)} of the round’s budget could be earned.`,
  ];
}

/** Ten-thousandths of progress, as the fall of loss they stand for. */
const fallOfBps = (bps: number): string => fall(bps / 10_000);

/** Defaults of the aggregator (`Earning::default`), in ten-thousandths. */
const EARNING = { floor_bps: 0, ceiling_bps: 10_000, full_bps: 1_000, least_bps: 50 };

/** How much of a round's budget is paid for how much progress. */
export function earningText(reward: Reward): string {
  const { floor_bps, ceiling_bps, full_bps, least_bps } = reward.earning[0] ?? EARNING;
  const all = ceiling_bps === 10_000 ? 'all of it' : `the most, ${percent(ceiling_bps)} of it,`;
  const floor =
    floor_bps === 0 ? 'nothing' : `${percent(floor_bps)} of it, which every accepted round earns,`;
  const full = fallOfBps((full_bps * ceiling_bps) / 10_000);
  return `${all} for a loss at least ${full} below the lowest paid for so far, less for less; ${floor} where it falls by less than ${fallOfBps(least_bps)}, which then counts with later rounds. What is not earned stays in the budget`;
}

/** What of a stake an upload locks until it is finished, in the reward's smallest unit. */
export function depositOf(reward: Reward): bigint {
  const told = reward.deposit[0];
  if (told !== undefined) return told;
  const tenth = reward.stake / 10n;
  return reward.stake > 0n && tenth === 0n ? 1n : tenth;
}

export interface Told {
  words: string;
  /** Whether it is held against the client. */
  fault: boolean;
}

/** What is to be said of a client besides its money; `round` is the one that collects or comes next. */
export function standingText({ standing: [standing], faults }: Participant, round: number): Told[] {
  const told: Told[] = [];
  const add = (words: string, fault = true) => told.push({ words, fault });
  if (faults > 0) add(`${counted(faults, 'update')} provably false`);
  if (!standing) return told;
  if (standing.unfinished > 0) add(`${counted(standing.unfinished, 'upload')} begun and never finished`);
  if (standing.findings > 0) add(`${counted(standing.findings, 'finding')} against it in reports`);
  if (standing.marks > 0) {
    add(`${counted(standing.marks, 'mark')} in force; each round that earns takes one away`);
  }
  if (standing.rests_until > round) add(`others come first until round ${standing.rests_until}`, false);
  return told;
}
