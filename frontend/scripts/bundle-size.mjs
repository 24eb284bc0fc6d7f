// What the first load of the page takes: the entry, the page that it loads at once, all that they import statically, and the worker that
// asks canisters; gzipped. Lazy pages are not in it.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** On the page's own thread, and with the worker. */
const LIMITS = { page: 152 * 1000, all: 225 * 1000 };
const dist = join(dirname(fileURLToPath(import.meta.url)), '../dist');
const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'));

const files = new Set();
function add(key) {
  const entry = manifest[key];
  if (files.has(entry.file)) return;
  files.add(entry.file);
  entry.imports?.forEach(add);
}
Object.keys(manifest)
  .filter((key) => manifest[key].isEntry || key === 'src/main.tsx')
  .forEach(add);
const workers = readdirSync(join(dist, 'assets')).filter((name) => /^worker-.*\.js$/.test(name));
if (!manifest['src/main.tsx'] || workers.length !== 1) throw new Error('dist has not what index.html loads');

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1).padStart(8)} kB`;
function sizes(paths) {
  let total = 0;
  for (const path of paths) {
    const size = gzipSync(readFileSync(join(dist, path))).length;
    total += size;
    console.log(`${kilobytes(size)}  ${path}`);
  }
  return total;
}
const page = sizes(files);
const all = page + sizes(workers.map((name) => `assets/${name}`));
console.log(`${kilobytes(page)}  JavaScript of the page's own thread (limit ${LIMITS.page / 1000} kB)`);
console.log(`${kilobytes(all)}  first load, with the worker (limit ${LIMITS.all / 1000} kB)`);
if (page > LIMITS.page || all > LIMITS.all) {
  console.error('the first load is too large');
  process.exit(1);
}
