import { useEffect, useId, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import { Button } from '@/components/basics';
import { color } from '@/lib/color';
import { Bitmap, inputsOf, penRadius, type Point, type Side } from './drawing';

const MOVES: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** A sheet to draw a digit on: with a mouse, a pen, a finger, or the keyboard. Tells what the model is to be given. */
export function Sheet({ side, onDrawn }: { side: Side; onDrawn: (inputs: number[] | undefined) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const bitmap = useRef<Bitmap>(null);
  const last = useRef<Point>(null);
  const hint = useId();
  const edge = side * 4;
  const [pen, setPen] = useState<Point>({ x: edge / 2, y: edge / 2 });
  const [focused, setFocused] = useState(false);
  const [empty, setEmpty] = useState(true);

  const sheet = () => (bitmap.current ??= Bitmap.sheet(side));
  const repaint = () => {
    if (canvas.current) paint(canvas.current, sheet());
  };
  useEffect(() => {
    const again = () => {
      if (canvas.current && bitmap.current) paint(canvas.current, bitmap.current);
    };
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', again);
    return () => scheme.removeEventListener('change', again);
  }, []);

  const draw = (from: Point, to: Point) => {
    sheet().line(from, to, penRadius(side));
    setEmpty(false);
    repaint();
  };
  const tell = () => onDrawn(sheet().isEmpty ? undefined : inputsOf(sheet(), side));
  const place = ({ currentTarget, clientX, clientY }: PointerEvent): Point => {
    const box = currentTarget.getBoundingClientRect();
    return {
      x: ((clientX - box.left) / box.width) * edge,
      y: ((clientY - box.top) / box.height) * edge,
    };
  };
  const begin = (event: PointerEvent) => {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const at = place(event);
    last.current = at;
    draw(at, at);
  };
  const go = (event: PointerEvent) => {
    if (!last.current) return;
    const at = place(event);
    draw(last.current, at);
    last.current = at;
  };
  const end = () => {
    if (!last.current) return;
    last.current = null;
    tell();
  };
  const press = (event: KeyboardEvent) => {
    const move = MOVES[event.key];
    if (move) {
      const step = edge / 16;
      const within = (at: number) => Math.min(edge, Math.max(0, at));
      const to = { x: within(pen.x + move[0] * step), y: within(pen.y + move[1] * step) };
      if (event.shiftKey) {
        draw(pen, to);
        tell();
      }
      setPen(to);
    } else if (event.key === ' ') {
      draw(pen, pen);
      tell();
    } else {
      return;
    }
    event.preventDefault();
  };
  const clear = () => {
    sheet().clear();
    setEmpty(true);
    repaint();
    onDrawn(undefined);
  };

  return (
    <div className="stack-small">
      <div className="sheet-to-draw">
        <canvas
          ref={canvas}
          width={edge}
          height={edge}
          tabIndex={0}
          role="application"
          aria-label="Sheet to draw a digit on"
          aria-describedby={hint}
          onPointerDown={begin}
          onPointerMove={go}
          onPointerUp={end}
          onPointerCancel={end}
          onKeyDown={press}
          onFocus={({ currentTarget }) => setFocused(currentTarget.matches(':focus-visible'))}
          onBlur={() => setFocused(false)}
        />
        {empty && !focused && (
          <span className="sheet-invitation muted" aria-hidden="true">
            Draw a digit here
          </span>
        )}
        {focused && (
          <span
            className="sheet-pen"
            aria-hidden="true"
            style={{ left: `${(pen.x / edge) * 100}%`, top: `${(pen.y / edge) * 100}%` }}
          />
        )}
      </div>
      <div className="sheet-foot">
        <p className="muted small" id={hint}>
          Or by keyboard: arrows move the pen, Space paints, Shift and arrows draw a line.
        </p>
        <Button small disabled={empty} onClick={clear}>
          Clear<span className="visually-hidden"> the sheet</span>
        </Button>
      </div>
    </div>
  );
}

/** Ink in the colour of text, nothing elsewhere. */
function paint(canvas: HTMLCanvasElement, { pixels, edge }: Bitmap): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  context.clearRect(0, 0, edge, edge);
  context.fillStyle = color('ink');
  pixels.forEach((pixel, index) => {
    if (pixel) context.fillRect(index % edge, Math.floor(index / edge), 1, 1);
  });
}
