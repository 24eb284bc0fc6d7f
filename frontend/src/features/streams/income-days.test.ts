import { describe, expect, it } from 'vitest';
import type { DayOfIncome } from '@/api/registry';
import { calendarDay } from '@/lib/time';
import { byDay, dayOf, inAll, lastDays, sumOf } from './income-days';

const TODAY = 20_778n;
const day = (ago: bigint, licences: bigint, received: bigint): DayOfIncome => ({
  day: TODAY - ago,
  licences,
  received,
});
const days = [day(40n, 1n, 100n), day(29n, 2n, 250n), day(0n, 1n, 50n)];

describe('income by day', () => {
  it('should count days in UTC, as the registry does', () => {
    expect(dayOf(Date.UTC(2026, 10, 21))).toBe(TODAY);
    expect(dayOf(Date.UTC(2026, 10, 21, 23, 59, 59, 999))).toBe(TODAY);
    expect(dayOf(Date.UTC(2026, 10, 22))).toBe(TODAY + 1n);
    expect(calendarDay(TODAY, 'en-GB')).toBe('21 Nov 2026');
  });

  it('should take the last days, today among them', () => {
    expect(lastDays(days, TODAY, 30)).toEqual(days.slice(1));
    expect(lastDays(days, TODAY, 29)).toEqual(days.slice(2));
    expect(lastDays(days, TODAY, 90)).toEqual(days);
    expect(sumOf(lastDays(days, TODAY, 30))).toEqual({ licences: 3n, received: 300n });
    expect(sumOf([])).toEqual({ licences: 0n, received: 0n });
  });

  it('should have a place for each day, and nothing drawn where nothing was sold', () => {
    const { times, values } = byDay(days, TODAY, 30, 2);
    expect(times).toHaveLength(30);
    expect(times[0]).toBe(Number(TODAY - 29n) * 86_400);
    expect(times[29]).toBe(Number(TODAY) * 86_400);
    expect(values.filter((value) => value !== null)).toEqual([2.5, 0.5]);
  });

  it('should sum up from nothing until today', () => {
    expect(inAll(days, TODAY + 3n, 2)).toEqual({
      times: [41n, 40n, 29n, 0n, -3n].map((ago) => Number(TODAY - ago) * 86_400),
      values: [0, 1, 3.5, 4, 4],
    });
    expect(inAll([], TODAY, 2)).toEqual({ times: [], values: [] });
  });
});
