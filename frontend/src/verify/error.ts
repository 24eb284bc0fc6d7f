/** What failed; stable, so that pages and tests can tell failures apart. */
export type VerificationCode =
  | 'certificate-missing'
  | 'certificate-malformed'
  | 'certificate-signature'
  | 'certificate-of-other-canister'
  | 'certificate-too-old'
  | 'certificate-from-future'
  | 'certificate-older-than-held'
  | 'delegation'
  | 'witness-malformed'
  | 'witness-root'
  | 'witness-without-head'
  | 'no-such-stream'
  | 'head-altered'
  | 'head-of-other-stream'
  | 'head-shrank'
  | 'head-forked'
  | 'head-time-went-back'
  | 'history-rewritten'
  | 'consistency-missing'
  | 'consistency'
  | 'left-frontier'
  | 'right-frontier'
  | 'beyond-head'
  | 'leaf-malformed'
  | 'leaf-of-other-stream'
  | 'leaf-out-of-sequence'
  | 'payload-length'
  | 'payload-hash'
  | 'credits-malformed'
  | 'credits-hash'
  | 'credits-sum'
  | 'root'
  | 'next-mismatch'
  | 'chunks-withheld'
  | 'licence-not-shown'
  | 'licence-altered'
  | 'record-not-shown'
  | 'record-altered'
  | 'content-altered';

/** Why a reply is not believed. Nothing of it may be shown or kept. */
export class VerificationError extends Error {
  readonly code: VerificationCode;

  constructor(code: VerificationCode, message: string) {
    super(message);
    this.name = 'VerificationError';
    this.code = code;
  }

  /** Whether an honest node that lags behind the one asked before may be the cause. Asking again tells. */
  get mayBeLagging(): boolean {
    return mayBeLagging(this.code);
  }
}

export function mayBeLagging(code: VerificationCode): boolean {
  return ['certificate-older-than-held', 'head-shrank', 'head-time-went-back'].includes(code);
}
