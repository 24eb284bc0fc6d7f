// What page and worker say to each other. Replies travel undecoded: decoding them is part of what the worker is there for.
import type { ProofError, PullError } from '@/bindings/stream_registry.did';
import type { Anchor } from './certificate';
import type { VerificationCode } from './error';
import type { Leaf } from './leaf';
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

/** That a chunk's leaf lies in a stream's log. */
export interface LeafRequest {
  kind: 'leaf';
  anchor: Anchor;
  stream: bigint;
  sequence: bigint;
  /** The reply to `inclusion_proof`, in Candid. */
  reply: Uint8Array;
  now: bigint;
}

/** A round's report, or the model in force, of a federated task. */
export interface FederatedRequest {
  kind: 'federated';
  anchor: Anchor;
  task: bigint;
  /** The report of this round; the model in force if absent. */
  round: number | undefined;
  /** The reply to `report` or `model_info`, in Candid. */
  reply: Uint8Array;
  now: bigint;
}

/** Where canisters are asked, and whose answers count. */
export interface Network {
  host: string;
  /** The network's root key, in DER. */
  rootKey: Uint8Array;
}

/** A query of nobody's in particular. */
export interface AskRequest {
  kind: 'ask';
  network: Network;
  canister: string;
  method: string;
  /** The argument in Candid. */
  arg: Uint8Array;
  /** Whether a node's signature is asked for; without, the reply is to prove itself. */
  signed: boolean;
}

/** Who controls a canister. */
export interface ControllersRequest {
  kind: 'controllers';
  network: Network;
  canister: string;
}

export type VerifyRequest = PullRequest | LicenceRequest | LeafRequest | FederatedRequest;
export type QuestionRequest = AskRequest | ControllersRequest;
export type WorkRequest = VerifyRequest | QuestionRequest;

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

/** A record whose SHA-256 is certified. It is decoded by whom it is for: classes do not survive the way from the worker. */
export interface ProvedRecord {
  /** The record in Candid. */
  encoded: Uint8Array;
  /** Its SHA-256: what the canister certifies. */
  hash: Uint8Array;
  /** The root of the canister's hash tree, which the network certifies. */
  certifiedData: Uint8Array;
  certifiedAt: bigint;
  /** The subnet that signed; absent where the root key itself did. */
  subnet: string | undefined;
}

export type WorkAnswer =
  | { kind: 'pulled'; pulled: VerifiedPull }
  | { kind: 'licence'; licence: VerifiedLicence }
  | { kind: 'leaf'; leaf: Leaf }
  | { kind: 'unproved'; error: ProofError }
  | { kind: 'record'; record: ProvedRecord | undefined }
  | { kind: 'refused'; error: PullError }
  | { kind: 'replied'; arg: Uint8Array }
  | { kind: 'controllers'; controllers: string[] }
  | { kind: 'unanswered'; message: string }
  | { kind: 'needs-consistency'; first: bigint; second: bigint }
  | { kind: 'failed'; code: VerificationCode; message: string };
