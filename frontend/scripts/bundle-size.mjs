// What the first load of the page takes: the entry and all that it imports statically, gzipped. Lazy pages are not in it.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const LIMIT = 250 * 1000;
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
  .filter((key) => manifest[key].isEntry)
  .forEach(add);
let total = 0;
for (const file of files) {
  const size = gzipSync(readFileSync(join(dist, file))).length;
  total += size;
  console.log(`${(size / 1000).toFixed(1).padStart(8)} kB  ${file}`);
}
console.log(
  `${(total / 1000).toFixed(1).padStart(8)} kB  first load, gzipped JavaScript (limit ${LIMIT / 1000} kB)`,
);
if (total > LIMIT) {
  console.error('the first load is too large');
  process.exit(1);
}
