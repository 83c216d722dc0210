#!/usr/bin/env node
// `npx sockcred build`: compiles the native addon where no prebuilt one fits;
// a C compiler is all that it needs. Every other command is @sockcred/cli's,
// if that is installed.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from '../build-native.mjs';
import { systemOf } from '../native-systems.mjs';

const SYSTEM_ERROR = 3;
const USAGE_ERROR = 2;

function say(text) {
  process.stderr.write(`sockcred: ${text}\n`);
}

/** The command of @sockcred/cli as it is installed beside this package, or where we are. */
function commandLine() {
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json'))]) {
    try {
      const description = createRequire(from).resolve('@sockcred/cli/package.json');
      const main = join(dirname(description), JSON.parse(readFileSync(description, 'utf8')).bin.sockcred);
      if (existsSync(main)) return main;
    } catch {
      // Not there; perhaps at the other place.
    }
  }
  return undefined;
}

function buildHere(args) {
  if (systemOf(process.platform) === 'none' && !args.some(word => word.startsWith('--system'))) {
    say(`nothing to build: on ${process.platform} there is no way to ask a socket for its peer`);
    return SYSTEM_ERROR;
  }
  try {
    const file = build(args, { strict: false });
    const { system } = createRequire(import.meta.url)(file);
    process.stdout.write(`built ${file} for ${system}\n`);
    return 0;
  } catch (error) {
    say(error.message);
    return error.code?.startsWith('ERR_PARSE_ARGS') ? USAGE_ERROR : SYSTEM_ERROR;
  }
}

const [command, ...rest] = process.argv.slice(2);
if (command === 'build') {
  process.exitCode = buildHere(rest);
} else {
  const main = commandLine();
  if (main !== undefined) {
    await import(pathToFileURL(main).href);
  } else {
    say(`'build' is the one command without @sockcred/cli; 'npm install @sockcred/cli' brings the others`);
    process.exitCode = USAGE_ERROR;
  }
}
