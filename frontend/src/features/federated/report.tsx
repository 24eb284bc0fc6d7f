import { Link } from '@tanstack/react-router';
import { environment } from '@/api/environment';
import type { ClientReport, LineageStream, Proved, RoundReport, TaskInfo } from '@/api/aggregator';
import { Amount, Facts, Id, Panel, Seal, Time } from '@/components/basics';
import { certificateCheck, Checks, freshnessCheck } from '@/components/checks';
import type { Unit } from '@/lib/amount';
import { count, counted, figure, share } from '@/lib/text';
import { toHex } from '@/verify/bytes';
import { Outcome } from './mark';
import { useRewardUnit } from './queries';
import { findingText, progressText } from './standing';
import { OUTCOME_DETAILS, outcomeName } from './words';

/** A round's report, as it is certified. */
export function Report({ info, proved }: { info: TaskInfo; proved: Proved<RoundReport> }) {
  const { value: report } = proved;
  const unit = useRewardUnit(info);
  return (
    <>
      <ReportFacts report={report} unit={unit} />
      <div className="split">
        <div className="stack">
          <Panel title="What became of it" aside={<Outcome outcome={report.outcome} />}>
            <p>{OUTCOME_DETAILS[outcomeName(report.outcome)]}</p>
            {unit && <Pay report={report} unit={unit} />}
          </Panel>
          <Panel title="Clients">
            <Clients report={report} unit={unit} />
          </Panel>
          {report.evaluated[0] && report.evaluated[0].per_class.length > 0 && (
            <PerClass perClass={report.evaluated[0].per_class} />
          )}
        </div>
        <div className="stack">
          <Models report={report} />
          <Proof proved={proved} />
        </div>
      </div>
    </>
  );
}

/** What the round's pay was measured by, and what stays in the budget. */
function Pay({ report, unit }: { report: RoundReport; unit: Unit }) {
  const words = progressText(report);
  if (words.length === 0) return null;
  return (
    <>
      {words.map((one) => (
        <p key={one}>{one}</p>
      ))}
      <p className="muted small">
        <Amount units={report.rewarded} unit={unit} /> of <Amount units={report.budget} unit={unit} /> were
        earned; the rest stays in the task’s budget.
      </p>
    </>
  );
}

/** Scores that are published later. */
const isLater = ({ scores_later: [later] }: RoundReport): boolean => later === true;

function ReportFacts({ report, unit }: { report: RoundReport; unit: Unit | undefined }) {
  const quality = report.evaluated[0];
  const accuracy = quality?.accuracy[0];
  return (
    <Facts
      facts={[
        ...(accuracy === undefined ? [] : [['Accuracy', share(accuracy)] as const]),
        ['Loss', quality ? figure(quality.loss) : '–'],
        ['Clients', count(report.clients.length)],
        ...(unit ? [['Earned', <Amount key="paid" units={report.rewarded} unit={unit} />] as const] : []),
        ['Published', <Time key="published" ns={report.published_at} />, 'words'],
      ]}
    />
  );
}

