// What the worker does with a request; apart from the worker itself, so that it can be tested and measured.
import { IDL } from '@icp-sdk/core/candid';
import {
  idlFactory,
  type CertifiedLicence,
  type ConsistencyProof,
  type InclusionProof,
  type Licence,
  type ProofError,
  type Pulled,
  type PullError,
} from '@/bindings/stream_registry.did';
import { ask, controllers } from './ask';
import { equalBytes } from './bytes';
import { certifiedLicenceHash, checkFreshness, verifyCertificate } from './certificate';
import { VerificationError } from './error';
import { verifyRecord } from './federated';
import { leafHash, sha256, type Hash } from './hash';
import { decodeLeaf } from './leaf';
import { inclusionFault } from './proof';
import type { LeafRequest, LicenceRequest, PullRequest, WorkAnswer, WorkRequest } from './protocol';
import { consistencyNeeded, verifiedHead, verifyPull } from './pull';
import { restore, store } from './stored';

const service = idlFactory({ IDL });

function returns(method: string): IDL.Type[] {
  const found = service._fields.find(([name]) => name === method);
  if (!found) throw new Error(`the interface has no method ${method}`);
  return found[1].retTypes;
}

function decode(method: string, bytes: Uint8Array): unknown {
  return IDL.decode(returns(method), bytes)[0];
}

/** Asks, or verifies what a request holds. Never throws. */
export async function work(request: WorkRequest): Promise<WorkAnswer> {
  try {
    switch (request.kind) {
      case 'pull':
        return await pull(request);
      case 'licence':
        return await licence(request);
      case 'leaf':
        return await leaf(request);
      case 'federated':
        return { kind: 'record', record: await verifyRecord(request) };
      case 'ask':
        return await ask(request);
      case 'controllers':
        return await controllers(request);
    }
  } catch (error) {
    if (error instanceof VerificationError)
      return { kind: 'failed', code: error.code, message: error.message };
    return {
      kind: 'failed',
      code: 'certificate-malformed',
      message: `the reply cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

async function pull(request: PullRequest): Promise<WorkAnswer> {
  const answer = decode('pull', request.reply) as { Ok: Pulled } | { Err: PullError };
  if ('Err' in answer) return { kind: 'refused', error: answer.Err };
  const reply = answer.Ok;
  const held = request.held && restore(request.held);
  let consistency: Hash[] | undefined;
  if (request.consistency) {
    const proof = decode('consistency_proof', request.consistency) as
      { Ok: ConsistencyProof } | { Err: unknown };
    if ('Ok' in proof) consistency = proof.Ok.path;
  } else {
    const needed = consistencyNeeded(held, request.from, reply);
    if (needed) return { kind: 'needs-consistency', ...needed };
  }
  const { stream, from, withLeft, now } = request;
  const verified = await verifyPull(request.anchor, {
    stream,
    from,
    reply,
    held,
    withLeft,
    consistency,
    now,
  });
  const { head, certifiedAt, range } = verified.held;
  return {
    kind: 'pulled',
    pulled: { ...verified, held: store(verified.held), head, certifiedAt, next: range.end },
  };
}

async function licence({ anchor, licence: id, reply, now }: LicenceRequest): Promise<WorkAnswer> {
  const told = decode('licence', reply) as CertifiedLicence;
  const certificate = told.certificate[0];
  if (!certificate) throw new VerificationError('certificate-missing', 'the reply has no certificate');
  const certified = await verifyCertificate(certificate, anchor);
  checkFreshness(certified.time, now);
  const entry = await certifiedLicenceHash(told.witness, certified, id);
  const encoded = told.encoded[0];
  if (!entry && told.licence.length === 0) {
    return { kind: 'licence', licence: { licence: undefined, certifiedAt: certified.time } };
  }
  if (!entry || !encoded || !equalBytes(sha256(encoded), entry)) {
    throw new VerificationError('licence-altered', `licence ${id}: its bytes are not the certified ones`);
  }
  const type = returns('buy')[0] as IDL.VariantClass;
  const licenceType = type._fields.find(([name]) => name === 'Ok')?.[1];
  if (!licenceType) throw new Error('the interface has no licence');
  const proved = IDL.decode([licenceType], encoded)[0] as unknown as Licence;
  if (proved.id !== id)
    throw new VerificationError('licence-altered', `this is licence ${proved.id}, not ${id}`);
  const {
    stream,
    owner: { owner },
    expires_at: [expiresAt],
  } = proved;
  return {
    kind: 'licence',
    licence: { licence: { stream, owner: owner.toText(), expiresAt }, certifiedAt: certified.time },
  };
}

/** A leaf by its certificate, the head that it certifies, and the path from the leaf to the head's root. */
async function leaf({ anchor, stream, sequence, reply, now }: LeafRequest): Promise<WorkAnswer> {
  const answer = decode('inclusion_proof', reply) as { Ok: InclusionProof } | { Err: ProofError };
  if ('Err' in answer) return { kind: 'unproved', error: answer.Err };
  const proof = answer.Ok;
  const { head } = await verifiedHead(anchor, stream, proof.head, now);
  const fault =
    proof.tree_size === head.size
      ? inclusionFault(leafHash(proof.leaf), sequence, head.size, proof.path, head.root)
      : `the proof is for a tree of ${proof.tree_size} leaves, the head has ${head.size}`;
  if (fault) throw new VerificationError('root', `chunk ${sequence}: ${fault}`);
  // What lies in the certified log is a leaf of this number.
  return { kind: 'leaf', leaf: decodeLeaf(proof.leaf) };
}
