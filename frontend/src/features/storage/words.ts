// How a stream's storage stands, in words.
import type { StorageState } from '@/api/storage';
import { tag } from '@/lib/text';

const TITLES: Record<string, string> = {
  Paid: 'Paid',
  Expiring: 'Running out',
  Dropping: 'Records are being dropped',
  Dropped: 'Records were dropped',
};

export const stateText = (state: StorageState): string => TITLES[tag(state)] ?? tag(state);

/** Whether nothing can be paid for the records any more. */
export const isGone = (state: StorageState): boolean => 'Dropping' in state || 'Dropped' in state;
