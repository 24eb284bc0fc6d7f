// The small parts that every page is made of.
import { useDeferredValue, useEffect, useMemo, useState, type ComponentProps, type ReactNode } from 'react';
import { formatAmount, type Unit } from '@/lib/amount';
import { exact, relative, toDate } from '@/lib/time';
import { shorten } from '@/lib/text';
import { inShort, loadedWords, loadWords } from '@/lib/failure';
import { SessionEnded } from '@/api/outcome';
import { useSession } from '@/session/session';
import { skeletonWidth } from './places';
import { Tip } from './tip';

export function Button({
  look = 'plain',
  small = false,
  className = '',
  ...rest
}: ComponentProps<'button'> & { look?: 'plain' | 'main' | 'quiet' | 'danger'; small?: boolean }) {
  const looks = ['button', look === 'plain' ? '' : `button-${look}`, small ? 'button-small' : '', className];
  return <button type="button" {...rest} className={looks.filter(Boolean).join(' ')} />;
}

/** The time now, renewed so often that relative times stay true. */
function useNow(about: Date): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const recent = Math.abs(Date.now() - about.getTime()) < 120_000;
    const timer = setInterval(() => setNow(new Date()), recent ? 1_000 : 30_000);
    return () => clearInterval(timer);
  }, [about]);
  return now;
}

/** Written when it is looked at: making the format takes milliseconds. */
const Exact = ({ date }: { date: Date }) => exact(date);

/** A time in relation to now; the exact one on hover and focus. */
export function Time({ ns }: { ns: bigint }) {
  const date = useMemo(() => toDate(ns), [ns]);
  const now = useNow(date);
  return (
    <Tip text={<Exact date={date} />}>
      <time dateTime={date.toISOString()} tabIndex={0}>
        {relative(date, now)}
      </time>
    </Tip>
  );
}

