// Joins the compiled modules into few files under dist/bundle, which are what
// programs import: twenty small files take five times as long to load. What
// `sockcred` and `sockcred/messages` share is in files of its own, so that a
// PeerError is the same class whichever of them threw it. The folder is as
// deep as the ones it was joined from, because the paths of the prebuilt
// addons are relative to it. `require` stays what it was: esbuild would put a
// function of its own in its place, and then no other bundler follows it.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const dist = fileURLToPath(new URL('dist/', import.meta.url));
const bundle = join(dist, 'bundle');

const { outputFiles } = await build({
  entryPoints: { index: join(dist, 'index.js'), messages: join(dist, 'messages', 'index.js') },
  outdir: bundle,
  bundle: true,
  splitting: true,
  chunkNames: 'shared-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['*.node'],
  write: false,
  logLevel: 'warning',
});

// What an older build shared would be packed as well.
rmSync(bundle, { recursive: true, force: true });
mkdirSync(bundle, { recursive: true });
for (const { path, text } of outputFiles) {
  const withoutShim = text.replace(/^var __require = [\s\S]*?^\}\);\n/m, '');
  writeFileSync(path, withoutShim.replaceAll('__require', 'require'));
}
