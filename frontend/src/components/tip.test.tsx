import { act, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Tip } from './tip';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const wait = (ms: number): void =>
  act(() => {
    vi.advanceTimersByTime(ms);
  });

/** jsdom knows no pointers. */
const enter = (thing: HTMLElement, pointerType = 'mouse') =>
  fireEvent(thing, Object.assign(new MouseEvent('pointerover', { bubbles: true }), { pointerType }));

function shown() {
  render(
    <Tip text="Tuesday, noon">
      <time tabIndex={0}>now</time>
    </Tip>,
  );
  return screen.getByText('now');
}

describe('what is said about a thing', () => {
  it('should be said after the pointer has rested on it, and describe it', () => {
    const thing = shown();
    enter(thing);
    wait(100);
    expect(screen.queryByRole('tooltip')).toBeNull();
    wait(200);
    const said = screen.getByRole('tooltip');
    expect(said.textContent).toBe('Tuesday, noon');
    expect(thing.getAttribute('aria-describedby')).toBe(said.id);
  });

  it('should not be said to a pointer that only passes', () => {
    const thing = shown();
    enter(thing);
    wait(100);
    fireEvent.pointerLeave(thing);
    wait(1_000);
    expect(screen.queryByRole('tooltip')).toBeNull();
    expect(thing.hasAttribute('aria-describedby')).toBe(false);
  });

  it('should stay while the pointer is on it, and go with the pointer', () => {
    const thing = shown();
    enter(thing);
    wait(300);
    fireEvent.pointerLeave(thing);
    fireEvent.pointerEnter(screen.getByRole('tooltip'));
    wait(1_000);
    expect(screen.getByRole('tooltip').textContent).toBe('Tuesday, noon');
    fireEvent.pointerLeave(screen.getByRole('tooltip'));
    wait(1);
    expect(screen.queryByRole('tooltip')).toBeNull();
  });

  it('should go with Escape, and when the page is scrolled', () => {
    const thing = shown();
    for (const end of [
      () => fireEvent.keyDown(document, { key: 'Escape' }),
      () => fireEvent.scroll(document),
    ]) {
      enter(thing);
      wait(300);
      expect(screen.queryByRole('tooltip')).not.toBeNull();
      fireEvent.keyDown(document, { key: 'a' });
      expect(screen.queryByRole('tooltip')).not.toBeNull();
      end();
      expect(screen.queryByRole('tooltip')).toBeNull();
      fireEvent.pointerLeave(thing);
      wait(300);
    }
  });

  it('should not be in the way of a finger, nor of what is pressed', () => {
    const thing = shown();
    enter(thing, 'touch');
    wait(1_000);
    expect(screen.queryByRole('tooltip')).toBeNull();
    enter(thing);
    wait(300);
    fireEvent.pointerDown(thing);
    wait(1);
    expect(screen.queryByRole('tooltip')).toBeNull();
  });

  it('should be said at once where the keyboard has led, until it leads on', () => {
    const thing = shown();
    // jsdom does not tell how the focus came: here it came by the keyboard.
    const matches = vi
      .spyOn(thing, 'matches')
      .mockImplementation((selector) => selector === ':focus-visible');
    fireEvent.focus(thing);
    wait(1);
    expect(screen.getByRole('tooltip').textContent).toBe('Tuesday, noon');
    fireEvent.blur(thing);
    wait(1);
    expect(screen.queryByRole('tooltip')).toBeNull();
    matches.mockReturnValue(false);
    fireEvent.focus(thing);
    wait(1_000);
    expect(screen.queryByRole('tooltip')).toBeNull();
  });

  it('should be below where there is no room above, and never over an edge', () => {
    const thing = shown();
    vi.spyOn(document.documentElement, 'clientWidth', 'get').mockReturnValue(400);
    const places = vi.spyOn(HTMLElement.prototype, 'getBoundingClientRect').mockImplementation(function (
      this: HTMLElement,
    ) {
      return this === thing ? new DOMRect(380, 10, 20, 20) : new DOMRect(0, 0, 100, 30);
    });
    enter(thing);
    wait(300);
    const { left, top } = screen.getByRole('tooltip').style;
    expect([left, top]).toEqual(['292px', '36px']);
    places.mockRestore();
  });
});