/** Figures in a row, each below its name. */
export function Facts({
  facts,
}: {
  facts: readonly (readonly [name: string, value: ReactNode, look?: 'words'])[];
}) {
  return (
    <dl className="facts">
      {facts.map(([name, value, look]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className={look}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Amount({ units, unit }: { units: bigint; unit: Unit | undefined }) {
  return <span className="num">{unit ? formatAmount(units, unit) : '…'}</span>;
}

/** A long id, shortened, whole on hover, to be copied. */
export function Id({ text, label, short = true }: { text: string; label: string; short?: boolean }) {
  return (
    <span className="id">
      <Tip text={<code>{text}</code>}>
        <span className="num" tabIndex={0}>
          {short ? shorten(text) : text}
        </span>
      </Tip>
      <Copy text={text} label={label} />
    </span>
  );
}

const COPIED_MS = 1_500;

export function Copy({ text, label, children = 'copy' }: { text: string; label: string; children?: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <button
      type="button"
      className="id-copy"
      aria-label={copied ? `${label} copied` : `Copy ${label}`}
      onClick={() => {
        void navigator.clipboard.writeText(text).then(() => {
          setCopied(true);
          setTimeout(() => setCopied(false), COPIED_MS);
        });
      }}
    >
      {copied ? 'copied' : children}
    </button>
  );
}

/** How far something has come. */
export function Progress({ label, value, of }: { label: string; value: number; of: number }) {
  return (
    <div
      className="bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={of}
      aria-valuenow={value}
    >
      <span style={{ width: `${(value / Math.max(1, of)) * 100}%` }} />
    </div>
  );
}

/** A line for a shell, to be copied. */
export function Command({ text, children }: { text: string; children: ReactNode }) {
  return (
    <div className="stack-small">
      <div className="row row-between">
        <span className="muted small">{children}</span>
        <Copy text={text} label="the command" />
      </div>
      <pre className="code command" tabIndex={0}>
        {text}
      </pre>
    </div>
  );
}

export type SealState = 'verified' | 'failed' | 'waiting';

/** The plain sign: verified, refused, or not known yet. */
export function Seal({ state, children }: { state: SealState; children: ReactNode }) {
  return (
    <span className={`seal seal-${state}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="1.75">
        <circle cx="8" cy="8" r="6.75" strokeDasharray={state === 'waiting' ? '2.2 2.6' : undefined} />
        {state === 'verified' && (
          <path d="m4.9 8.3 2.1 2.2 4.1-4.7" strokeLinecap="round" strokeLinejoin="round" />
        )}
        {state === 'failed' && <path d="m5.4 5.4 5.2 5.2m0-5.2-5.2 5.2" strokeLinecap="round" />}
      </svg>
      <span>{children}</span>
    </span>
  );
}

export function Notice({
  kind = 'plain',
  title,
  children,
  action,
}: {
  kind?: 'plain' | 'failed' | 'signal' | 'verified';
  title?: string | undefined;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div
      className={kind === 'plain' ? 'notice' : `notice notice-${kind}`}
      role={kind === 'failed' ? 'alert' : 'status'}
    >
      {title && <strong>{title}</strong>}
      {children}
      {action && <div className="row">{action}</div>}
    </div>
  );
}

/** How failures are told: in short, until the words are there. */
function useWords() {
  const [words, setWords] = useState(loadedWords);
  useEffect(() => {
    let shown = true;
    void loadWords().then(() => {
      if (shown) setWords(loadedWords);
    });
    return () => {
      shown = false;
    };
  }, []);
  return words ?? inShort;
}

/** What failed, what became of the money, what to do next. */
export function Failure({
  error,
  unit,
  retry,
  retryLabel = 'Try again',
}: {
  error: unknown;
  unit?: Unit | undefined;
  retry?: (() => void) | undefined;
  retryLabel?: string;
}) {
  const { expired } = useSession();
  const explain = useWords();
  // Told until the reader has signed in again; what was to be sent is still there to be sent.
  if (error instanceof SessionEnded && !expired) return null;
  const { title, detail, inFull, next } = explain(error, unit);
  return (
    <Notice
      kind="failed"
      title={title}
      action={
        retry && (
          <Button small onClick={retry}>
            {retryLabel}
          </Button>
        )
      }
    >
      <p>{detail}</p>
      <p>{next}</p>
      {inFull !== undefined && (
        <details>
          <summary className="small">In full</summary>
          <p className="small mono">{inFull}</p>
        </details>
      )}
    </Notice>
  );
}

export function Empty({
  title,
  children,
  action,
}: {
  title: string;
  children: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      <p>{children}</p>
      {action}
    </div>
  );
}

export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div className="stack-small" aria-busy="true">
      <span className="visually-hidden">Loading</span>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} className="skeleton" style={{ width: `${skeletonWidth(index)}%` }} />
      ))}
    </div>
  );
}

export function PageHead({
  title,
  children,
  crumb,
  action,
}: {
  title: string;
  children?: ReactNode;
  crumb?: ReactNode;
  action?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · DDSX`;
  }, [title]);
  return (
    <header className="page-head">
      <div>
        {crumb && <div className="crumb">{crumb}</div>}
        <h1>{title}</h1>
        {children && <p>{children}</p>}
      </div>
      {action}
    </header>
  );
}

export function Panel({
  title,
  label = title,
  aside,
  children,
}: {
  title?: string | undefined;
  /** Its name among the page's regions, where the title alone is not unique. */
  label?: string | undefined;
  aside?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="panel" aria-label={label}>
      {title && (
        <div className="panel-head">
          <h2>{title}</h2>
          {aside}
        </div>
      )}
      {children}
    </section>
  );
}

interface Query<T> {
  data: T | undefined;
  error: unknown;
  refetch: () => unknown;
}

/** A query whose data is drawn in slices, between which the browser answers. */
export function useSliced<T>({ data, error, refetch }: Query<T>): Query<T> {
  return { data: useDeferredValue(data), error, refetch };
}

/** What is known of a query: its data, that it is loading, or what went wrong. */
export function Loaded<T>({
  query,
  lines = 3,
  children,
}: {
  query: Query<T>;
  lines?: number;
  children: (data: T) => ReactNode;
}) {
  const { data, error, refetch } = useSliced(query);
  if (data !== undefined) return <>{children(data)}</>;
  if (error && query.data === undefined) return <Failure error={error} retry={() => void refetch()} />;
  return <Skeleton lines={lines} />;
}
