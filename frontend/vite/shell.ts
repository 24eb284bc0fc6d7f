// What the page shows before its scripts have come: its frame, navigation and heading, written into index.html, so that the first
// picture needs the style sheet and nothing else. src/boot.ts adapts it to the address, and React puts the page in its place.
import type { HtmlTagDescriptor, IndexHtmlTransformContext, Plugin } from 'vite';
import { EXPLORE, PLACES, skeletonWidth } from '../src/components/places.ts';

/** Where the shell goes in index.html. */
const MARK = '<!--shell-->';

const LINES = 6;

/** Those of the first picture: the text's, and the brand's. */
const FONTS = ['instrument-sans-latin-wght-normal', 'ibm-plex-mono-latin-500-normal'];

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

/** What the entry loads first and what that imports, so that all of it is asked for at once; and the first
 * picture's fonts. What the page of a stream needs besides lies ready in a template, for the entry to take. */
function preloads({ bundle }: IndexHtmlTransformContext): HtmlTagDescriptor[] {
  if (!bundle) return [];
  const needed = (module: string): string[] => {
    const files = new Set<string>();
    const add = (file: string) => {
      const chunk = bundle[file];
      if (chunk?.type !== 'chunk' || chunk.isEntry || files.has(file)) return;
      files.add(file);
      chunk.imports.forEach(add);
    };
    const chunk = Object.values(bundle).find(
      (one) => one.type === 'chunk' && one.facadeModuleId?.endsWith(module),
    );
    if (!chunk) throw new Error(`the entry does not load ${module}`);
    add(chunk.fileName);
    return [...files];
  };
  const scripts = [...new Set(['/src/router.tsx', '/src/main.tsx'].flatMap(needed))];
  const fonts = FONTS.map((name) => {
    const file = Object.keys(bundle).find((one) => one.includes(`/${name}-`) && one.endsWith('.woff2'));
    if (!file) throw new Error(`the font ${name} is not in the page`);
    return file;
  });
  const link = (attrs: Record<string, string | boolean>): HtmlTagDescriptor => ({
    tag: 'link',
    attrs,
    injectTo: 'head',
  });
  // What is drawn first goes before it.
  const script = (file: string) =>
    link({ rel: 'modulepreload', crossorigin: true, fetchpriority: 'low', href: `/${file}` });
  return [
    ...fonts.map((file) =>
      link({ rel: 'preload', as: 'font', type: 'font/woff2', crossorigin: true, href: `/${file}` }),
    ),
    ...scripts.map(script),
    {
      tag: 'template',
      attrs: { id: 'stream-scripts' },
      children: needed('/src/pages/stream.tsx')
        .filter((file) => !scripts.includes(file))
        .map(script),
      injectTo: 'head',
    },
  ];
}

export function staticShell(): Plugin {
  return {
    name: 'ddsx-static-shell',
    transformIndexHtml: {
      order: 'post',
      // The page alone: what is measured by `npm run bench` has an HTML file of its own.
      handler: (html, context) =>
        html.includes(MARK) ? { html: html.replace(MARK, () => shell), tags: preloads(context) } : html,
    },
  };
}
