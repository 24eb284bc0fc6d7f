import type { Publisher } from '@/api/registry';

/** Whether somebody is among a stream's publishers now. */
export const mayPublish = (publishers: readonly Publisher[], me: string, now: bigint): boolean =>
  publishers.some(
    ({ principal, expires_at: [ends] }) => principal.toText() === me && (ends === undefined || ends > now),
  );
