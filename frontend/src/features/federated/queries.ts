// What the federated pages read, as queries with one key each.
import { queryOptions, useQueries, useQuery, type UseQueryResult } from '@tanstack/react-query';
import * as aggregator from '@/api/aggregator';
import { assetQuery, LIVE_MS } from '@/features/queries';
import type { Unit } from '@/lib/amount';

export const tasksQuery = queryOptions({
  queryKey: ['tasks'],
  queryFn: aggregator.listTasks,
  refetchInterval: LIVE_MS,
});

export const taskQuery = (task: bigint) =>
  queryOptions({
    queryKey: ['task', String(task)],
    queryFn: async () => (await aggregator.getTask(task)) ?? null,
    refetchInterval: LIVE_MS,
  });

/** A round that goes on. */
export const openRoundQuery = (task: bigint, round: number) =>
  queryOptions({
    queryKey: ['open-round', String(task), round],
    queryFn: async () => (await aggregator.getRound(task, round)) ?? null,
    refetchInterval: LIVE_MS,
  });

/** The verified report of a round that is over. It never changes. */
export const reportQuery = (task: bigint, round: number) =>
  queryOptions({
    queryKey: ['report', String(task), round],
    queryFn: async () => {
      const report = await aggregator.getReport(task, round);
      if (!report) throw new Error(`The report of round ${round} is not there yet.`);
      return report;
    },
    staleTime: Infinity,
  });

export const modelQuery = (task: bigint, version: number) =>
  queryOptions({
    queryKey: ['model', String(task), version],
    queryFn: async () => (await aggregator.getModel(task)) ?? null,
    staleTime: 60_000,
  });

export const participantsQuery = (task: bigint) =>
  queryOptions({
    queryKey: ['participants', String(task)],
    queryFn: () => aggregator.getParticipants(task),
    refetchInterval: LIVE_MS,
  });

export const taskAuditQuery = (task: bigint) =>
  queryOptions({
    queryKey: ['task-audit', String(task)],
    queryFn: async () => (await aggregator.getTaskAudit(task)) ?? null,
    refetchInterval: LIVE_MS,
  });

export const aggregatorParametersQuery = queryOptions({
  queryKey: ['aggregator-parameters'],
  queryFn: aggregator.getAggregatorParameters,
  staleTime: 60_000,
});

/** Charts and tables hold so many rounds, the latest. */
export const SHOWN_ROUNDS = 200;

/** The numbers of the latest rounds that are over, ascending. */
export function latestRounds(held: number): number[] {
  const first = Math.max(1, held - SHOWN_ROUNDS + 1);
  return Array.from({ length: Math.max(0, held - first + 1) }, (_, index) => first + index);
}

export interface Reports {
  /** In the rounds' order; only what was verified. */
  reports: aggregator.Proved<aggregator.RoundReport>[];
  /** How many are still asked for. */
  waiting: number;
  error: Error | undefined;
  retry: () => void;
}

function combine(results: UseQueryResult<aggregator.Proved<aggregator.RoundReport>>[]): Reports {
  return {
    reports: results.flatMap(({ data }) => (data ? [data] : [])),
    waiting: results.filter(({ isPending }) => isPending).length,
    error: results.find(({ error }) => error)?.error ?? undefined,
    retry: () => {
      for (const { isError, refetch } of results) if (isError) void refetch();
    },
  };
}

/** The reports of the latest rounds, each verified in the worker. */
export function useReports(task: bigint, held: number): Reports {
  return useQueries({ queries: latestRounds(held).map((round) => reportQuery(task, round)), combine });
}

/** What a task's amounts are written in; nothing where it pays nothing. */
export function useRewardUnit({ args }: aggregator.TaskInfo): Unit | undefined {
  const ledger = args.reward[0]?.ledger.toText();
  const asset = useQuery({ ...assetQuery(ledger ?? ''), enabled: ledger !== undefined });
  return asset.data;
}
