// Joins the compiled modules into one file for each thing that programs import,
// in dist/bundle: twenty small files take five times as long to load. What two
// of them need is in a file that they share, so that there is one of each class
// and one memory of what was asked. The folder is as deep as the ones it was
// joined from, because the paths of the prebuilt addons are relative to it.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const dist = fileURLToPath(new URL('dist/', import.meta.url));

/** File in dist/bundle, and the module that it is made of. */
const ENTRIES = {
  index: 'index.js',
  adapters: 'adapters/index.js',
  authorization: 'authorization/index.js',
  clients: 'clients/index.js',
  gate: 'gate/index.js',
  testing: 'testing/index.js',
};

rmSync(join(dist, 'bundle'), { recursive: true, force: true });
await build({
  entryPoints: Object.entries(ENTRIES).map(([out, file]) => ({ out, in: join(dist, file) })),
  outdir: join(dist, 'bundle'),
  chunkNames: 'shared-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['*.node'],
  logLevel: 'warning',
});
