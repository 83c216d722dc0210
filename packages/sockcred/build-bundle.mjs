// Joins the compiled modules into few files under dist/bundle, which are what
// programs import: twenty small files take five times as long to load. What
// `sockcred` and `sockcred/messages` share is in files of its own, so that a
// PeerError is the same class whichever of them threw it. The folder is as
// deep as the ones it was joined from, because the paths of the prebuilt
// addons are relative to it.

import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const dist = fileURLToPath(new URL('dist/', import.meta.url));
const bundle = join(dist, 'bundle');

const { metafile } = await build({
  entryPoints: { index: join(dist, 'index.js'), messages: join(dist, 'messages', 'index.js') },
  outdir: bundle,
  bundle: true,
  splitting: true,
  chunkNames: 'shared-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['*.node'],
  logLevel: 'warning',
  metafile: true,
});

// What an older build shared would be packed as well.
const built = new Set(Object.keys(metafile.outputs).map(file => basename(file)));
for (const file of readdirSync(bundle)) if (!built.has(file)) rmSync(join(bundle, file));
