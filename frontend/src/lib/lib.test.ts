import { IDL } from '@icp-sdk/core/candid';
import { Principal } from '@icp-sdk/core/principal';
import { describe, expect, it } from 'vitest';
import { CallFailed, Refused } from '@/api/agent';
import { idlFactory as aggregator } from '@/bindings/federated_aggregator.did';
import { idlFactory as ledger } from '@/bindings/icrc_ledger.did';
import { idlFactory as registry } from '@/bindings/stream_registry.did';
import { checkFreshness } from '@/verify/certificate';
import { VerificationError } from '@/verify/error';
import { accountText, defaultAccount, parseAccount } from './account';
import { formatAmount, formatNumber, parseAmount, plainNumber } from './amount';
import { explain } from './explain';
import { inWords } from './humane';
import { csv, fileStem, legible, percent, shorten, size, webLink } from './text';
import { duration, relative } from './time';

const DST = { symbol: 'DST', decimals: 8 };

describe('amounts', () => {
  it.each([
    [9_995_000_000n, '99.95'],
    [10_000n, '0.0001'],
    [1n, '0.00000001'],
    [100_000_000_000n, '1,000.00'],
    [123_456_789_012_345_678n, '1,234,567,890.12345678'],
    [-150_000_000n, '−1.50'],
    [0n, '0.00'],
  ])('should write %d as %s', (units, text) => {
    expect(formatNumber(units, 8, 'en')).toBe(text);
    expect(formatAmount(units, DST, 'en')).toBe(`${text}\u00a0DST`);
  });

  it.each([
    ['de', '1.234,50', '1234,5', '1.234'],
    ['fr', '1\u202f234,50', '1 234,5', '1.5'],
    ['en', '1,234.50', '1234.5', '1,234'],
  ])(
    'should write and read amounts as in %s, and refuse what could be misread',
    (locale, written, typed, refused) => {
      expect(formatNumber(123_450_000_000n, 8, locale)).toBe(written);
      expect(parseAmount(typed, DST, locale)).toEqual({ units: 123_450_000_000n });
      expect(parseAmount(refused, DST, locale)).toHaveProperty('fault');
    },
  );

  it('should write what a spreadsheet reads', () => {
    expect(plainNumber(9_995_000_000n, 8)).toBe('99.95000000');
    expect(plainNumber(7n, 0)).toBe('7');
  });

  it.each([
    ['12.5', 1_250_000_000n],
    ['1_000', 100_000_000_000n],
    ['.5', 50_000_000n],
    ['0.00000001', 1n],
    ['1.500000000', 150_000_000n],
  ])('should read %s exactly', (text, units) => {
    expect(parseAmount(text, DST, 'en')).toEqual({ units });
  });

  it.each(['', '0', '-1', '1.123456789', '1,5', '1e3', '.', 'DST'])('should refuse “%s”', (text) => {
    expect(parseAmount(text, DST, 'en')).toHaveProperty('fault');
  });
});

describe('accounts', () => {
  // The examples of ICRC-1, "Textual encoding of accounts".
  const owner = Principal.fromText('k2t6j-2nvnp-4zjm3-25dtz-6xhaa-c7boj-5gayf-oj3xs-i43lp-teztq-6ae');
  const subaccount = Uint8Array.from({ length: 32 }, (_, index) => index + 1);

  it('should write and read the standard’s examples', () => {
    const text =
      'k2t6j-2nvnp-4zjm3-25dtz-6xhaa-c7boj-5gayf-oj3xs-i43lp-teztq-6ae-dfxgiyy.102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20';
    expect(accountText({ owner, subaccount: [subaccount] })).toBe(text);
    expect(parseAccount(text)).toEqual({ account: { owner, subaccount: [subaccount] } });
    expect(accountText(defaultAccount(owner))).toBe(owner.toText());
    expect(accountText({ owner, subaccount: [new Uint8Array(32)] })).toBe(owner.toText());
  });

  it('should refuse a character that is wrong', () => {
    expect(parseAccount(`${owner.toText()}-dfxgiyy.1`)).toHaveProperty('fault');
    expect(parseAccount('k2t6j-2nvnp')).toHaveProperty('fault');
    expect(parseAccount(' ')).toHaveProperty('fault');
  });
});

