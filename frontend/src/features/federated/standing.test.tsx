import { Principal } from '@icp-sdk/core/principal';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import type { ReactNode } from 'react';
import { describe, expect, it, vi } from 'vitest';
import type { Participant, Reward, RoundReport, TaskInfo } from '@/api/aggregator';
import { Clients } from './clients';
import { Costs } from './costs';
import { DraftNeeds } from './draft';
import { aggregatorParametersQuery, participantsQuery } from './queries';
import { depositOf, draftNeeds, earningText, findingText, progressText, standingText } from './standing';
import { cycles, instructions } from './words';

vi.mock('@/session/session', () => ({ useSession: () => ({ principal: undefined, expired: false }) }));

const LEDGER = Principal.fromText('7uieb-cx777-77776-qaaaq-cai');
const CLIENT = Principal.fromText('k2t6j-2nvnp-4zjm3-25dtz-6xhaa-c7boj-5gayf-oj3xs-i43lp-teztq-6ae');
const DAY = 86_400_000_000_000n;
const inDays = (days: bigint) => BigInt(Date.now()) * 1_000_000n + days * DAY + DAY / 2n;

const reward = (more: object = {}) =>
  ({
    ledger: LEDGER,
    per_round: 100_000_000n,
    rule: { ByWorth: null },
    stake: 500_000_000n,
    deposit: [],
    earning: [],
    ...more,
  }) as unknown as Reward;

const task = (more: object = {}) =>
  ({
    id: 1n,
    stage: { since: 0n, stage: { Draft: null } },
    args: { reward: [reward()], rounds: { rounds: 10 } },
    evaluation: { received: 0n, bytes: 2_048n },
    weights: [],
    storage_paid: false,
    storage_fee: [250_000_000n],
    storage_fee_cycles: 0n,
    storage_bytes: 1_048_576n,
    budget: 0n,
    compute: [],
    expires_at: [],
    collecting: [],
    rounds_held: 3,
    ...more,
  }) as unknown as TaskInfo;

/** With what the pages would have read. */
function shown(element: ReactNode, clients: Participant[] = []) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Infinity } } });
  client.setQueryData(['asset', LEDGER.toText()], {
    ledger: LEDGER.toText(),
    symbol: 'DST',
    decimals: 8,
    fee: 10_000n,
  });
  client.setQueryData(aggregatorParametersQuery.queryKey, {
    storage_fee: { ledger: [LEDGER], per_mib: 1n, cycles_per_mib: 0n },
  } as never);
  client.setQueryData(participantsQuery(1n).queryKey, clients);
  const { container } = render(<QueryClientProvider client={client}>{element}</QueryClientProvider>);
  return (container.textContent || '').replaceAll('\u00a0', ' ');
}

describe('a draft', () => {
  it('should say what it waits for, and until when', () => {
    const told = shown(
      <DraftNeeds info={task({ expires_at: [inDays(2n)], weights: [{ received: 512n, bytes: 1_024n }] })} />,
    );
    expect(told).toContain('the fee for storage and computing');
    expect(told).toContain('the held-out set: 0 bytes of 2 KiB');
    expect(told).toContain('the first weights: 512 bytes of 1 KiB');
    expect(told).toContain('10.00 DST of the budget');
    expect(told).toMatch(/it is forgotten in [23] days/);
  });

  it('should wait for its owner alone once all is there', () => {
    const info = task({
      storage_paid: true,
      budget: 1_000_000_000n,
      evaluation: { received: 1n, bytes: 1n },
      expires_at: [inDays(20n)],
    });
    expect(draftNeeds(info)).toEqual([]);
    expect(shown(<DraftNeeds info={info} />)).toMatch(
      /waits for its owner to start it.*budget goes back in/s,
    );
  });
});

describe('what a task costs', () => {
  const compute = {
    total: 200_000_000n,
    total_cycles: 0n,
    per_round: 20_000_000n,
    per_round_cycles: 0n,
    round_instructions: 2_500_000_000n,
    prepare_instructions: 1_000n,
    returned: 40_000_000n,
    returned_cycles: 0n,
  };

  it('should be told with what comes back', () => {
    const told = shown(<Costs info={task({ compute: [compute] })} />);
    expect(told).toContain('2.50 DST, not paid yet');
    expect(told).toContain('Computing of one round0.20 DST for at most 2.5 billion instructions');
    expect(told).toContain('Came back to the owner0.40 DST');
  });

  it('should say of an ended task what keeping it costs, and when it is forgotten', () => {
    const told = shown(
      <Costs
        info={task({
          stage: { since: 0n, stage: { Ended: { Completed: null } } },
          storage_fee_cycles: 3_000_000_000_000n,
          expires_at: [inDays(20n)],
        })}
      />,
    );
    expect(told).toContain('Kept for 30 days more2.50 DST or 3 trillion cycles');
    expect(told).toMatch(/Forgottenin 2[01] days/);
  });

  it('should count cycles and instructions in units that people use', () => {
    expect([cycles(1n), cycles(2_000_000_000n), cycles(1_500_000_000_000n)]).toEqual([
      '1 cycle',
      '2 billion cycles',
      '1.5 trillion cycles',
    ]);
    expect(instructions(999n)).toBe('999 instructions');
  });
});

