import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ModelSpec, NamedLayer, RoundReport, TaskInfo } from '@/api/aggregator';
import {
  answerOf,
  Bitmap,
  blockCounts,
  fitted,
  fullInput,
  inputsOf,
  penRadius,
  probabilities,
  sideOf,
} from './drawing';
import { curve } from './quality';
import { latestRounds, SHOWN_ROUNDS } from './queries';
import { bestText, layerText, parametersOf, stageText, strategyText } from './words';

const linear = (inputs: number, outputs: number, bias = true): NamedLayer => ({
  name: 'fc',
  layer: { Linear: { inputs, outputs, bias } },
});
const model = (shape: number[], layers: NamedLayer[], classes = 10): ModelSpec => ({
  input_shape: Uint32Array.from(shape),
  layers,
  output: { Classes: classes },
});

describe('a drawn digit', () => {
  it.each<[string, ModelSpec, number | undefined]>([
    ['64 numbers', model([64], [linear(64, 10)]), 8],
    ['an image of 8×8', model([1, 8, 8], [linear(64, 10)]), 8],
    ['an image of 28×28', model([1, 28, 28], [linear(784, 10)]), 28],
    ['other sizes', model([65], [linear(65, 10)]), undefined],
    ['other classes', model([64], [linear(64, 9)], 9), undefined],
    [
      'an embedding',
      model([64], [{ name: 'e', layer: { Embedding: { count: 17, dimension: 2 } } }]),
      undefined,
    ],
    ['regression', { ...model([64], [linear(64, 10)]), output: { Regression: 10 } }, undefined],
  ])('should be asked for by models of %s', (_, spec, side) => {
    expect(sideOf(spec)).toBe(side);
  });

  it('should be counted in blocks of 4×4, row by row', () => {
    const sheet = Bitmap.sheet(8);
    expect(sheet.edge).toBe(32);
    sheet.pixels.fill(1, 0, 32 * 4);
    sheet.pixels[31 * 32 + 31] = 1;
    const counts = blockCounts(sheet);
    expect(counts.slice(0, 8)).toEqual(Array.from({ length: 8 }, () => 16));
    expect(counts.slice(8, 63).every((count) => count === 0)).toBe(true);
    expect(counts[63]).toBe(1);
  });

  it('should fill the sheet from edge to edge wherever and however small it was drawn', () => {
    const small = Bitmap.sheet(8);
    small.line({ x: 24, y: 20 }, { x: 24, y: 28 }, 1.5);
    const counts = blockCounts(fitted(small, 8));
    const rows = Array.from({ length: 8 }, (_, row) => counts.slice(row * 8, row * 8 + 8));
    expect(rows.every((row) => row.some((ink) => ink > 0))).toBe(true);
    // A stroke keeps its proportions, and stands in the middle.
    expect(rows.every(([first, , , , , , , last]) => first === 0 && last === 0)).toBe(true);
    const moved = Bitmap.sheet(8);
    moved.line({ x: 6, y: 4 }, { x: 6, y: 12 }, 1.5);
    expect(blockCounts(fitted(moved, 8))).toEqual(counts);
  });

  it('should lie within 20 of 28 cells, around its centre of mass, for larger images', () => {
    const sheet = Bitmap.sheet(28);
    sheet.line({ x: 20, y: 10 }, { x: 20, y: 90 }, penRadius(28));
    const inputs = inputsOf(sheet, 28);
    expect(inputs).toHaveLength(784);
    const rows = Array.from({ length: 28 }, (_, row) => Math.max(...inputs.slice(row * 28, row * 28 + 28)));
    expect(rows.slice(0, 3)).toEqual([0, 0, 0]);
    expect(rows.filter((ink) => ink > 0).length).toBe(20);
    expect(Math.max(...inputs)).toBe(1);
  });

  it('should give nothing but zeros where nothing is drawn', () => {
    expect(inputsOf(Bitmap.sheet(8), 8)).toEqual(Array.from({ length: 64 }, () => 0));
    expect(Bitmap.sheet(8).isEmpty).toBe(true);
  });

  it.each([
    [8, '{"learning_rate":0.1,"scale":16}', 1],
    [28, '{"scale":255}', 1],
    [8, '{"scale":1}', 16],
    [28, '{"scale":127.5}', 2],
    [8, '', 1],
    [8, 'five epochs, please', 1],
    [8, '{"epochs":5}', 1],
    [8, '{"scale":0}', 1],
    [8, 'null', 1],
  ] as const)('should be scaled as the task asks: side %i, %j', (side, config, full) => {
    expect(fullInput(side, config)).toBe(full);
  });

  it('should be drawn as thick as the digits of the data set are', () => {
    const digits = gunzipSync(readFileSync('../data/uci-digits.csv.gz')).toString().trim().split('\n');
    const ones = digits.map((line) => line.split(',').map(Number)).filter((row) => row[64] === 1);
    const inkOf = (cells: number[]) => cells.reduce((sum, ink) => sum + ink, 0);
    const mean = ones.reduce((sum, row) => sum + inkOf(row.slice(0, 64)), 0) / ones.length;
    const sheet = Bitmap.sheet(8);
    sheet.line({ x: 16, y: 4 }, { x: 16, y: 28 }, penRadius(8));
    const drawn = inkOf(blockCounts(fitted(sheet, 8)));
    expect(drawn / mean).toBeGreaterThan(0.5);
    expect(drawn / mean).toBeLessThan(1.5);
  });

  it('should be answered with probabilities, through a softmax unless the model has one', () => {
    const logits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 1_000];
    const plain = answerOf(model([64], [linear(64, 10)]), logits);
    expect(plain.digit).toBe(9);
    expect(plain.chances.reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 12);
    const own = [0.1, 0.6, 0.3];
    const layers: NamedLayer[] = [linear(64, 3), { name: 'out', layer: { Softmax: null } }];
    expect(probabilities(model([64], layers, 3), own)).toEqual(own);
  });
});

