// What a rejected call says about what it did.
import { CertifiedRejectErrorCode, RejectError, ReplicaRejectCode } from '@icp-sdk/core/agent';

/** The network's error codes for a call that no canister began: stopped, stopping, no such method, no module. */
const NOT_BEGUN: ReadonlySet<string> = new Set(['IC0508', 'IC0509', 'IC0536', 'IC0537']);

/**
 * Whether a rejected call was certainly not carried out. A canister that traps or rejects after it has called another keeps what it did
 * before, and a rejection that the network does not certify is one node's word.
 */
export function certainlyNotDone(error: unknown): boolean {
  if (!(error instanceof RejectError) || !(error.code instanceof CertifiedRejectErrorCode)) return false;
  const { rejectCode, rejectErrorCode } = error.code;
  switch (rejectCode) {
    case ReplicaRejectCode.SysFatal:
    case ReplicaRejectCode.SysTransient:
    case ReplicaRejectCode.DestinationInvalid:
      return true;
    default:
      return NOT_BEGUN.has(rejectErrorCode ?? '');
  }
}
