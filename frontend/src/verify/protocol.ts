// What page and worker say to each other. Replies travel undecoded: decoding them is part of what the worker is there for.
import type { PullError } from '@/bindings/stream_registry.did';
import type { Anchor } from './certificate';
import type { VerificationCode } from './error';
import type { Verified } from './pull';
import type { StoredHeld } from './stored';

export interface PullRequest {
  kind: 'pull';
  anchor: Anchor;
  stream: bigint;
  from: bigint;
  withLeft: boolean;
  /** The reply to `pull`, in Candid. */
  reply: Uint8Array;
  /** The reply to `consistency_proof`, in Candid. */
  consistency: Uint8Array | undefined;
  held: StoredHeld | undefined;
  now: bigint;
}

export interface LicenceRequest {
  kind: 'licence';
  anchor: Anchor;
  licence: bigint;
  /** The reply to `licence`, in Candid. */
  reply: Uint8Array;
  now: bigint;
}

export type WorkRequest = PullRequest | LicenceRequest;

export type VerifiedPull = Omit<Verified, 'held'> & {
  held: StoredHeld;
  head: { size: bigint; timestamp: bigint; root: Uint8Array };
  certifiedAt: bigint;
  /** Where to go on. */
  next: bigint;
};

/** What is certified of a licence. Plain values: classes do not survive the way from the worker. */
export interface CertifiedLicence {
  stream: bigint;
  /** The owner's principal, as text. */
  owner: string;
  /** When it ends, ns since the Unix epoch; never if absent. */
  expiresAt: bigint | undefined;
}

export interface VerifiedLicence {
  licence: CertifiedLicence | undefined;
  certifiedAt: bigint;
}

export type WorkAnswer =
  | { kind: 'pulled'; pulled: VerifiedPull }
  | { kind: 'licence'; licence: VerifiedLicence }
  | { kind: 'refused'; error: PullError }
  | { kind: 'needs-consistency'; first: bigint; second: bigint }
  | { kind: 'failed'; code: VerificationCode; message: string };
