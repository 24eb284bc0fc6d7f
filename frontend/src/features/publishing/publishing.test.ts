import { Principal } from '@icp-sdk/core/principal';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CallFailed, Refused } from '@/api/agent';
import type { AppendArgs, NewChunk } from '@/api/registry';
import { FileFault } from '@/features/files/read-text';
import {
  batches,
  checkDocument,
  cutAsBefore,
  cutLines,
  cutWhole,
  labelsIn,
  MAX_BATCH_BYTES,
  type Cutting,
} from './chunks';
import { fromDraft, NEW_DRAFT, parseContributors } from './draft';
import { mayPublish } from './may-publish';
import { openPublish, publish, type PublishNote, type PublishOptions } from './publish';

const api = vi.hoisted(() => ({ append: vi.fn(), getStream: vi.fn() }));
vi.mock('@/api/registry', () => api);

const cutting: Cutting = {
  records: 2,
  bytes: 1_000,
  creditField: 'properties.net',
  contributors: new Map([
    ['ci', 0],
    ['nc', 1],
  ]),
  creditTo: undefined,
  timestamp: 7n,
};
const line = (net: string, id: number) => `{"id":${id},"properties":{"net":"${net}"}}`;
const text = [line('nc', 1), line('ci', 2), '', line('nc', 3)].join('\n');
const told = ({ payload }: NewChunk) => new TextDecoder().decode(payload);

describe('cutting', () => {
  it('should credit each record to whom its field names, in ascending order, and leave empty lines out', () => {
    const chunks = cutLines(text, cutting);
    expect(chunks.map(told)).toEqual([`${line('nc', 1)}\n${line('ci', 2)}\n`, `${line('nc', 3)}\n`]);
    expect(chunks.map(({ credits }) => credits)).toEqual([
      [
        { contributor: 0, records: 1n },
        { contributor: 1, records: 1n },
      ],
      [{ contributor: 1, records: 1n }],
    ]);
    expect(labelsIn(text, 'properties.net')).toEqual(['nc', 'ci']);
  });

  it('should name the line that cannot be published', () => {
    expect(() => cutLines(`${line('ci', 1)}\n${line('us', 2)}`, cutting)).toThrow(
      'Line 2: “us” is not among',
    );
    expect(() => cutLines('{"a":1}', cutting)).toThrow('Line 1: there is no field');
    expect(() => cutLines('\n\nno json', cutting)).toThrow('Line 3, column 1: this is not JSON: “no”');
    expect(() => cutWhole(new Uint8Array(MAX_BATCH_BYTES), cutting)).toThrow(FileFault);
    const long = `"${'x'.repeat(3_000_000)}"`;
    expect(() => cutLines(long, { ...cutting, creditField: undefined })).toThrow(
      `Line 1: it has ${(3_000_003).toLocaleString()} bytes`,
    );
  });

  it.each([
    ['{"a":NaN}', 'Line 1, column 6: this is not JSON: “NaN” is no value of JSON.'],
    ['{"a":1}\n{"a":2', 'Line 2, column 7: this is not JSON: it ends before its “}”.'],
    ["{'a':1}", 'Line 1, column 2: this is not JSON: a name in double quotes (") is expected.'],
    ['{"a":1}{"a":2}', 'Line 1, column 8: this is not JSON: more follows after the value'],
    ['{"a":1,}', 'Line 1, column 8: this is not JSON: a name in double quotes'],
    ['[1 2]', 'Line 1, column 4: this is not JSON: a comma or “]” is expected.'],
    ['"\\ud800"', 'Line 1, column 2: this is not JSON: half of a character stands alone in a text.'],
    ['"\\x"', 'Line 1, column 2: this is not JSON: “\\” begins nothing that JSON knows.'],
    ['"abc', 'Line 1, column 1: this is not JSON: a text begins here and has no end.'],
    ['0;0;10', 'Line 1, column 2: this is not JSON: more follows after the value'],
    ['01', 'Line 1, column 2: this is not JSON: more follows after the value'],
  ])('should say where %s is no JSON, and why', (records, told) => {
    expect(() => cutLines(records, { ...cutting, creditField: undefined })).toThrow(told);
  });

  it('should end lines in one way, and cut a file that was begun before as before', () => {
    const one = { ...cutting, creditField: undefined, creditTo: 0 };
    for (const end of ['\n', '\r\n', '\r']) {
      expect(cutLines(`{"a":1}${end}{"a":2}${end}`, one).map(told)).toEqual(['{"a":1}\n{"a":2}\n']);
    }
    expect(cutAsBefore('{"a":1}\r\nno json\r\n', one).map(told)).toEqual(['{"a":1}\r\nno json\r\n']);
  });

  it('should name the place in a document', () => {
    expect(() => checkDocument('{\r\n  "a": [1,\r\n  tru]\r\n}')).toThrow(
      'Line 3, column 3: this is not JSON: “tru” is no value of JSON.',
    );
    expect(() => checkDocument('\n[1, {"a": "\\ud83d\\ude00"}]\n')).not.toThrow();
  });

  it('should fill batches up to what one call takes', () => {
    const chunk = (bytes: number): NewChunk => ({
      payload: new Uint8Array(bytes),
      credits: [],
      provider_timestamp: 0n,
    });
    const sizes = (chunks: NewChunk[]) => batches(chunks).map(({ length }) => length);
    expect(sizes([])).toEqual([]);
    expect(sizes(Array.from({ length: 2_001 }, () => chunk(1)))).toEqual([1_000, 1_000, 1]);
    expect(sizes(Array.from({ length: 5 }, () => chunk(700_000)))).toEqual([2, 2, 1]);
  });
});

