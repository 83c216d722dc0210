// Joins the compiled modules into one file, dist/bundle/index.js, which is what
// programs import: twenty small files take five times as long to load. The
// folder is as deep as the ones it was joined from, because the paths of the
// prebuilt addons are relative to it. `require` stays what it was: esbuild would
// put a function of its own in its place, and then no other bundler follows it.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const dist = fileURLToPath(new URL('dist/', import.meta.url));

const { outputFiles } = await build({
  entryPoints: [join(dist, 'index.js')],
  outfile: join(dist, 'bundle', 'index.js'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['*.node'],
  write: false,
  logLevel: 'warning',
});

for (const { path, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    text.replaceAll('__require', 'require').replace(/^var require = [\s\S]*?^\}\);\n/m, ''),
  );
}
