// The first script that runs: small, so that what is asked for next is asked for at once. It fits what index.html shows to the address,
// starts the worker that asks canisters, and loads the page: one part after the other, so that the browser can draw and answer in between.
import '@fontsource-variable/instrument-sans';
// In one weight: the page uses no other.
import '@fontsource/ibm-plex-mono/500.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/components.css';
import { drawn, pause } from './lib/pause';
import { startAsking } from './verify/client';

const { pathname } = location;
const shown = pathname === '/' ? 'explore' : 'other';
for (const part of document.querySelectorAll<HTMLElement>('[data-shell]')) {
  part.hidden = part.dataset['shell'] !== shown;
}
for (const link of document.querySelectorAll<HTMLAnchorElement>('#shell .nav a')) {
  const to = link.pathname;
  if (to === '/' ? pathname === '/' : pathname.startsWith(to)) link.setAttribute('aria-current', 'page');
  // Where no federated tasks run, the page does not speak of them.
  if (to === '/tasks' && !document.cookie.includes('federated_aggregator')) link.remove();
}
// The page that links from elsewhere lead to is asked for with the rest.
const stream = /^\/streams\/\d+$/.test(pathname);
const more = document.getElementById('stream-scripts');
if (stream && more instanceof HTMLTemplateElement) document.head.append(more.content);
startAsking();

async function load(): Promise<void> {
  await drawn();
  await import('./router');
  await pause();
  if (stream) {
    await import('./pages/stream');
    await pause();
  }
  const { start } = await import('./main');
  await pause();
  await start();
}
void load();
