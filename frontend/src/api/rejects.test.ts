import {
  CertifiedRejectErrorCode,
  RejectError,
  ReplicaRejectCode,
  UncertifiedRejectUpdateErrorCode,
  type RequestId,
} from '@icp-sdk/core/agent';
import { describe, expect, it } from 'vitest';
import { certainlyNotDone } from './rejects';

const request = new Uint8Array(32) as RequestId;

describe('a rejected call', () => {
  it.each([
    [ReplicaRejectCode.SysFatal, undefined, true],
    [ReplicaRejectCode.SysTransient, 'IC0207', true],
    [ReplicaRejectCode.DestinationInvalid, 'IC0301', true],
    [ReplicaRejectCode.CanisterError, 'IC0508', true],
    [ReplicaRejectCode.CanisterError, 'IC0536', true],
    // It trapped, perhaps after another canister was paid.
    [ReplicaRejectCode.CanisterError, 'IC0503', false],
    [ReplicaRejectCode.CanisterError, undefined, false],
    [ReplicaRejectCode.CanisterReject, 'IC0406', false],
  ])('with code %s %s: certainly not done is %s', (code, errorCode, expected) => {
    const certified = new CertifiedRejectErrorCode(request, code, 'no', errorCode);
    expect(certainlyNotDone(RejectError.fromCode(certified))).toBe(expected);
    const told = new UncertifiedRejectUpdateErrorCode(request, code, 'no', errorCode);
    expect(certainlyNotDone(RejectError.fromCode(told))).toBe(false);
  });

  it('should leave open what a lost connection did', () => {
    expect(certainlyNotDone(new TypeError('Failed to fetch'))).toBe(false);
  });
});
