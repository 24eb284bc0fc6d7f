// Tasks, strategies and models in words.
import type {
  JoinRule,
  Layer,
  ModelSpec,
  NamedLayer,
  Reward,
  RoundOutcome,
  Scoring,
  Stage,
  Strategy,
  TaskInfo,
} from '@/api/aggregator';
import { inWords } from '@/lib/humane';
import { count, counted, figure, share } from '@/lib/text';

export function stageText(stage: Stage): string {
  if ('Draft' in stage) return 'Draft';
  if ('Preparing' in stage) return 'Preparing';
  if ('Running' in stage) return 'Running';
  if ('Completed' in stage.Ended) return 'Completed';
  return 'Stopped' in stage.Ended ? 'Stopped' : 'Failed';
}

/** What a stage means, for those who wonder what happens next. */
export function stageDetail(stage: Stage): string {
  if ('Draft' in stage) return 'Its owner is still uploading and funding it. Nothing runs yet.';
  if ('Preparing' in stage) return 'The canister checks the files and evaluates the first model.';
  if ('Running' in stage) return 'Rounds are held one after another.';
  if ('Completed' in stage.Ended) return 'All its rounds were held. The model stays here to be used.';
  if ('Stopped' in stage.Ended)
    return 'Its owner ended it. What was left of the budget, and of what computing was paid for, went back.';
  return `It could not go on: ${inWords(stage.Ended.Failed).words.replace(/\.$/, '')}. Budget and stakes went back.`;
}

export const roundText = ({ rounds_held, args }: TaskInfo): string =>
  `${count(rounds_held)} of ${count(args.rounds.rounds)}`;

/** What decides acceptance: accuracy, or loss. */
export const isClassifier = ({ output }: ModelSpec): boolean => 'Classes' in output;

/** The best value so far, with its name; `none yet` before the first evaluation. */
export function bestText({ best: [best], args }: TaskInfo): string {
  if (best === undefined) return 'none yet';
  return isClassifier(args.model) ? share(best) : figure(-best);
}

export const bestName = ({ args }: TaskInfo): string =>
  isClassifier(args.model) ? 'Best accuracy' : 'Least loss';

export const OUTCOMES: Record<'Accepted' | 'Rejected' | 'Skipped', string> = {
  Accepted: 'accepted',
  Rejected: 'rejected',
  Skipped: 'skipped',
};

export const outcomeName = (outcome: RoundOutcome): keyof typeof OUTCOMES =>
  'Accepted' in outcome ? 'Accepted' : 'Rejected' in outcome ? 'Rejected' : 'Skipped';

export const OUTCOME_DETAILS: Record<keyof typeof OUTCOMES, string> = {
  Accepted: 'The combined model was good enough, and is the model now.',
  Rejected:
    'The combined model was worse than the task allows. The model before it stays, and nothing was paid.',
  Skipped: 'Too few updates came, even after the round was extended. Nothing was changed or paid.',
};

export function joinText(rule: JoinRule): string {
  if ('Open' in rule) return 'whoever comes';
  if ('AllowList' in rule) return `only ${counted(rule.AllowList.length, 'principal')} named by its owner`;
  return `holders of a licence of stream ${rule.Licence.stream}`;
}

export function strategyText(strategy: Strategy): string {
  if ('FedAvg' in strategy) return 'FedAvg: the mean, weighted by samples';
  if ('FedAvgM' in strategy) {
    const { server_learning_rate: rate, server_momentum: momentum } = strategy.FedAvgM;
    return `FedAvgM: the mean with momentum ${figure(momentum)}, rate ${figure(rate)}`;
  }
  if ('FedAdagrad' in strategy) return `FedAdagrad: adaptive steps, rate ${figure(strategy.FedAdagrad.eta)}`;
  if ('FedAdam' in strategy) return `FedAdam: adaptive steps, rate ${figure(strategy.FedAdam.eta)}`;
  if ('FedYogi' in strategy) return `FedYogi: adaptive steps, rate ${figure(strategy.FedYogi.eta)}`;
  if ('FedProx' in strategy) {
    return `FedProx: the mean, clients held near the model (μ ${figure(strategy.FedProx.proximal_mu)})`;
  }
  if ('FedMedian' in strategy) return 'FedMedian: the median of each number';
  if ('TrimmedMean' in strategy) {
    return `Trimmed mean: without the lowest and highest ${share(strategy.TrimmedMean.beta)}`;
  }
  if ('Krum' in strategy) {
    return `Krum: the one update nearest the others, against ${strategy.Krum.malicious} hostile`;
  }
  if ('MultiKrum' in strategy) {
    const { keep, malicious } = strategy.MultiKrum;
    return `MultiKrum: the mean of the ${keep} nearest updates, against ${malicious} hostile`;
  }
  if ('Bulyan' in strategy) {
    return `Bulyan: Krum, then a mean around the median, against ${strategy.Bulyan.malicious} hostile`;
  }
  if ('NormClipping' in strategy) {
    return `Norm clipping: the mean of steps no longer than ${figure(strategy.NormClipping.bound)}`;
  }
  return `FedBuff: asynchronous, ${counted(strategy.FedBuff.buffer, 'update')} at a time`;
}