describe('publishing', () => {
  /** A registry's log, as far as appending goes. */
  let stored: NewChunk[];
  let note: PublishNote;
  const chunks = Array.from({ length: 3 }, (_, index) => ({
    payload: new Uint8Array(900_000).fill(index),
    credits: [],
    provider_timestamp: 7n,
  }));
  const options = { registry: 'r', storage: localStorage, onProgress: vi.fn(), pauses: [0] };
  const write = ({ expected_sequence, chunks }: AppendArgs) => {
    const at = Number(expected_sequence);
    if (at > stored.length)
      return Promise.reject(new Refused('append', { WrongSequence: { expected: BigInt(stored.length) } }));
    const already = at < stored.length;
    if (!already) stored.push(...chunks);
    return Promise.resolve({ first_sequence: expected_sequence, already_stored: already });
  };

  beforeEach(() => {
    vi.resetAllMocks();
    localStorage.clear();
    stored = [];
    note = {
      version: 1,
      stream: '4',
      fileName: 'a',
      fileHash: 'b',
      records: 1,
      bytes: 1,
      timestamp: '7',
      done: 0,
      total: 0,
    };
    api.getStream.mockImplementation(() => Promise.resolve({ chunks: BigInt(stored.length) }));
    api.append.mockImplementation(write);
  });

  it('should append everything once, in order, and forget its note', async () => {
    await expect(publish(note, chunks, options)).resolves.toBe(3n);
    expect(stored).toEqual(chunks);
    expect(openPublish(localStorage, 'r', '4')).toBeUndefined();
    expect(options.onProgress).toHaveBeenLastCalledWith(3, 3);
  });

  it('should look at what was appended before it counts as done, and again when it is taken up', async () => {
    const check = vi.fn<NonNullable<PublishOptions['check']>>().mockResolvedValue(undefined);
    check.mockRejectedValueOnce(new Error('credited to others'));
    await expect(publish(note, chunks, { ...options, check })).rejects.toThrow('credited to others');
    const open = openPublish(localStorage, 'r', '4');
    expect(open).toMatchObject({ done: 0, at: '0' });
    if (open) await expect(publish(open, chunks, { ...options, check })).resolves.toBe(3n);
    expect(check.mock.calls.map(([first, batch]) => [first, batch.length])).toEqual([
      [0n, 2],
      [0n, 2],
      [2n, 1],
    ]);
    expect(stored).toEqual(chunks);
  });

  it('should write nothing twice where answers are lost, also after a reload', async () => {
    api.append.mockImplementation(async (args: AppendArgs) => {
      await write(args);
      throw new CallFailed('append', 'unknown', new Error('lost'));
    });
    await expect(publish(note, chunks, options)).rejects.toBeInstanceOf(CallFailed);
    expect(stored).toHaveLength(2);
    api.append.mockImplementation(write);
    const kept = openPublish(localStorage, 'r', '4');
    expect(kept?.done).toBe(0);
    await publish(kept ?? note, chunks, options);
    expect(stored).toEqual(chunks);
  });

  it('should go behind what somebody else published meanwhile', async () => {
    api.getStream.mockResolvedValueOnce({ chunks: 5n });
    await expect(publish(note, chunks, options)).rejects.toBeInstanceOf(Refused);
    await publish(openPublish(localStorage, 'r', '4') ?? note, chunks, options);
    expect(stored).toEqual(chunks);
  });
});

