// Writes vectors.json: the arguments of the ledger's three hot calls as @icp-sdk/core encodes them, and the replies that it decodes.
// Run: npm ci && npm run vectors
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { IDL } from "@icp-sdk/core/candid";
import { Principal } from "@icp-sdk/core/principal";

const Subaccount = IDL.Vec(IDL.Nat8);
const Account = IDL.Record({ owner: IDL.Principal, subaccount: IDL.Opt(Subaccount) });
const Memo = IDL.Opt(IDL.Vec(IDL.Nat8));

const TransferArg = IDL.Record({
  from_subaccount: IDL.Opt(Subaccount),
  to: Account,
  amount: IDL.Nat,
  fee: IDL.Opt(IDL.Nat),
  memo: Memo,
  created_at_time: IDL.Opt(IDL.Nat64),
});
const ApproveArgs = IDL.Record({
  from_subaccount: IDL.Opt(Subaccount),
  spender: Account,
  amount: IDL.Nat,
  expected_allowance: IDL.Opt(IDL.Nat),
  expires_at: IDL.Opt(IDL.Nat64),
  fee: IDL.Opt(IDL.Nat),
  memo: Memo,
  created_at_time: IDL.Opt(IDL.Nat64),
});
const TransferFromArgs = IDL.Record({
  spender_subaccount: IDL.Opt(Subaccount),
  from: Account,
  to: Account,
  amount: IDL.Nat,
  fee: IDL.Opt(IDL.Nat),
  memo: Memo,
  created_at_time: IDL.Opt(IDL.Nat64),
});

const GenericError = IDL.Record({ error_code: IDL.Nat, message: IDL.Text });
const CommonErrors = {
  BadFee: IDL.Record({ expected_fee: IDL.Nat }),
  InsufficientFunds: IDL.Record({ balance: IDL.Nat }),
  TooOld: IDL.Null,
  CreatedInFuture: IDL.Record({ ledger_time: IDL.Nat64 }),
  Duplicate: IDL.Record({ duplicate_of: IDL.Nat }),
  TemporarilyUnavailable: IDL.Null,
  GenericError,
};
const BadBurn = IDL.Record({ min_burn_amount: IDL.Nat });
const errors = {
  icrc1_transfer: IDL.Variant({ ...CommonErrors, BadBurn }),
  icrc2_approve: IDL.Variant({
    ...CommonErrors,
    AllowanceChanged: IDL.Record({ current_allowance: IDL.Nat }),
    Expired: IDL.Record({ ledger_time: IDL.Nat64 }),
  }),
  icrc2_transfer_from: IDL.Variant({
    ...CommonErrors,
    BadBurn,
    InsufficientAllowance: IDL.Record({ allowance: IDL.Nat }),
  }),
};

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const blob = (label, length) => {
  const bytes = [];
  for (let block = 0; bytes.length < length; block += 1) {
    bytes.push(...createHash("sha256").update(`${label}/${block}`).digest());
  }
  return Uint8Array.from(bytes.slice(0, length));
};
const account = (label, ownerLength, withSubaccount) => ({
  owner: Principal.fromUint8Array(blob(`${label}/owner`, ownerLength)),
  subaccount: withSubaccount ? [blob(`${label}/subaccount`, 32)] : [],
});

// Amounts at the edges of one and two LEB128 groups, of 64 and of 128 bits.
const amounts = [0n, 127n, 128n, 10_000n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n, 1n << 64n, (1n << 128n) - 1n];
const times = [0n, 1_762_000_000_000_000_000n, (1n << 64n) - 1n];
const memoLengths = [0, 8, 41, 80, 200];
const ownerLengths = [29, 10, 1, 0];

// Case 0 leaves every optional field out, case 1 fills every one, the others take turns.
const present = (n, bit) => n === 1 || (n !== 0 && ((n >> bit) & 1) === 1);
const cases = [...Array(12).keys()];
const common = (n) => ({
  amount: amounts[n % amounts.length],
  fee: present(n, 0) ? [amounts[(n + 3) % amounts.length]] : [],
  memo: present(n, 1) ? [blob(`memo/${n}`, memoLengths[n % memoLengths.length])] : [],
  created_at_time: present(n, 2) ? [times[n % times.length]] : [],
});
const methods = {
  icrc1_transfer: [TransferArg, (n) => ({
    ...common(n),
    from_subaccount: present(n, 3) ? [blob(`from/${n}`, 32)] : [],
    to: account(`to/${n}`, ownerLengths[n % ownerLengths.length], present(n, 1)),
  })],
  icrc2_approve: [ApproveArgs, (n) => ({
    ...common(n),
    from_subaccount: present(n, 3) ? [blob(`from/${n}`, 32)] : [],
    spender: account(`spender/${n}`, ownerLengths[n % ownerLengths.length], present(n, 1)),
    expected_allowance: present(n, 2) ? [amounts[(n + 5) % amounts.length]] : [],
    expires_at: present(n, 1) ? [times[(n + 1) % times.length]] : [],
  })],
  icrc2_transfer_from: [TransferFromArgs, (n) => ({
    ...common(n),
    spender_subaccount: present(n, 3) ? [blob(`spender/${n}`, 32)] : [],
    from: account(`from/${n}`, ownerLengths[n % ownerLengths.length], present(n, 1)),
    to: account(`to/${n}`, ownerLengths[(n + 1) % ownerLengths.length], present(n, 0)),
  })],
};

// As JSON: numbers in decimal, bytes in hex, an absent optional field as null.
const plain = (value) => {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return hex(value);
  if (value instanceof Principal) return hex(value.toUint8Array());
  if (Array.isArray(value)) return value.length === 0 ? null : plain(value[0]);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
};

const calls = Object.entries(methods).flatMap(([method, [type, make]]) =>
  cases.map((n) => {
    const value = make(n);
    const bytes = IDL.encode([type], [value]);
    assert.deepEqual(plain(IDL.decode([type], bytes)[0]), plain(value));
    return { method, args: plain(value), encoded: hex(bytes) };
  }),
);

// The reply in the subtype `variant { Ok : nat }`: JavaScript must read it as each method's whole result.
const OkOnly = IDL.Variant({ Ok: IDL.Nat });
const replies = [0n, 1n, 127n, 128n, 16_384n, (1n << 32n) - 1n, 1n << 56n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n].map((block) => {
  const bytes = IDL.encode([OkOnly], [{ Ok: block }]);
  for (const error of Object.values(errors)) {
    assert.deepEqual(IDL.decode([IDL.Variant({ Ok: IDL.Nat, Err: error })], bytes), [{ Ok: block }]);
  }
  return { block_index: block.toString(), encoded: hex(bytes) };
});

writeFileSync(new URL("vectors.json", import.meta.url), `${JSON.stringify({ calls, replies }, null, 1)}\n`);
console.log(`${calls.length} calls, ${replies.length} replies`);
