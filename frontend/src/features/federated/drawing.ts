// A drawn digit, as a model trained on handwritten digits is shown one.
import type { ModelSpec } from '@/api/aggregator';

/** Cells along an edge: 8 as in UCI's digits, 28 as in MNIST's. */
export type Side = 8 | 28;

/** Cells are counted from blocks of so many pixels along an edge. */
const BLOCK = 4;
const FULL = BLOCK * BLOCK;

/** For a model from 64 or 784 numbers to ten classes, how large its images are. */
export function sideOf({ input_shape, layers, output }: ModelSpec): Side | undefined {
  if (!('Classes' in output) || output.Classes !== 10) return undefined;
  const first = layers[0]?.layer;
  if (!first || 'Embedding' in first) return undefined;
  const inputs = input_shape.reduce((product, axis) => product * axis, 1);
  return inputs === 64 ? 8 : inputs === 784 ? 28 : undefined;
}

/** Ink or no ink, pixel by pixel. */
export class Bitmap {
  readonly edge: number;
  readonly pixels: Uint8Array;

  constructor(edge: number) {
    this.edge = edge;
    this.pixels = new Uint8Array(edge * edge);
  }

  /** The sheet that is drawn on for images of so many cells. */
  static sheet(side: Side): Bitmap {
    return new Bitmap(side * BLOCK);
  }

  at(x: number, y: number): number {
    return x < 0 || y < 0 || x >= this.edge || y >= this.edge ? 0 : (this.pixels[y * this.edge + x] ?? 0);
  }

  get isEmpty(): boolean {
    return this.pixels.every((pixel) => pixel === 0);
  }

  clear(): void {
    this.pixels.fill(0);
  }

  /** A round blot; its middle and radius in pixels. */
  dot(x: number, y: number, radius: number): void {
    for (
      let row = Math.max(0, Math.floor(y - radius));
      row <= Math.min(this.edge - 1, y + radius);
      row += 1
    ) {
      for (
        let column = Math.max(0, Math.floor(x - radius));
        column <= Math.min(this.edge - 1, x + radius);
        column += 1
      ) {
        const [dx, dy] = [column + 0.5 - x, row + 0.5 - y];
        if (dx * dx + dy * dy <= radius * radius) this.pixels[row * this.edge + column] = 1;
      }
    }
  }

  line(from: Point, to: Point, radius: number): void {
    const steps = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y)));
    for (let step = 0; step <= steps; step += 1) {
      const part = step / steps;
      this.dot(from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part, radius);
    }
  }
}

export interface Point {
  x: number;
  y: number;
}

/** How thick the pen is: as strokes are, in those data sets, of a digit that fills the sheet. */
export const penRadius = (side: Side): number => side * BLOCK * (side === 8 ? 0.09 : 0.05);

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

function inkOf(bitmap: Bitmap): Box | undefined {
  let [left, top, right, bottom] = [bitmap.edge, bitmap.edge, -1, -1];
  bitmap.pixels.forEach((pixel, index) => {
    if (!pixel) return;
    const [x, y] = [index % bitmap.edge, Math.floor(index / bitmap.edge)];
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  });
  return right < 0 ? undefined : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** Where the ink's middle goes: the middle of its box, or its centre of mass. */
function middleOf(bitmap: Bitmap, box: Box, side: Side): Point {
  if (side === 8) return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  let [x, y, ink] = [0, 0, 0];
  bitmap.pixels.forEach((pixel, index) => {
    if (!pixel) return;
    x += (index % bitmap.edge) + 0.5;
    y += Math.floor(index / bitmap.edge) + 0.5;
    ink += 1;
  });
  return { x: x / ink, y: y / ink };
}

/**
 * The ink scaled, its proportions kept, to where the data sets have it: in UCI's it fills the sheet from edge to edge; in MNIST's
 * it fills 20 of 28 cells, around its centre of mass.
 */
export function fitted(bitmap: Bitmap, side: Side): Bitmap {
  const sheet = Bitmap.sheet(side);
  const box = inkOf(bitmap);
  if (!box) return sheet;
  const room = side === 8 ? sheet.edge : 20 * BLOCK;
  const scale = Math.max(box.width, box.height) / room;
  const middle = middleOf(bitmap, box, side);
  for (let y = 0; y < sheet.edge; y += 1) {
    for (let x = 0; x < sheet.edge; x += 1) {
      const from = {
        x: Math.floor(middle.x + (x + 0.5 - sheet.edge / 2) * scale),
        y: Math.floor(middle.y + (y + 0.5 - sheet.edge / 2) * scale),
      };
      sheet.pixels[y * sheet.edge + x] = bitmap.at(from.x, from.y);
    }
  }
  return sheet;
}

/** The pixels with ink in each block of 4×4, row by row: 0 to 16, as UCI counts them. */
export function blockCounts(bitmap: Bitmap): number[] {
  const side = bitmap.edge / BLOCK;
  return Array.from({ length: side * side }, (_, cell) => {
    const [left, top] = [(cell % side) * BLOCK, Math.floor(cell / side) * BLOCK];
    let ink = 0;
    for (let y = 0; y < BLOCK; y += 1) {
      for (let x = 0; x < BLOCK; x += 1) ink += bitmap.at(left + x, top + y);
    }
    return ink;
  });
}

/** The ink of each cell, from 0 to 1. */
export const inputsOf = (bitmap: Bitmap, side: Side): number[] =>
  blockCounts(fitted(bitmap, side)).map((ink) => ink / FULL);

/** A cell full of ink as the data sets have it: UCI's count pixels, MNIST's are bytes. */
const FULL_CELL: Record<Side, number> = { 8: FULL, 28: 255 };

/**
 * What the model is given for a cell full of ink: the data set's number, divided by the scale that the task asks its clients to divide
 * by (`client_config`; `ddsx train` and `ddsx predict` do). Where it asks for none, 1: the data was scaled beforehand.
 */
export function fullInput(side: Side, clientConfig: string): number {
  let scale: unknown;
  try {
    scale = (JSON.parse(clientConfig) as { scale?: unknown } | null)?.scale;
  } catch {
    // Words for people.
  }
  return typeof scale === 'number' && Number.isFinite(scale) && scale !== 0 ? FULL_CELL[side] / scale : 1;
}

function softmax(logits: readonly number[]): number[] {
  const most = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / sum);
}

/** The probability of each class: what the model says, through a softmax unless that is its last layer. */
export function probabilities({ layers }: ModelSpec, outputs: readonly number[]): number[] {
  const last = layers.at(-1)?.layer;
  return last && 'Softmax' in last ? [...outputs] : softmax(outputs);
}

export interface Answer {
  digit: number;
  chances: number[];
}

/** The most probable digit. */
export function answerOf(model: ModelSpec, outputs: readonly number[]): Answer {
  const chances = probabilities(model, outputs);
  return { digit: chances.indexOf(Math.max(...chances)), chances };
}