function Clients({ report, unit }: { report: RoundReport; unit: Unit | undefined }) {
  if (report.clients.length === 0) return <p className="muted">No update was combined.</p>;
  const columns = ['Client', 'Samples', 'Norm', 'Worth', ...(unit ? ['Reward'] : [])];
  const later = isLater(report);
  return (
    <>
      {later && (
        <p className="muted small">
          What single clients were worth and earned is published, and paid, when the task ends: before, it
          would tell of the held-out set.
        </p>
      )}
      <div className="table-scroll" tabIndex={0} role="group" aria-label="Clients">
        <table className="stacked" role="table">
          <thead role="rowgroup">
            <tr role="row">
              {columns.map((name, index) => (
                <th key={name} role="columnheader" className={index > 0 ? 'right' : undefined}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {report.clients.map((one) => (
              <Client key={one.client.toText()} one={one} unit={unit} later={later} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Client({ one, unit, later }: { one: ClientReport; unit: Unit | undefined; later: boolean }) {
  const worth = one.score[0];
  const finding = one.finding[0];
  return (
    <tr role="row">
      <td role="cell" data-label="Client">
        <span className="stack-small">
          <Id text={one.client.toText()} label="the client’s principal" />
          <span className="small muted">
            update <Id text={toHex(one.update)} label="the update’s content hash" />
            {one.staleness > 0 && `, ${counted(one.staleness, 'version')} behind`}
          </span>
          {finding && (
            <span className={'LeftOut' in finding ? 'small muted' : 'small fault'}>
              {findingText(finding)}
            </span>
          )}
          {one.lineage.map((stream) => (
            <Lineage key={`${stream.registry} ${stream.stream}`} stream={stream} />
          ))}
        </span>
      </td>
      <td role="cell" data-label="Samples" className="right num">
        {count(one.samples)}
      </td>
      <td role="cell" data-label="Norm" className="right num">
        {figure(one.norm)}
      </td>
      <td role="cell" data-label="Worth" className="right num">
        {worth === undefined ? (later ? 'later' : '–') : figure(worth)}
      </td>
      {unit && (
        <td role="cell" data-label="Reward" className="right">
          {later ? 'later' : <Amount units={one.reward} unit={unit} />}
        </td>
      )}
    </tr>
  );
}

/** A stream that a client says it trained on. */
function Lineage({ stream: { registry, stream, size, root } }: { stream: LineageStream }) {
  const name = `stream ${stream}`;
  return (
    <span className="small muted">
      trained on{' '}
      {registry.toText() === environment().registry ? (
        <Link to="/streams/$stream" params={{ stream }}>
          {name}
        </Link>
      ) : (
        name
      )}{' '}
      at {counted(size, 'chunk')} <Id text={toHex(root)} label="the stream’s root" />
    </span>
  );
}

function PerClass({ perClass }: { perClass: [bigint, bigint][] }) {
  return (
    <Panel title="Recognised, class by class">
      <ol className="chances" aria-label="Classes">
        {perClass.map(([samples, right], index) => {
          const part = samples === 0n ? 0 : Number(right) / Number(samples);
          return (
            <li key={index} className="most">
              <span className="num">{index}</span>
              <span className="bar" aria-hidden="true">
                <span style={{ width: `${part * 100}%` }} />
              </span>
              <span className="num right">
                {count(right)} of {count(samples)}
              </span>
            </li>
          );
        })}
      </ol>
    </Panel>
  );
}

function Models({ report }: { report: RoundReport }) {
  const seed = report.seed[0];
  const candidate = report.candidate[0];
  return (
    <Panel title="Models">
      <dl className="pairs pairs-stacked">
        <dt>In force after it: version {report.version}</dt>
        <dd>
          <Id text={toHex(report.model)} label="the model’s content hash" />
        </dd>
        <dt>Before: version {report.parent}</dt>
        <dd>
          <Id text={toHex(report.parent_model)} label="the content hash of the model before" />
        </dd>
        {candidate && (
          <>
            <dt>Candidate</dt>
            <dd>
              <Id text={toHex(candidate)} label="the candidate’s content hash" />
            </dd>
          </>
        )}
        {seed && (
          <>
            <dt>Seed of the orders scored</dt>
            <dd>
              <Id text={toHex(seed)} label="the seed" />
            </dd>
          </>
        )}
        <dt>Opened</dt>
        <dd>
          <Time ns={report.opened_at} />
        </dd>
      </dl>
    </Panel>
  );
}

function Proof({ proved: { proof } }: { proved: Proved<RoundReport> }) {
  return (
    <Panel
      title="Proof"
      aside={
        <Seal state="verified">
          Verified <Time ns={proof.certifiedAt} />
        </Seal>
      }
    >
      <Checks
        checks={[
          certificateCheck(proof.subnet),
          [
            'Witness, to this report',
            'It leads from the aggregator’s certified data to the report of this round of this task.',
            [
              ['certified data', toHex(proof.certifiedData)],
              ['hash of the report', toHex(proof.hash)],
            ],
          ],
          freshnessCheck(proof.certifiedAt),
          [
            'Report, byte by byte',
            'Its SHA-256 is the certified one. All that stands here was read from it.',
            [],
          ],
        ]}
      />
    </Panel>
  );
}
