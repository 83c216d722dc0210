// Joins the compiled modules into one file, dist/bundle/index.js, which is what
// programs import: twenty small files take five times as long to load. The
// folder is as deep as the ones it was joined from, because the paths of the
// prebuilt addons are relative to it.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const dist = fileURLToPath(new URL('dist/', import.meta.url));

await build({
  entryPoints: [join(dist, 'index.js')],
  outfile: join(dist, 'bundle', 'index.js'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['*.node'],
  logLevel: 'warning',
});