describe('words', () => {
  it('should say times in relation to now', () => {
    const now = new Date('2026-11-21T08:00:00Z');
    const at = (seconds: number) => relative(new Date(now.getTime() + seconds * 1000), now, 'en');
    expect([at(0), at(-30), at(-180), at(-7200), at(30 * 86_400 - 1)]).toEqual([
      'now',
      '30 seconds ago',
      '3 minutes ago',
      '2 hours ago',
      'in 30 days',
    ]);
    expect(duration(30n * 86_400n * 1_000_000_000n)).toBe('30 days');
    expect(duration(60_000_000_000n)).toBe('1 minute');
    expect(duration(90_061n * 1_000_000_000n)).toBe('1 day 1 hour 1 minute');
    expect(duration(25n * 3_600n * 1_000_000_000n)).toBe('1 day 1 hour');
    expect(duration(0n)).toBe('0 seconds');
    expect(duration(1_500_000n)).toBe('less than a second');
    expect(duration(-60_000_000_000n)).toBe('minus 1 minute');
  });

  it('should shorten ids, write sizes and parts, and quote cells', () => {
    expect(shorten('7uieb-cx777-77776-qaaaq-cai')).toBe('7uieb…qaaaq-cai');
    expect(shorten('aaaaa-aa')).toBe('aaaaa-aa');
    expect(size(1_536)).toBe('1.5 KiB');
    expect(percent(250)).toBe('2.5 %');
    expect(csv([['a', 'b,c', 'd"e']])).toBe('a,"b,c","d""e"\r\n');
  });

  it('should say what happened to the money', () => {
    const refused = explain(
      new Refused('buy', { InsufficientFunds: { balance: 5n, needed: 9_995_010_000n } }),
      DST,
    );
    expect(refused.detail).toBe(
      'It holds 0.00000005\u00a0DST, and 99.9501\u00a0DST are needed. Nothing was charged.',
    );
    expect(explain(new Refused('buy', { Pending: { intent: 7n } })).detail).toContain(
      'cannot be taken twice',
    );
    expect(explain(new CallFailed('buy', 'unknown', new Error('lost'))).next).toContain(
      'repeating it is safe',
    );
    expect(explain(new CallFailed('stream', 'nothing-done', new Error('x'))).detail).toContain(
      'Nothing was changed',
    );
    expect(explain(new VerificationError('root', 'chunks do not lead to the root')).title).toBe(
      'Not verified, so not shown',
    );
  });
});

describe('a clock that is off', () => {
  const NOW = 1_796_031_271_000_000_000n;
  it.each([
    [NOW + 420_000_000_000n, 'it is 7 minutes ahead of this machine'],
    [NOW - 90_000_000_000_000n, 'The certificate is 1 day 1 hour old; at most 5 minutes are accepted.'],
  ])('should be named, with how much (%d)', (certifiedAt, told) => {
    let thrown: unknown;
    try {
      checkFreshness(certifiedAt, NOW);
    } catch (error) {
      thrown = error;
    }
    const { title, detail, next } = explain(thrown);
    expect(title).toBe('This machine’s clock seems to be off');
    expect(detail).toContain(told);
    expect(next).toContain('Set the clock');
  });
});

describe('what strangers wrote', () => {
  it.each([
    ['https://ddsx.example', 'https://ddsx.example/', 'ddsx.example'],
    ['https://ddsx.example/a?b#c', 'https://ddsx.example/a?b#c', 'ddsx.example/a?b#c'],
    // A letter of another alphabet is spelt out.
    ['https://аpple.com/', 'https://xn--pple-43d.com/', 'xn--pple-43d.com'],
    ['https://a.example\\@b.example', 'https://a.example/@b.example', 'a.example/@b.example'],
  ])('should be a link that leads where it reads: %s', (text, href, words) => {
    expect(webLink(text)).toEqual({ href, words });
  });

  it.each([
    'https://usgs.gov@evil.example/',
    'https://user:key@evil.example/',
    'http://ddsx.example',
    'javascript:alert(1)',
    ' https://ddsx.example',
    'https://',
    'data:text/html,x',
  ])('should be no link: %s', (text) => {
    expect(webLink(text)).toBeUndefined();
  });

  it('should show characters that are not seen', () => {
    expect(legible('USGS\u202e skauq\u200b')).toBe('USGS[U+202E] skauq[U+200B]');
    expect(legible('Größe 地震 👩\u200d🔬 x\u0301')).toBe('Größe 地震 👩\u200d🔬 x\u0301');
  });

  it('should be computed by no spreadsheet', () => {
    const rows = [['=HYPERLINK("https://evil.example";"x")', '+1+1', '@a', '-5.25', '12', '-a', '\tx']];
    expect(csv(rows)).toBe(
      '"\'=HYPERLINK(""https://evil.example"";""x"")",\'+1+1,\'@a,-5.25,12,\'-a,\'\tx\r\n',
    );
  });

  it('should be a file’s name that leads nowhere else', () => {
    expect(fileStem('../../etc/passwd')).toBe('etc-passwd');
    expect(fileStem('地震')).toBe('data');
    expect(fileStem('$(rm -rf ~)')).toBe('rm-rf');
  });
});