export function scoringText(scoring: Scoring): string {
  if ('LeaveOneOut' in scoring) return 'by how much the loss rises without it';
  if ('Shapley' in scoring)
    return `by its Shapley value, from ${counted(scoring.Shapley.permutations, 'order')}`;
  return 'by how far it points where the model went, times its samples';
}

export const rewardRuleText = ({ rule }: Reward): string =>
  'ByWorth' in rule ? 'in proportion to worth' : 'in equal parts';

const TRILLION = 1e12;
const BILLION = 1e9;

/** Cycles, in the greatest unit that people count them in. */
export function cycles(amount: bigint): string {
  const value = Number(amount);
  if (value >= TRILLION) return `${figure(value / TRILLION)} trillion cycles`;
  return value >= BILLION ? `${figure(value / BILLION)} billion cycles` : counted(amount, 'cycle');
}

/** Instructions that a canister executes. */
export function instructions(amount: bigint): string {
  const value = Number(amount);
  return value >= BILLION
    ? `${figure(value / BILLION)} billion instructions`
    : counted(amount, 'instruction');
}

/** The steps of a round in order: their names in the interface, and what they are. */
export const STEPS = [
  ['Collecting', 'Updates come in'],
  ['Measuring', 'Updates are measured'],
  ['Combining', 'One step is made of them'],
  ['Hashing', 'The new model is hashed'],
  ['Evaluating', 'It is evaluated on the held-out set'],
  ['Scoring', 'Each contribution is scored'],
] as const;

const size = ({ height, width }: { height: number; width: number }) => `${height}×${width}`;

export function layerText(layer: Layer): string {
  if ('Linear' in layer) {
    const { inputs, outputs, bias } = layer.Linear;
    return `linear, ${count(inputs)} to ${count(outputs)}${bias ? '' : ', without bias'}`;
  }
  if ('Conv2d' in layer) {
    const { in_channels, out_channels, kernel } = layer.Conv2d;
    return `${size(kernel)} convolution, ${counted(in_channels, 'channel')} to ${count(out_channels)}`;
  }
  if ('MaxPool2d' in layer) return `greatest of ${size(layer.MaxPool2d.kernel)}`;
  if ('AvgPool2d' in layer) return `mean of ${size(layer.AvgPool2d.kernel)}`;
  if ('BatchNorm' in layer) return `batch norm of ${count(layer.BatchNorm.features)}`;
  if ('LayerNorm' in layer) return `layer norm of ${count(layer.LayerNorm.features)}`;
  if ('Embedding' in layer) {
    const { count: entries, dimension } = layer.Embedding;
    return `embedding, ${count(entries)} entries of ${count(dimension)}`;
  }
  if ('Dropout' in layer) return `dropout of ${share(layer.Dropout.probability)} while training`;
  if ('Residual' in layer) {
    return `residual block of ${counted(layer.Residual.layers.length, 'layer')}`;
  }
  const name = Object.keys(layer)[0] ?? '';
  return PLAIN[name] ?? name.toLowerCase();
}

const PLAIN: Record<string, string> = {
  Relu: 'ReLU',
  Gelu: 'GELU',
  Tanh: 'tanh',
  Sigmoid: 'sigmoid',
  Softmax: 'softmax',
  Flatten: 'flatten',
};

/** Numbers that a layer holds. */
export function parametersOf(layer: Layer): number {
  if ('Linear' in layer) {
    const { inputs, outputs, bias } = layer.Linear;
    return inputs * outputs + (bias ? outputs : 0);
  }
  if ('Conv2d' in layer) {
    const { in_channels, out_channels, kernel, groups, bias } = layer.Conv2d;
    return (in_channels / groups) * out_channels * kernel.height * kernel.width + (bias ? out_channels : 0);
  }
  if ('BatchNorm' in layer) return 4 * layer.BatchNorm.features;
  if ('LayerNorm' in layer) return 2 * layer.LayerNorm.features;
  if ('Embedding' in layer) return layer.Embedding.count * layer.Embedding.dimension;
  if ('Residual' in layer) {
    const sum = (layers: NamedLayer[]) => layers.reduce((all, one) => all + parametersOf(one.layer), 0);
    return sum(layer.Residual.layers) + sum(layer.Residual.shortcut);
  }
  return 0;
}

export const inputText = ({ input_shape }: ModelSpec): string =>
  input_shape.length === 1
    ? counted(input_shape[0] ?? 0, 'number')
    : `${Array.from(input_shape, (side) => count(side)).join(' × ')} numbers`;

export function outputText({ output }: ModelSpec): string {
  if ('Classes' in output) return counted(output.Classes, 'class', 'classes');
  if ('Regression' in output) return counted(output.Regression, 'value');
  return `a vector of ${count(output.Embedding)}`;
}

/** The command that trains on a task in a shell, as it works for those who have set nothing up. */
export const trainLine = (task: bigint, network: string, aggregator: string): string =>
  [`ddsx train ${task}`, '--data samples.csv', `--network ${network}`, `--aggregator ${aggregator}`].join(
    ' \\\n  ',
  );