const report = (round: number, outcome: 'Accepted' | 'Rejected' | 'Skipped', accuracy?: number) =>
  ({
    round,
    outcome: { [outcome]: null },
    evaluated:
      accuracy === undefined
        ? []
        : [{ samples: 10n, loss: 1 - accuracy, accuracy: [accuracy], per_class: [] }],
  }) as unknown as RoundReport;

describe('rounds as curves', () => {
  it('should join what was accepted, and mark what was rejected or skipped', () => {
    const reports = [
      report(1, 'Accepted', 0.5),
      report(2, 'Rejected', 0.3),
      report(3, 'Skipped'),
      report(4, 'Accepted', 0.9),
    ];
    const { rounds, series, told } = curve(reports, 'accuracy');
    expect(rounds).toEqual([1, 2, 3, 4]);
    expect(series.map(({ label, values }) => [label, values])).toEqual([
      ['Accepted', [50, null, null, 90]],
      ['Rejected', [null, 30, null, null]],
      ['Skipped', [null, null, 50, null]],
    ]);
    expect(told).toBe('Accuracy from 50 % to 90 % in 2 accepted rounds.');
    expect(curve(reports, 'loss').series[0]?.values).toEqual([0.5, null, null, expect.closeTo(0.1)]);
  });

  it('should not be flattened by a model that was refused', () => {
    const reports = [report(1, 'Accepted', 0.9), report(2, 'Rejected', 0), report(3, 'Accepted', 0.94)];
    expect(curve(reports, 'accuracy').series[1]?.values).toEqual([null, expect.closeTo(88), null]);
    expect(curve(reports, 'loss').series[1]?.values).toEqual([null, expect.closeTo(0.12), null]);
  });

  it('should leave out marks that there are none of, and say where nothing was accepted', () => {
    expect(curve([report(1, 'Accepted', 0.5)], 'accuracy').series).toHaveLength(1);
    expect(curve([report(1, 'Accepted', 0.5)], 'accuracy').told).toBe(
      'Accuracy 50 % after one accepted round.',
    );
    expect(curve([report(1, 'Skipped')], 'loss').told).toBe('Loss: no round was accepted yet.');
  });

  it('should be the latest ones', () => {
    expect(latestRounds(0)).toEqual([]);
    expect(latestRounds(3)).toEqual([1, 2, 3]);
    expect(latestRounds(500)).toHaveLength(SHOWN_ROUNDS);
    expect(latestRounds(500).at(-1)).toBe(500);
  });
});

describe('tasks in words', () => {
  it('should say what a layer computes, and count its parameters', () => {
    const pair = (side: number) => ({ height: side, width: side });
    const convolution = {
      Conv2d: {
        in_channels: 1,
        out_channels: 16,
        kernel: pair(3),
        stride: pair(1),
        padding: pair(1),
        dilation: pair(1),
        groups: 1,
        bias: true,
      },
    };
    expect(layerText(convolution)).toBe('3×3 convolution, 1 channel to 16');
    expect(parametersOf(convolution)).toBe(160);
    expect(parametersOf(linear(64, 10).layer)).toBe(650);
    expect(parametersOf(linear(64, 10, false).layer)).toBe(640);
    expect(parametersOf({ LayerNorm: { features: 64, epsilon: 1e-5 } })).toBe(128);
    expect(parametersOf({ Relu: null })).toBe(0);
    const block = { Residual: { layers: [linear(8, 8), linear(8, 8)], shortcut: [] } };
    expect([layerText(block), parametersOf(block)]).toEqual(['residual block of 2 layers', 144]);
    expect(layerText({ Relu: null })).toBe('ReLU');
  });

  it('should name stages and strategies', () => {
    expect(stageText({ Ended: { Failed: 'evaluation set: no labels' } })).toBe('Failed');
    expect(stageText({ Running: null })).toBe('Running');
    expect(strategyText({ MultiKrum: { malicious: 3, keep: 7 } })).toBe(
      'MultiKrum: the mean of the 7 nearest updates, against 3 hostile',
    );
    expect(strategyText({ TrimmedMean: { beta: Math.fround(0.2) } })).toBe(
      'Trimmed mean: without the lowest and highest 20 %',
    );
  });

  it('should show the best so far as accuracy, or as the loss that it stands for', () => {
    const info = (best: [] | [number], output: ModelSpec['output']) =>
      ({ best, args: { model: { output } } }) as unknown as TaskInfo;
    expect(bestText(info([0.9534], { Classes: 10 }))).toBe('95.3 %');
    expect(bestText(info([-0.25], { Regression: 1 }))).toBe('0.25');
    expect(bestText(info([], { Classes: 10 }))).toBe('none yet');
  });
});