describe('a draft', () => {
  const owner = Principal.fromText('aaaaa-aa');

  it('should become the arguments of create_stream', () => {
    const made = fromDraft(
      {
        ...NEW_DRAFT,
        name: ' Tides ',
        tags: 'sea, live',
        share: '62.5',
        contributors: 'north\nsouth, aaaaa-aa',
      },
      owner,
    );
    expect(made).toMatchObject({
      args: {
        name: 'Tides',
        tags: ['sea', 'live'],
        contributors_share_bps: 6_250,
        licence_terms: { Spdx: 'CC-BY-4.0' },
        contributors: [
          { label: 'north', account: [] },
          { label: 'south', account: [{ subaccount: [] }] },
        ],
      },
    });
  });

  it('should say what is wrong, field by field', () => {
    const made = fromDraft(
      { ...NEW_DRAFT, name: '', share: '101', schema: '{', contributors: 'a\na' },
      owner,
    );
    expect(made).toHaveProperty('faults');
    expect(Object.keys('faults' in made ? made.faults : {}).sort()).toEqual([
      'contributors',
      'name',
      'schema',
      'share',
    ]);
    expect(parseContributors('a, nobody')).toHaveProperty('fault');
  });

  it('should take what was copied out of a file, and say where it is wrong', () => {
    const filled = { ...NEW_DRAFT, name: 'n' };
    const copied = fromDraft(
      { ...filled, schema: '\ufeff{\r\n"type":"object"}\r\n', contributors: '\ufeffa\r\nb\rc' },
      owner,
    );
    expect('args' in copied && copied.args.schema).toEqual(['{\r\n"type":"object"}']);
    expect('args' in copied && copied.args.contributors.map(({ label }) => label)).toEqual(['a', 'b', 'c']);
    const wrong = fromDraft({ ...filled, schema: '{\n  "type": object\n}' }, owner);
    expect('faults' in wrong && wrong.faults.schema).toBe(
      'Line 2, column 11: this is not JSON: “object” is no value of JSON.',
    );
  });
});

describe('streams of others', () => {
  const me = Principal.fromText('aaaaa-aa');
  const other = Principal.fromText('2vxsx-fae');
  it.each<[string, Parameters<typeof mayPublish>[0], boolean]>([
    ['nobody else publishes', [], false],
    ['somebody else does', [{ principal: other, expires_at: [], quota: [] }], false],
    [
      'one may for ever',
      [
        { principal: other, expires_at: [], quota: [] },
        { principal: me, expires_at: [], quota: [] },
      ],
      true,
    ],
    ['one may until later', [{ principal: me, expires_at: [11n], quota: [] }], true],
    ['one might until now', [{ principal: me, expires_at: [10n], quota: [] }], false],
  ])('should be one’s to publish to where the list says so: %s', (_, publishers, expected) => {
    expect(mayPublish(publishers, me.toText(), 10n)).toBe(expected);
  });
});
