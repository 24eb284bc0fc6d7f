// Room for the browser between two pieces of work.

/** Lets the browser draw and answer first, if it has anything to. */
export const pause = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve);
  });

/** A page that nobody looks at is not drawn. */
const MOST_MS = 100;

/** When what is on the page just now has been drawn. */
export const drawn = (): Promise<void> =>
  new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, MOST_MS);
  });
