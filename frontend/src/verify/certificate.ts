// From a certificate to the hash of a stream's head. (IC interface specification, "Certification".) The signature, the delegation and
// its canister ranges are checked by @icp-sdk/core; the freshness is checked here, so that every refusal has its own words.
import {
  Cbor,
  Certificate,
  LookupPathStatus,
  lookup_path,
  reconstruct,
  type HashTree,
} from '@icp-sdk/core/agent';
import { Principal } from '@icp-sdk/core/principal';
import { duration } from '@/lib/time';
import { equalBytes, toHex, u64 } from './bytes';
import { VerificationError } from './error';
import type { Hash } from './hash';
import { isSigned } from './signatures';

const NS_PER_SECOND = 1_000_000_000n;
/** The oldest certificate accepted. */
export const MAX_AGE_NS = 300n * NS_PER_SECOND;
/** How far a certificate may be ahead of this machine's clock. */
export const MAX_AHEAD_NS = 60n * NS_PER_SECOND;

/** To whom everything is proved, and about which canister. */
export interface Anchor {
  /** The network's root key, in DER. */
  rootKey: Uint8Array;
  /** The canister, as text. */
  canister: string;
}

/** A canister's certified entry, and who vouches for it. */
export interface Certified {
  /** The canister's certified data: the root of its own hash tree. */
  data: Hash;
  /** When the network certified it, ns since the Unix epoch. */
  time: bigint;
  /** The subnet that signed; absent where the root key itself did. */
  subnet: string | undefined;
}

/** Checks signature, delegation and canister; answers the canister's certified data. */
export async function verifyCertificate(certificate: Uint8Array, anchor: Anchor): Promise<Certified> {
  const canister = Principal.fromText(anchor.canister);
  const checked = await openCertificate(certificate, anchor.rootKey, canister);
  const data = checked.lookup_path(['canister', canister.toUint8Array(), 'certified_data']);
  if (data.status !== LookupPathStatus.Found || data.value.length !== 32) {
    throw new VerificationError(
      'certificate-of-other-canister',
      `the certificate is not about canister ${anchor.canister}: it holds no certified data of it`,
    );
  }
  const time = checked.lookup_path(['time']);
  const subnet = checked.cert.delegation?.subnet_id;
  return {
    data: data.value,
    time: time.status === LookupPathStatus.Found ? leb128(time.value) : 0n,
    subnet: subnet && Principal.fromUint8Array(subnet).toText(),
  };
}

async function openCertificate(
  certificate: Uint8Array,
  rootKey: Uint8Array,
  canisterId: Principal,
): Promise<Certificate> {
  try {
    return await Certificate.create({
      certificate,
      rootKey,
      principal: { canisterId },
      disableTimeVerification: true,
      blsVerify: isSigned,
    });
  } catch (error) {
    throw nameCertificateFault(error, canisterId);
  }
}

function nameCertificateFault(error: unknown, canister: Principal): VerificationError {
  const kind = (error as { code?: { name?: string } }).code?.name ?? '';
  const said = error instanceof Error ? error.message : String(error);
  if (kind === 'CertificateNotAuthorizedErrorCode') {
    return new VerificationError(
      'delegation',
      `the delegation does not cover canister ${canister}: the subnet that signed may not certify for it`,
    );
  }
  if (kind === 'CertificateHasTooManyDelegationsErrorCode' || /range|delegation|subnet/i.test(said)) {
    return new VerificationError('delegation', `the delegation to the subnet does not hold: ${said}`);
  }
  if (kind === 'CertificateVerificationErrorCode') {
    return new VerificationError(
      'certificate-signature',
      "the certificate's signature is wrong: it was altered, or another network signed it",
    );
  }
  return new VerificationError('certificate-malformed', `the certificate cannot be read: ${said}`);
}

/** Refuses certificates that are too old or from the future. */
export function checkFreshness(certifiedAt: bigint, now: bigint): void {
  if (certifiedAt > now + MAX_AHEAD_NS) {
    throw new VerificationError(
      'certificate-from-future',
      `the certificate is from the future: it is ${duration(certifiedAt - now)} ahead of this machine's clock`,
    );
  }
  if (now - certifiedAt > MAX_AGE_NS) {
    throw new VerificationError(
      'certificate-too-old',
      `the certificate is ${duration(now - certifiedAt)} old; at most ${duration(MAX_AGE_NS)} are accepted`,
    );
  }
}

/** Checks that a witness leads to the certified data; its tree. */
async function openWitness(witness: Uint8Array, certified: Certified): Promise<HashTree> {
  let tree: HashTree;
  let root: Hash;
  try {
    tree = Cbor.decode<HashTree>(witness);
    root = await reconstruct(tree);
  } catch (error) {
    throw new VerificationError('witness-malformed', `the witness cannot be read: ${String(error)}`);
  }
  if (!equalBytes(root, certified.data)) {
    throw new VerificationError(
      'witness-root',
      `the witness does not lead to the canister's certified data (its root is ${toHex(root)}, certified ${toHex(certified.data)})`,
    );
  }
  return tree;
}

/** The 32 bytes that are certified at a path; that there is nothing; or that the witness does not show it. */
export async function certifiedEntry(
  witness: Uint8Array,
  certified: Certified,
  path: readonly [label: string, key: Uint8Array],
): Promise<Hash | 'absent' | 'hidden'> {
  const tree = await openWitness(witness, certified);
  const found = lookup_path([...path], tree);
  if (found.status === LookupPathStatus.Found && found.value.length === 32) return found.value;
  return found.status === LookupPathStatus.Absent ? 'absent' : 'hidden';
}

/** The hash certified for a stream's head. */
export async function certifiedHeadHash(
  witness: Uint8Array,
  certified: Certified,
  stream: bigint,
): Promise<Hash> {
  const entry = await certifiedEntry(witness, certified, ['heads', u64(stream)]);
  if (entry === 'absent') {
    throw new VerificationError('no-such-stream', `the registry certifies that it has no stream ${stream}`);
  }
  if (entry === 'hidden') {
    throw new VerificationError('witness-without-head', `the witness shows no head of stream ${stream}`);
  }
  return entry;
}

/** The hash certified for a licence; nothing if it is certified that there is none. */
export async function certifiedLicenceHash(
  witness: Uint8Array,
  certified: Certified,
  licence: bigint,
): Promise<Hash | undefined> {
  const entry = await certifiedEntry(witness, certified, ['licences', u64(licence)]);
  if (entry === 'absent') return undefined;
  if (entry === 'hidden') {
    throw new VerificationError('licence-not-shown', `the witness does not show licence ${licence}`);
  }
  return entry;
}

/** An unsigned LEB128 number. */
function leb128(bytes: Uint8Array): bigint {
  let value = 0n;
  bytes.forEach((byte, index) => {
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
  });
  return value;
}
