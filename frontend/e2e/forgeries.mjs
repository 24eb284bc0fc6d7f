// Ways to forge a reply to `pull`. Each is named by what was altered, and told as the page must tell it.
import { Cbor } from '@icp-sdk/core/agent';
import { IDL } from '@icp-sdk/core/candid';

/** What the verifier must say of each forged reply. `other` and `old` are genuine replies: of another stream, and an earlier one. */
export function forgeries(factory, { other, old }) {
  const method = factory({ IDL })._fields.find(([name]) => name === 'pull')[1];
  const decoded = (arg) => IDL.decode(method.retTypes, arg)[0];
  /** Changes what a reply says; whatever proves it stays as it was. */
  const altered = (change) => (arg) => {
    const reply = decoded(arg);
    change(reply.Ok);
    return new Uint8Array(IDL.encode(method.retTypes, [reply]));
  };
  const certificate = (change) =>
    altered(({ head }) => {
      const opened = Cbor.decode(head.certificate[0]);
      change(opened);
      head.certificate = [new Uint8Array(Cbor.encode(opened))];
    });
  const flip = (bytes, at = 0) => {
    bytes[at < 0 ? bytes.length + at : at] ^= 1;
  };
  return [
    ['a byte of a payload', altered(({ chunks }) => flip(chunks[1].payload, 9)), /its payload was altered/i],
    [
      'a length of a payload',
      altered(({ chunks }) => (chunks[0].payload = chunks[0].payload.slice(0, -1))),
      /its payload has \d+ bytes, the leaf says/i,
    ],
    // The leaf's fields in their order: version, flags, stream (8), sequence (8), provider's time (8), registry's time (8).
    [
      'a field of a leaf',
      altered(({ chunks }) => flip(chunks[0].leaf, 25)),
      /do not lead to the head's root/i,
    ],
    ['a credits list', altered(({ chunks }) => flip(chunks[0].credits, -1)), /its credits list was altered/i],
    [
      'a hash of the left frontier',
      altered(({ left_frontier }) => flip(left_frontier[0])),
      /do not lead to the head's root/i,
    ],
    [
      'a hash of the right frontier',
      altered((reply) => {
        reply.right_frontier = [...reply.right_frontier, new Uint8Array(32)];
      }),
      /wrong right frontier/i,
    ],
    ['the head’s size', altered(({ head }) => (head.head.tree_size += 1n)), /the head was altered/i],
    ['the head’s root', altered(({ head }) => flip(head.head.root)), /the head was altered/i],
    ['the head’s time', altered(({ head }) => (head.head.timestamp += 1n)), /the head was altered/i],
    [
      'the witness',
      altered(({ head }) => flip(head.witness, -1)),
      /The witness (does not lead to|cannot be read)/i,
    ],
    [
      'the certificate’s signature',
      certificate((opened) => flip(opened.signature, 20)),
      /signature is wrong/i,
    ],
    [
      'the certificate’s tree',
      certificate((opened) => alterLeaf(opened.tree)),
      /signature is wrong|no certified data/i,
    ],
    [
      'the delegation',
      certificate((opened) => {
        const inner = Cbor.decode(opened.delegation.certificate);
        flip(inner.signature, 20);
        opened.delegation.certificate = new Uint8Array(Cbor.encode(inner));
      }),
      /signature is wrong|delegation/i,
    ],
    ['no certificate', altered(({ head }) => (head.certificate = [])), /no certificate/i],
    [
      'a chunk dropped in the middle',
      altered((reply) => {
        reply.chunks = reply.chunks.filter((_, index) => index !== 1);
      }),
      /a chunk was dropped, inserted or swapped/i,
    ],
    [
      'a chunk dropped at the end',
      altered((reply) => {
        reply.chunks = reply.chunks.slice(0, -1);
      }),
      /chunks were dropped at its end/i,
    ],
    [
      'all chunks withheld',
      altered((reply) => {
        reply.chunks = [];
        reply.next -= BigInt(reply.next);
      }),
      /dropped|withheld|holds no chunk|next one/i,
    ],
    [
      'two chunks swapped',
      altered(({ chunks }) => chunks.splice(0, 2, chunks[1], chunks[0])),
      /a chunk was dropped, inserted or swapped/i,
    ],
    ['the reply of another stream', () => other, /of (another )?stream|head of stream|shows no head/i],
    ['an old reply', () => old, /an old reply/i],
  ];
}

/** Changes one byte of the first leaf of a hash tree. */
function alterLeaf(tree) {
  if (tree[0] === 3) {
    tree[1][0] ^= 1;
    return true;
  }
  return tree.slice(1).some((part) => Array.isArray(part) && alterLeaf(part));
}