describe('pay', () => {
  it('should be told by how far the loss must fall', () => {
    expect(earningText(reward())).toBe(
      'all of it for a loss at least 9.52 % below the lowest paid for so far, less for less; nothing where it falls by less than 0.5 %, which then counts with later rounds. What is not earned stays in the budget',
    );
    const floor = { floor_bps: 1_000, ceiling_bps: 5_000, full_bps: 1_000, least_bps: 50 };
    expect(earningText(reward({ earning: [floor] }))).toContain(
      'the most, 50 % of it, for a loss at least 4.88 %',
    );
    expect(earningText(reward({ earning: [floor] }))).toContain(
      '10 % of it, which every accepted round earns,',
    );
  });

  it('should lock a tenth of the stake unless told, one unit at least', () => {
    expect(depositOf(reward())).toBe(50_000_000n);
    expect(depositOf(reward({ stake: 5n }))).toBe(1n);
    expect(depositOf(reward({ stake: 0n }))).toBe(0n);
    expect(depositOf(reward({ deposit: [7n] }))).toBe(7n);
  });

  const report = (progress: object[], loss = 0.45) =>
    ({ progress, evaluated: [{ loss }] }) as unknown as RoundReport;

  it('should be told by what the round brought', () => {
    const gain = Math.log(0.5 / 0.45);
    expect(progressText(report([{ before: [0.5], gain, part_ppm: 1_000_000 }]))).toEqual([
      'The lowest loss paid for was 0.5. This round lowered it to 0.45, by 10 %.',
      'So 100 % of the round’s budget could be earned.',
    ]);
    expect(progressText(report([{ before: [0.4], gain: 0, part_ppm: 0 }]))[0]).toContain('did not lower it');
    expect(progressText(report([]))).toEqual([]);
  });
});

describe('a client', () => {
  it('should be told what was found about its update', () => {
    const words = [
      { CopyOfClient: CLIENT },
      { CopyOfRound: 3 },
      { CopyOfStep: 4 },
      { Outlier: null },
      { Negligible: null },
      { Spoilt: null },
      { LeftOut: null },
    ].map((finding) => findingText(finding as Parameters<typeof findingText>[0]));
    expect(words[0]).toBe(
      'near copy of the update of k2t6j…teztq-6ae, who had declared it earlier: worth nothing',
    );
    expect(words[1]).toContain('of round 3');
    expect(words[2]).toContain('to version 4');
    expect(new Set(words).size).toBe(7);
  });

  const participant = (more: object = {}) =>
    ({
      client: CLIENT,
      active: true,
      faults: 0,
      updates: 4,
      score: 0.5,
      earned: 100_000_000n,
      paid: 0n,
      stake: 500_000_000n,
      standing: [{ marks: 2, unfinished: 1, findings: 1, rests_until: 7, locked: 50_000_000n, excluded: [] }],
      ...more,
    }) as unknown as Participant;

  it('should be told how it stands, and with what it is trusted', () => {
    expect(standingText(participant({ faults: 1 }), 4).map(({ words }) => words)).toEqual([
      '1 update provably false',
      '1 upload begun and never finished',
      '1 finding against it in reports',
      '2 marks in force; each round that earns takes one away',
      'others come first until round 7',
    ]);
    expect(standingText(participant(), 7).map(({ words }) => words)).not.toContain(
      'others come first until round 7',
    );
    const told = shown(<Clients info={task()} />, [participant()]);
    expect(told).toContain('stake 5.00 DST, of it 0.50 DST locked by an upload');
  });

  it('should be told excluded with the reason, as its owner wrote it', () => {
    const excluded = [{ at: inDays(-3n), reason: 'copies\u202e others' }];
    const standing = [{ marks: 0, unfinished: 0, findings: 0, rests_until: 0, locked: 0n, excluded }];
    const told = shown(<Clients info={task()} />, [participant({ active: false, standing })]);
    expect(told).toMatch(/Excluded by the owner [23] days ago: “copies\[U\+202E\] others”/);
    expect(told).not.toContain('has left');
    expect(screen.getAllByRole('row')).toHaveLength(2);
  });
});