describe('what canisters say', () => {
  const refusal = (error: object) => explain(new Refused('m', error as Record<string, unknown>), DST);

  it('should have durations, parts and amounts in words', () => {
    expect(
      refusal({
        InvalidField: { field: 'duration_ns', reason: '60000000000 to 315_360_000_000_000_000' },
      }),
    ).toMatchObject({ title: 'Something is wrong with “time”', detail: '1 minute to 10 years.' });
    expect(refusal({ InvalidField: { field: 'contributors_share_bps', reason: '0 to 10000' } }).detail).toBe(
      '0 % to 100 %.',
    );
    expect(
      refusal({ PaymentRefused: { reason: "the ledger's fee is 10000 now; ask for a quote again" } }).detail,
    ).toBe("The ledger's fee is 0.0001\u00a0DST now; ask for a quote again. Nothing was charged.");
    expect(inWords('it waits 12_000_000_000 ns').words).toBe('it waits 12 seconds');
    expect(inWords('seen at 1796031271772289705 ns since the Unix epoch').words).toMatch(/2026/);
    expect(inWords('refused: 5 the canister trapped').words).toBe('the canister trapped');
    expect(explain(new Refused('buy', { InsufficientFunds: { balance: 5n } })).detail).toBe(
      'It holds 5 of the asset’s smallest unit. Nothing was charged.',
    );
  });

  it('should not show what only programs read, and keep it for those who ask', () => {
    const shown = refusal({ PaymentRefused: { reason: 'GenericError { error_code: 5, message: "x" }' } });
    expect(shown.detail).toBe('The reason was given in a form for programs. Nothing was charged.');
    expect(shown.inFull).toBe('GenericError { error_code: 5, message: "x" }');
    expect(
      refusal({ Payment: { InsufficientFunds: { balance: 5n, needed: 100_000_000n } } }).detail,
    ).toContain('1.00\u00a0DST are needed');
    expect(refusal({ SomethingNewHappened: null }).detail).toBe('Something new happened.');
    expect(refusal({ LimitReached: { limit: 'open purchases', max: 10n } }).detail).toBe(
      'Open purchases: at most 10.',
    );
  });

  /** Values of a type with numbers as large as they get: one of each variant, within others too. */
  const samples = (type: IDL.Type, called = ''): unknown[] => {
    if (type instanceof IDL.RecClass) return samples(type.getType() as IDL.Type, called);
    if (type instanceof IDL.RecordClass) {
      return [
        Object.fromEntries(type._fields.map(([name, field]) => [name, samples(field, name)[0] ?? null])),
      ];
    }
    if (type instanceof IDL.VariantClass) {
      return type._fields.flatMap(([name, field]) => samples(field).map((held) => ({ [name]: held })));
    }
    // Names of what is meant, as programs write them, and reasons.
    if (['field', 'limit', 'what'].includes(called) && type instanceof IDL.TextClass) return ['the_field_ns'];
    if (['layer', 'name', 'expected'].includes(called)) return ['features'];
    if (type instanceof IDL.TextClass) return ['the words_of a::program { at: 1796031271772289705 ns }'];
    if (type instanceof IDL.NatClass || type instanceof IDL.FixedNatClass)
      return [1_796_031_271_772_289_705n];
    if (type instanceof IDL.OptClass || type instanceof IDL.VecClass) return [[]];
    return [null];
  };

  const variant = (type: IDL.Type | undefined): [string, IDL.Type][] =>
    type && type instanceof IDL.VariantClass ? type._fields : [];
  const errors = [registry, aggregator, ledger].flatMap((factory) =>
    factory({ IDL })._fields.flatMap(([method, { retTypes }]) =>
      variant(variant(retTypes[0]).find(([name]) => name === 'Err')?.[1]).flatMap(([name, held]) =>
        samples(held).map((value) => [method, name, { [name]: value }] as const),
      ),
    ),
  );

  it('should name amounts and times as people write them', () => {
    const said = (method: string, error: object) =>
      explain(new Refused(method, error as Record<string, unknown>), DST);
    expect(said('withdraw', { NotFree: { free: 150_000_000n, ledger_fee: 10_000n } }).detail).toMatch(
      /^1\.50\u00a0DST is free.*fee of 0\.0001\u00a0DST/,
    );
    expect(said('create_stream', { Payment: { PriceAboveMax: { price: 200_000_000n } } }).detail).toContain(
      'It is 2.00\u00a0DST now',
    );
    expect(said('pull', { LicenceExpired: { expired_at: 1_796_031_271_772_289_705n } }).detail).toMatch(
      /2026/,
    );
    expect(said('withdraw', { Pending: { intent: 1n } }).detail).toContain('paid once');
    expect(said('top_up', { Quarantined: { intent: 7n } }).detail).not.toContain('licence');
  });

  const rejected = (outcome: 'nothing-done' | 'unknown', name: string, message: string, code?: string) =>
    explain(
      new CallFailed(
        'm',
        outcome,
        Object.assign(new Error('x'), {
          code: { name, rejectMessage: message, rejectErrorCode: code },
        }),
      ),
      DST,
    );

  it.each([
    [
      "Error from Canister aaaaa-aa: Canister called `ic0.trap` with message: 'the fee is 10000'.\nConsider x",
    ],
    ['Canister aaaaa-aa trapped explicitly: the fee is 10000'],
  ])('should tell what a canister says as it refuses at its door: %s', (message) => {
    const told = rejected('unknown', 'UncertifiedRejectUpdateErrorCode', message, 'IC0503');
    expect(told.title).toBe('The canister refused');
    expect(told.detail).toBe(
      'The fee is 0.0001\u00a0DST. It was refused at the door, by the word of one node: nothing was changed if that is right.',
    );
  });

  it('should tell rejections as what they are', () => {
    const door = 'UncertifiedRejectUpdateErrorCode';
    const certified = 'CertifiedRejectErrorCode';
    expect(rejected('unknown', door, 'Canister aaaaa-aa rejected the message', 'IC0406')).toMatchObject({
      title: 'Not let in',
    });
    expect(rejected('nothing-done', certified, 'stopped', 'IC0508')).toMatchObject({
      title: 'The canister is stopped',
      detail: expect.stringContaining('Nothing was changed.') as string,
    });
    expect(rejected('nothing-done', certified, 'no method', 'IC0536').next).toContain('Reload');
    expect(rejected('unknown', certified, 'heap out of bounds', 'IC0502')).toMatchObject({
      title: 'The canister failed',
      inFull: 'heap out of bounds',
    });
    // The answer to an unsigned query.
    const query = new CallFailed('m', 'nothing-done', new Error('IC0503: Canister x trapped explicitly: no'));
    expect(explain(query).detail).toBe('No. Nothing was changed.');
    expect(explain(new CallFailed('m', 'unknown', new TypeError('Failed to fetch'))).title).toBe(
      'The connection was lost',
    );
  });

  it('should have words for every refusal of every interface', () => {
    expect(errors.length).toBeGreaterThan(100);
    for (const [method, name, error] of errors) {
      const { title, detail, next } = explain(new Refused(method, error), DST);
      // What is said of refusals that nobody has words for.
      expect(title, `${method}: ${Object.keys(Object.values(error)[0] ?? {}).join()} of ${name}`).not.toBe(
        'The canister refused',
      );
      for (const words of [title, detail, next]) {
        expect(words, `${method}: ${name}`).toMatch(/^[^{}]+$/);
        // Names in one word are words; others are not written as programs write them.
        expect(words, `${method}: ${name}`).not.toMatch(
          /\b[A-Z][a-z]+[A-Z]\w*|\w_\w|\[object|undefined|\bns\b|\d{19}/,
        );
      }
    }
  });
});
