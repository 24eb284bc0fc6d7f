import { Link } from '@tanstack/react-router';
import { environment } from '@/api/environment';
import type { JoinRule, NamedLayer, TaskInfo } from '@/api/aggregator';
import { Amount, Id, Panel, Time } from '@/components/basics';
import { count, counted, figure, share } from '@/lib/text';
import { duration } from '@/lib/time';
import { toHex } from '@/verify/bytes';
import { useRewardUnit } from './queries';
import { depositOf, earningText } from './standing';
import {
  inputText,
  isClassifier,
  joinText,
  layerText,
  outputText,
  parametersOf,
  rewardRuleText,
  scoringText,
  strategyText,
} from './words';

/** The layers of the model, first to last. */
export function Layers({ info }: { info: TaskInfo }) {
  const { model } = info.args;
  return (
    <div className="stack-small">
      <p>
        From {inputText(model)} to {outputText(model)}: {counted(info.parameters, 'parameter')} in{' '}
        {counted(model.layers.length, 'layer')}.
      </p>
      <div className="table-scroll" tabIndex={0} role="group" aria-label="Layers">
        <table className="stacked" role="table">
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader">Layer</th>
              <th role="columnheader">Computes</th>
              <th role="columnheader" className="right">
                Parameters
              </th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            {model.layers.map((one) => (
              <Layer key={one.name} one={one} />
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Layer({ one }: { one: NamedLayer }) {
  const parameters = parametersOf(one.layer);
  return (
    <tr role="row">
      <td role="cell" data-label="Layer">
        <code>{one.name}</code>
      </td>
      <td role="cell" data-label="Computes">
        {layerText(one.layer)}
      </td>
      <td role="cell" data-label="Parameters" className="right num">
        {parameters === 0 ? '–' : count(parameters)}
      </td>
    </tr>
  );
}

/** The rules under which it is trained. */
export function Rules({ info }: { info: TaskInfo }) {
  const { args } = info;
  const { rounds } = args;
  const noise = args.privacy[0];
  const bound = args.norm_bound[0];
  return (
    <dl className="pairs">
      <dt>Combined by</dt>
      <dd>{strategyText(args.strategy)}</dd>
      <dt>Who may join</dt>
      <dd>
        <Joins rule={args.join} />; at most {counted(args.max_clients, 'client')}
      </dd>
      <dt>A round</dt>
      <dd>
        {counted(rounds.min_updates, 'update')} to {count(rounds.max_updates)}, for at most{' '}
        {duration(rounds.duration_s * 1_000_000_000n)}
      </dd>
      <dt>One client counts</dt>
      <dd>{noise ? 'as much as any other' : `by its samples, for at most ${count(rounds.max_samples)}`}</dd>
      {'FedBuff' in args.strategy && (
        <>
          <dt>An update may lag</dt>
          <dd>at most {counted(rounds.max_staleness, 'version')} behind</dd>
        </>
      )}
      <dt>Accepted if</dt>
      <dd>
        {isClassifier(args.model)
          ? `accuracy is at most ${share(args.tolerance)} below the best so far`
          : `loss is at most ${figure(args.tolerance)} above the least so far`}
      </dd>
      <dt>Worth is found</dt>
      <dd>{scoringText(args.scoring)}</dd>
      {bound !== undefined && (
        <>
          <dt>Longest update</dt>
          <dd>
            norm {figure(bound)}; a longer one is refused, and costs the stake where a single piece of it is
            longer
          </dd>
        </>
      )}
      <dt>Privacy</dt>
      <dd>
        {noise
          ? `each update is clipped to norm ${figure(noise.clip)}, and noise of ${figure(noise.noise_multiplier)} times that is added to their sum`
          : 'no noise is added; the nodes that run the canister see the updates'}
      </dd>
      <dt>Held-out set</dt>
      <dd>
        committed to when the task was made; readable once it is over{' '}
        <Id text={toHex(args.evaluation.hash)} label="the held-out set’s content hash" />
      </dd>
    </dl>
  );
}

function Joins({ rule }: { rule: JoinRule }) {
  if ('Licence' in rule && rule.Licence.registry.toText() === environment().registry) {
    return (
      <Link to="/streams/$stream" params={{ stream: rule.Licence.stream }}>
        {joinText(rule)}
      </Link>
    );
  }
  return <>{joinText(rule)}</>;
}

export function About({ info }: { info: TaskInfo }) {
  const unit = useRewardUnit(info);
  const reward = info.args.reward[0];
  const spent = info.privacy[0];
  return (
    <Panel title="About">
      <dl className="pairs pairs-stacked">
        <dt>Reward</dt>
        <dd>
          {reward ? (
            <>
              at most <Amount units={reward.per_round} unit={unit} /> each round, {rewardRuleText(reward)}
            </>
          ) : (
            'none: clients take part for the model'
          )}
        </dd>
        {reward && (
          <>
            <dt>A round earns</dt>
            <dd>{earningText(reward)}.</dd>
            {info.args.scores_at_end[0] && (
              <>
                <dt>Scores and pay</dt>
                <dd>of single clients are published, and paid, when the task ends</dd>
              </>
            )}
            <dt>Budget left</dt>
            <dd>
              <Amount units={info.budget_left} unit={unit} /> of <Amount units={info.budget} unit={unit} />
            </dd>
            <dt>Stake</dt>
            <dd>
              {reward.stake === 0n ? (
                'none'
              ) : (
                <>
                  <Amount units={reward.stake} unit={unit} />, back at the end, lost for what is provably
                  false. An upload locks <Amount units={depositOf(reward)} unit={unit} /> of it until it is
                  finished; one that never is loses that part
                </>
              )}
            </dd>
          </>
        )}
        {spent && (
          <>
            <dt>Privacy spent</dt>
            <dd>
              <span className="num">
                (ε {figure(spent.epsilon)}, δ {spent.delta.toExponential()})
              </span>{' '}
              by {counted(spent.rounds, 'model')}
            </dd>
          </>
        )}
        <dt>Owner</dt>
        <dd>
          <Id text={info.owner.toText()} label="the owner’s principal" />
        </dd>
        <dt>Created</dt>
        <dd>
          <Time ns={info.created_at} />
        </dd>
        <dt>Task</dt>
        <dd className="num">{String(info.id)}</dd>
      </dl>
    </Panel>
  );
}
