// What the page shows before its scripts have come: its frame, navigation and heading, written into index.html, so that the first
// picture needs the style sheet and nothing else. src/boot.ts adapts it to the address, and React puts the page in its place.
import type { HtmlTagDescriptor, IndexHtmlTransformContext, Plugin } from 'vite';
import { EXPLORE, PLACES, skeletonWidth } from '../src/components/places.ts';

const LINES = 6;

const brand = `<a class="brand" href="/"><svg viewBox="0 0 26 26" aria-hidden="true"><g fill="var(--verified)"><rect x="2" y="14" width="4" height="10"/><rect x="8" y="8" width="4" height="16"/><rect x="14" y="2" width="4" height="22"/></g><rect x="20" y="11" width="4" height="13" fill="var(--signal)"/></svg>DDSX</a>`;

const navigation = `<nav class="nav" aria-label="Pages">${PLACES.map(
  ([to, label]) => `<a href="${to}">${label}</a>`,
).join('')}</nav>`;

// Widths by attribute: the Content-Security-Policy forbids styles in the page, and an SVG's own attributes are none.
const lines = `<div class="stack-small" aria-busy="true"><span class="visually-hidden">Loading</span>${Array.from(
  { length: LINES },
  (_, index) => `<svg class="skeleton" width="${skeletonWidth(index)}%" aria-hidden="true"></svg>`,
).join('')}</div>`;

const shell = `<div class="frame" id="shell"><header class="rail">${brand}${navigation}</header><header class="topbar">${brand}<button type="button" class="button button-small">Menu</button></header><main class="main"><div class="page" data-shell="explore" hidden><header class="page-head"><div><h1>${EXPLORE.title}</h1><p>${EXPLORE.lead}</p></div></header>${lines}</div><div class="page" data-shell="other">${lines}</div></main></div>`;

/** What the entry loads first and what that imports, so that all of it is asked for at once; and the text's font. */
function preloads({ bundle }: IndexHtmlTransformContext): HtmlTagDescriptor[] {
  if (!bundle) return [];
  const scripts = new Set<string>();
  const add = (file: string) => {
    const chunk = bundle[file];
    if (chunk?.type !== 'chunk' || scripts.has(file)) return;
    scripts.add(file);
    chunk.imports.forEach(add);
  };
  const main = Object.values(bundle).find(
    (chunk) => chunk.type === 'chunk' && chunk.facadeModuleId?.endsWith('/src/main.tsx'),
  );
  if (!main) throw new Error('the entry does not load src/main.tsx');
  add(main.fileName);
  const font = Object.keys(bundle).find((file) => /instrument-sans-latin-wght-normal.*\.woff2$/.test(file));
  if (!font) throw new Error('the font of the text is not in the page');
  const link = (attrs: Record<string, string | boolean>): HtmlTagDescriptor => ({
    tag: 'link',
    attrs,
    injectTo: 'head',
  });
  return [
    link({ rel: 'preload', as: 'font', type: 'font/woff2', crossorigin: true, href: `/${font}` }),
    ...[...scripts]
      .filter((file) => !bundle[file] || !('isEntry' in bundle[file] && bundle[file].isEntry))
      .map((file) => link({ rel: 'modulepreload', crossorigin: true, href: `/${file}` })),
  ];
}

export function staticShell(): Plugin {
  return {
    name: 'ddsx-static-shell',
    transformIndexHtml: {
      order: 'post',
      handler: (html, context) => ({
        html: html.replace('<!--shell-->', () => shell),
        tags: preloads(context),
      }),
    },
  };
}
