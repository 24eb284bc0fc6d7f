// In the place of the package `react-style-singleton` (vite.config.ts), which the dialogs' scroll lock uses: the same rules, as a
// constructed style sheet instead of a <style> element, which the Content-Security-Policy of the page's canister forbids.
import { useEffect } from 'react';

/** A component whose rules are in force while it is mounted, once however many there are. */
export function styleSingleton(): (props: { styles: string }) => null {
  const sheet = new CSSStyleSheet();
  let users = 0;
  return function Style({ styles }) {
    useEffect(() => {
      if (users === 0) {
        sheet.replaceSync(styles);
        document.adoptedStyleSheets.push(sheet);
      }
      users += 1;
      return () => {
        users -= 1;
        if (users > 0) return;
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
      };
    }, [styles]);
    return null;
  };
}
