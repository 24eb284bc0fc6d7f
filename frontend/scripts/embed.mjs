// Puts the built page where `canisters/web` embeds it from: `target/web`, each file beside its Brotli and gzip forms, where they
// are smaller. The same page gives the same bytes.
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const frontend = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(frontend, 'dist');
const target = resolve(frontend, '../target/web');
const COMPRESSIBLE = new Set(['.html', '.js', '.css', '.svg', '.json', '.txt', '.webmanifest']);

/** Vite's own notes, and fonts in a form that only browsers ask for that cannot run the page. */
const left = (path) => path.startsWith('.vite') || extname(path) === '.woff';

const files = readdirSync(dist, { recursive: true })
  .map((path) => relative(dist, join(dist, path)))
  .filter((path) => !left(path) && statSync(join(dist, path)).isFile());

const fresh = `${target}.new`;
rmSync(fresh, { recursive: true, force: true });
const total = { plain: 0, br: 0, gz: 0 };
for (const path of files) {
  const to = join(fresh, path);
  mkdirSync(dirname(to), { recursive: true });
  cpSync(join(dist, path), to);
  const plain = readFileSync(to);
  const encodings = COMPRESSIBLE.has(extname(path))
    ? {
        br: brotliCompressSync(plain, {
          params: {
            [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
            [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
            [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
          },
        }),
        gz: gzipSync(plain, { level: 9 }),
      }
    : {};
  total.plain += plain.length;
  for (const [extension, bytes] of Object.entries(encodings)) {
    if (bytes.length >= plain.length) continue;
    writeFileSync(`${to}.${extension}`, bytes);
    total[extension] += bytes.length;
  }
}
rmSync(target, { recursive: true, force: true });
renameSync(fresh, target);
const kib = (bytes) => `${Math.ceil(bytes / 1024)} KiB`;
console.log(
  `target/web: ${files.length} files, ${kib(total.plain)} (Brotli ${kib(total.br)}, gzip ${kib(total.gz)})`,
);
