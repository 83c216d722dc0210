#!/usr/bin/env node
/** The `sockcred` command: finds the subcommand, and turns errors into exit statuses. */

import { readFileSync } from 'node:fs';
import { escapeText, PeerError, PeerTypeError } from 'sockcred';
import { build } from './build.ts';
import { doctor } from './doctor.ts';
import { EXIT, NoError, SystemRefusal, UsageError } from './exit-codes.ts';
import { guard } from './guard/guard.ts';
import { ls } from './ls/ls.ts';
import { policy } from './policy/policy.ts';
import { serve } from './serve/serve.ts';
import { who } from './who/who.ts';

const HELP = `Usage: sockcred COMMAND [OPTION ...]

Who is really at the other end of a local (Unix) socket, with the kernel as the
only witness.

  serve       a whoami server: tells whoever connects who they are
  who PATH    who listens on this socket; or who PID is, or is behind FD@PID
  ls          the Unix sockets of this machine, and who holds them
  guard       lets in only who may come in, in front of any program
  policy      checks, explains and tries the policy file of a guard
  doctor      what this machine, kernel and runtime can vouch for
  build       compiles the native addon, where no prebuilt one fits

  --help      this text, or that of a command
  --version   the version

Exit status: 0 fine, 1 the answer is no, 2 usage, 3 the system refused.
`;

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  serve,
  who,
  ls,
  guard,
  policy,
  doctor,
  build,
};

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/** Every command takes it, among whatever else is there. */
function wantsVersion(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? args.length : end).includes('--version');
}

async function run(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(HELP);
    return EXIT.fine;
  }
  if (name === '--version' || wantsVersion(rest)) {
    process.stdout.write(`sockcred ${version()}\n`);
    return EXIT.fine;
  }
  if (name === undefined)
    throw new UsageError('a command is missing: serve, who, ls, guard, policy, doctor or build');
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new UsageError(`there is no command '${escapeText(name)}'`);
  return command(rest);
}

/** Which help has the rest: that of the command, if one was named. */
function helpOf([name = '']: readonly string[]): string {
  return Object.hasOwn(COMMANDS, name) ? `sockcred ${name} --help` : 'sockcred --help';
}

function report(error: unknown, args: readonly string[]): number {
  const say = (text: string) => process.stderr.write(`sockcred: ${text}\n`);
  if (error instanceof UsageError) {
    say(`${error.message}\nTry '${helpOf(args)}'.`);
    return EXIT.usage;
  }
  say(error instanceof Error ? error.message : String(error));
  if (error instanceof NoError) return EXIT.no;
  const expected =
    error instanceof SystemRefusal || error instanceof PeerError || error instanceof PeerTypeError;
  if (!expected && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return EXIT.system;
}

// Whoever reads our lines may go away (`| head`): that is no error of ours, nor a reason to stop serving.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
// A full disk, a terminal that is gone: nobody is left to be told, and telling it would fail again, without end.
process.stderr.on('error', () => {});

const args = process.argv.slice(2);
try {
  process.exitCode = await run(args);
} catch (error) {
  process.exitCode = report(error, args);
}
