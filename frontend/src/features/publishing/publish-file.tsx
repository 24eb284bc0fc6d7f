import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { environment } from '@/api/environment';
import { addContributors, getProvedLeaf, type NewChunk, type StreamInfo } from '@/api/registry';
import { Button, Failure, Notice, Panel, Progress } from '@/components/basics';
import { SelectField, TextField } from '@/components/forms';
import { contributorsQuery } from '@/features/queries';
import { counted, size } from '@/lib/text';
import { nowNs } from '@/lib/time';
import { FileFault, readText } from '@/features/files/read-text';
import { checkDocument, cutAsBefore, cutLines, cutWhole, labelsIn, type Cutting } from './chunks';
import { creditsCheck } from './credited';
import { StorageCost, chunksOf } from './storage-cost';
import { fileHash, openPublish, publish, VERSION, type PublishNote } from './publish';

const RECORDS = 100;
const BYTES = 256 * 1024;
const LINES = ['application/x-ndjson', 'application/jsonl'];

/** Publishes a file in chunks, with progress; an interruption is taken up with the same file. */
export function PublishFile({ info }: { info: StreamInfo }) {
  const { registry } = environment();
  const queries = useQueryClient();
  const contributors = useQuery(contributorsQuery(info.id));
  const picker = useRef<HTMLInputElement>(null);
  const [note, setNote] = useState(() => openPublish(localStorage, registry, String(info.id)));
  const [file, setFile] = useState<{ name: string; bytes: Uint8Array }>();
  const [by, setBy] = useState<'field' | 'one'>('one');
  const [field, setField] = useState('');
  const [to, setTo] = useState('0');
  const [progress, setProgress] = useState<{ done: number; total: number }>();
  const lines = LINES.includes(info.content_type);
  const table = contributors.data ?? [];

  const run = useMutation({
    mutationFn: async (resumed: PublishNote | undefined) => {
      if (!file) throw new FileFault('Choose a file first.');
      const hash = fileHash(file.bytes);
      if (resumed && resumed.fileHash !== hash) {
        throw new FileFault(
          `This is not the file that was begun with. Choose “${resumed.fileName}” as it was.`,
        );
      }
      const job: PublishNote = resumed ?? {
        version: VERSION,
        stream: String(info.id),
        fileName: file.name,
        fileHash: hash,
        records: RECORDS,
        bytes: BYTES,
        ...(lines && by === 'field'
          ? { creditField: field.trim() }
          : table.length > 0
            ? { creditTo: Number(to) }
            : {}),
        timestamp: String(nowNs()),
        done: 0,
        total: 0,
      };
      if (!resumed && openPublish(localStorage, registry, String(info.id))) {
        throw new FileFault(
          'A file is being published to this stream in another tab. Continue with that one.',
        );
      }
      const read = await readFile(job, file.bytes, info.content_type);
      const known = new Map(table.map(({ label, number }) => [label, number]));
      if (job.creditField !== undefined)
        await enter(info.id, labelsIn(read.text ?? '', job.creditField), known);
      const cutting = {
        records: job.records,
        bytes: job.bytes,
        creditField: job.creditField,
        creditTo: job.creditTo,
        contributors: known,
        timestamp: BigInt(job.timestamp),
      };
      const chunks = read.cut(cutting);
      if (chunks.length === 0) throw new FileFault('There is no record in it.');
      await publish(job, chunks, {
        registry,
        storage: localStorage,
        check: creditsCheck(new Map([...known].map(([label, number]) => [number, label])), (sequence) =>
          getProvedLeaf(info.id, sequence),
        ),
        onProgress: (done, total) => setProgress({ done, total }),
      });
      return chunks.length;
    },
    onSuccess: () => {
      // The same file is not to be published again by a second click.
      setFile(undefined);
      if (picker.current) picker.current.value = '';
    },
    onSettled: () => {
      setNote(openPublish(localStorage, registry, String(info.id)));
      void queries.invalidateQueries();
    },
  });

  return (
    <Panel title="Publish a file">
      {note && !run.isPending && !run.error && (
        <Notice kind="signal" title={`“${note.fileName}” is not published to its end`}>
          <p>
            {note.done} of {counted(note.total, 'chunk')} are known to be in the log. Choose the same file and
            continue: nothing is written twice.
          </p>
        </Notice>
      )}
      <div className="field">
        <label htmlFor="publish-file">File</label>
        <span className="field-hint">
          {lines
            ? 'JSON Lines: one record a line, also in gzip.'
            : `One chunk of ${info.content_type}, at most 1.9 MB.`}
        </span>
        <input
          id="publish-file"
          ref={picker}
          className="input"
          type="file"
          onChange={({ target }) => {
            const chosen = target.files?.[0];
            run.reset();
            setProgress(undefined);
            if (!chosen) {
              setFile(undefined);
              return;
            }
            void chosen
              .arrayBuffer()
              .then((buffer) => setFile({ name: chosen.name, bytes: new Uint8Array(buffer) }));
          }}
        />
      </div>
      {!note && (
        <>
          {lines && (
            <SelectField
              label="Credit the records to"
              value={by}
              onChange={({ target }) => setBy(target.value as 'field' | 'one')}
            >
              <option value="one">one contributor</option>
              <option value="field">whom a field of each record names</option>
            </SelectField>
          )}
          {lines && by === 'field' ? (
            <TextField
              label="Field"
              hint="Its path in a record, for example properties.net. Names that are not in the table yet are added to it."
              value={field}
              onChange={({ target }) => setField(target.value)}
              spellCheck={false}
            />
          ) : table.length > 0 ? (
            <SelectField label="Contributor" value={to} onChange={({ target }) => setTo(target.value)}>
              {table.map(({ number, label }) => (
                <option key={number} value={number}>
                  {label}
                </option>
              ))}
            </SelectField>
          ) : (
            <p className="muted small">
              The stream has no contributors: nobody is credited, and their part of the income is kept.
            </p>
          )}
        </>
      )}
      {file && !run.isPending && (
        <StorageCost
          info={info}
          bytes={file.bytes}
          chunks={chunksOf(file.bytes, lines, { records: RECORDS, bytes: BYTES })}
        />
      )}
      <div className="row">
        <Button
          look="main"
          disabled={
            !file ||
            !contributors.data ||
            run.isPending ||
            (lines && by === 'field' && !field.trim() && !note)
          }
          onClick={() => run.mutate(note)}
        >
          {run.isPending ? 'Publishing…' : note ? 'Continue' : 'Publish'}
        </Button>
        {file && <span className="muted small">{size(file.bytes.length)}</span>}
      </div>
      {run.isPending && progress && <Progress label="Published" value={progress.done} of={progress.total} />}
      {run.isSuccess && (
        <Notice kind="verified" title={`${counted(run.data, 'chunk')} published`}>
          <p>They are in the certified log, and buyers can verify every record of them.</p>
        </Notice>
      )}
      {run.error &&
        (run.error instanceof FileFault ? (
          <Notice
            kind="failed"
            title={file ? `“${file.name}” cannot be published as it is` : 'There is no file'}
          >
            <p>{run.error.message}</p>
            <p>Nothing of it was written just now.</p>
          </Notice>
        ) : (
          <Failure
            error={run.error}
            retry={() => run.mutate(openPublish(localStorage, registry, String(info.id)))}
            retryLabel="Continue"
          />
        ))}
    </Panel>
  );
}

