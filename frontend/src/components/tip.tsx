// What is said about a thing while it is pointed at or focused. As WCAG 2.2 has it (1.4.13): it stays while the pointer is on it, and
// Escape takes it away.
import {
  cloneElement,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
  type HTMLAttributes,
  type ReactElement,
  type ReactNode,
} from 'react';
import { createPortal } from 'react-dom';

const OPEN_MS = 250;
/** So long the pointer may be between the thing and what is said about it. */
const CLOSE_MS = 120;
const GAP = 6;
const EDGE = 8;

class Delay {
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Does this after so many milliseconds, unless something else is to be done by then. */
  run(ms: number, act: () => void): void {
    this.stop();
    this.#timer = setTimeout(act, ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

export function Tip({
  text,
  children,
}: {
  text: ReactNode;
  children: ReactElement<HTMLAttributes<HTMLElement>>;
}) {
  const id = useId();
  const [about, setAbout] = useState<HTMLElement>();
  const [delay] = useState(() => new Delay());
  const after = (ms: number, element: HTMLElement | undefined) => delay.run(ms, () => setAbout(element));
  useEffect(() => () => delay.stop(), [delay]);
  useEffect(() => {
    if (!about) return undefined;
    const close = () => setAbout(undefined);
    const onKey = ({ key }: KeyboardEvent) => {
      if (key === 'Escape') close();
    };
    document.addEventListener('keydown', onKey);
    document.addEventListener('scroll', close, { capture: true, passive: true });
    return () => {
      document.removeEventListener('keydown', onKey);
      document.removeEventListener('scroll', close, { capture: true });
    };
  }, [about]);
  return (
    <>
      {cloneElement(children, {
        'aria-describedby': about && id,
        onPointerEnter: ({ currentTarget, pointerType }) => {
          if (pointerType !== 'touch') after(OPEN_MS, currentTarget);
        },
        onPointerLeave: () => after(CLOSE_MS, undefined),
        onPointerDown: () => after(0, undefined),
        onFocus: ({ currentTarget }) => {
          if (currentTarget.matches(':focus-visible')) after(0, currentTarget);
        },
        onBlur: () => after(0, undefined),
      })}
      {about &&
        createPortal(
          <Said id={id} about={about} onStay={() => delay.stop()} onLeave={() => after(0, undefined)}>
            {text}
          </Said>,
          document.body,
        )}
    </>
  );
}

/** Above what it is about, or below where there is no room; never over an edge. */
function Said({
  id,
  about,
  onStay,
  onLeave,
  children,
}: {
  id: string;
  about: HTMLElement;
  onStay: () => void;
  onLeave: () => void;
  children: ReactNode;
}) {
  const [place, setPlace] = useState({ left: 0, top: 0 });
  const self = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const size = self.current?.getBoundingClientRect();
    if (!size) return;
    const { left, top, bottom, width } = about.getBoundingClientRect();
    const rightmost = document.documentElement.clientWidth - size.width - EDGE;
    const above = top - size.height - GAP;
    setPlace({
      left: Math.max(EDGE, Math.min(left + width / 2 - size.width / 2, rightmost)),
      top: above >= EDGE ? above : bottom + GAP,
    });
  }, [about]);
  return (
    <div
      id={id}
      ref={self}
      role="tooltip"
      className="tooltip"
      style={place}
      onPointerEnter={onStay}
      onPointerLeave={onLeave}
    >
      {children}
    </div>
  );
}
