// Accounts in the textual form of ICRC-1, and the default account of a principal.
import { Principal } from '@icp-sdk/core/principal';
import { fromHex, toHex } from '@/verify/bytes';

export interface Account {
  owner: Principal;
  subaccount: [] | [Uint8Array];
}

export const defaultAccount = (owner: Principal): Account => ({ owner, subaccount: [] });

/** CRC-32 (ISO 3309), as the textual form of accounts uses it. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

function checksum(owner: Principal, subaccount: Uint8Array): string {
  const crc = crc32(Uint8Array.from([...owner.toUint8Array(), ...subaccount]));
  // 32 bits are 7 digits of 5 bits, the last padded with zeros.
  let bits = BigInt(crc) << 3n;
  let text = '';
  for (let digit = 0; digit < 7; digit += 1) {
    text = (ALPHABET[Number(bits & 31n)] ?? '') + text;
    bits >>= 5n;
  }
  return text;
}

/** ICRC-1, "Textual encoding of accounts". */
export function accountText({ owner, subaccount }: Account): string {
  const bytes = subaccount[0];
  if (!bytes || bytes.every((byte) => byte === 0)) return owner.toText();
  return `${owner.toText()}-${checksum(owner, bytes)}.${toHex(bytes).replace(/^0+/, '')}`;
}

/** The account of a text; what is wrong with it, otherwise. */
export function parseAccount(text: string): { account: Account } | { fault: string } {
  const trimmed = text.trim();
  if (!trimmed) return { fault: 'Enter an account.' };
  const [left = '', digits] = trimmed.split('.');
  try {
    if (digits === undefined) return { account: defaultAccount(Principal.fromText(left)) };
    const cut = left.lastIndexOf('-');
    const owner = Principal.fromText(left.slice(0, cut));
    const subaccount = fromHex(digits.padStart(64, '0'));
    if (subaccount.length !== 32 || checksum(owner, subaccount) !== left.slice(cut + 1)) {
      return { fault: 'The checksum does not fit: a character is missing or wrong.' };
    }
    return { account: { owner, subaccount: [subaccount] } };
  } catch {
    return { fault: 'This is neither a principal nor an account.' };
  }
}

export const sameAccount = (a: Account, b: Account): boolean => accountText(a) === accountText(b);