interface Read {
  /** The text of a file of records. */
  text?: string;
  cut: (cutting: Cutting) => NewChunk[];
}

/** The file by its stream's kind: text as what it says, in UTF-8; anything else as it is. */
async function readFile({ version }: PublishNote, bytes: Uint8Array, kind: string): Promise<Read> {
  const lines = LINES.includes(kind);
  if (version < 2) {
    const text = new TextDecoder().decode(bytes);
    return lines
      ? { text, cut: (cutting) => cutAsBefore(text, cutting) }
      : { cut: (cutting) => cutWhole(bytes, cutting) };
  }
  const json = /^application\/([\w.-]+\+)?json$/.test(kind);
  if (!lines && !json && !kind.startsWith('text/')) return { cut: (cutting) => cutWhole(bytes, cutting) };
  const text = await readText(bytes);
  if (lines) return { text, cut: (cutting) => cutLines(text, cutting) };
  if (json) checkDocument(text);
  return { cut: (cutting) => cutWhole(new TextEncoder().encode(text), cutting) };
}

const MOST_AT_ONCE = 1_000;

/** Enters labels that are not in the table yet; their numbers go on from the last. */
async function enter(stream: bigint, labels: string[], known: Map<string, number>): Promise<void> {
  const missing = labels.filter((label) => !known.has(label));
  for (let from = 0; from < missing.length; from += MOST_AT_ONCE) {
    const part = missing.slice(from, from + MOST_AT_ONCE);
    const first = await addContributors(
      stream,
      part.map((label) => ({ label, account: [] })),
    );
    part.forEach((label, index) => known.set(label, first + index));
  }
}
