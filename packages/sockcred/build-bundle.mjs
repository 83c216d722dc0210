// Joins the compiled modules into few files, in dist/bundle, which are what
// programs import: twenty small files take five times as long to load. There is
// one for the main module, one for all subpaths together, and one that both
// share, so that there is one of each class and one memory of what was asked;
// each subpath is a line that names what it has. The folder is as deep as the
// ones it was joined from, because the paths of the prebuilt addons are relative to it.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const dist = fileURLToPath(new URL('dist/', import.meta.url));
const bundle = join(dist, 'bundle');

/** The rooms that programs import by names of their own: `sockcred/gate`; `sockcred/relay` for relaying. */
const SUBPATHS = [
  ...['messages', 'process', 'application'],
  ...['adapters', 'authorization', 'clients', 'forwarding', 'gate', 'relaying', 'testing', 'witnesses'],
];

const OPTIONS = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['*.node'],
  logLevel: 'warning',
  metafile: true,
  write: false,
};

/** The names that a compiled module exports. */
async function exportsOf(file) {
  const { metafile } = await build({ ...OPTIONS, entryPoints: [file] });
  return Object.values(metafile.outputs).flatMap(output => output.exports);
}

/**
 * The `require` of sys/addon.ts has to stay what it is: esbuild puts a function
 * of its own in its place, and then no other bundler follows it to the addons.
 */
function withPlainRequire(text) {
  return text.replace(/^var __require = [\s\S]*?^\}\);\n/m, '').replaceAll('__require', 'require');
}

rmSync(bundle, { recursive: true, force: true });
mkdirSync(bundle);
const subpaths = join(bundle, 'subpaths.js');
writeFileSync(subpaths, SUBPATHS.map(room => `export * from '../${room}/index.js';\n`).join(''));
const all = await exportsOf(subpaths);
const { outputFiles } = await build({
  ...OPTIONS,
  entryPoints: { index: join(dist, 'index.js'), subpaths },
  outdir: bundle,
  chunkNames: 'shared',
  splitting: true,
});
for (const { path, text } of outputFiles) writeFileSync(path, withPlainRequire(text));

for (const room of SUBPATHS) {
  const names = await exportsOf(join(dist, room, 'index.js'));
  // `export *` leaves out what two rooms call by the same name.
  const lost = names.filter(name => !all.includes(name));
  if (lost.length > 0) throw new Error(`${room}: ${lost.join(', ')}: another subpath has that name too`);
  writeFileSync(join(bundle, `${room}.js`), `export { ${names.join(', ')} } from './subpaths.js';\n`);
}
