/** `sockcred doctor`: what this machine, kernel and runtime can vouch for. */

import { type Diagnosis, diagnose, escapeText, type MechanismState } from 'sockcred';
import { parsed } from './command-line.ts';
import { EXIT } from './exit-codes.ts';
import { jsonLine, wantsColor } from './terminal.ts';

export const DOCTOR_HELP = `Usage: sockcred doctor [--json]

Tries every mechanism that tells who is at the other end of a local socket, on
connections of this process to itself, and says what can be vouched for here.

  --json      one JSON object
  --help      this text
  --version   the version

A mechanism works, is absent (this system, kernel or runtime does not have it),
or is broken: it should work here, and does not.
Exit status: 0 nothing is broken, 1 something is, 2 usage.
`;

const COLORS: Readonly<Record<MechanismState, number>> = { works: 32, absent: 33, broken: 31 };

function text({ kernel, runtime, mechanisms, ok }: Diagnosis, color: boolean): string {
  const width = Math.max(...mechanisms.map(({ name }) => name.length));
  const lines = mechanisms.map(({ name, gives, state, detail }) => {
    const shown = color ? `\x1b[${COLORS[state]}m${state}\x1b[0m` : state;
    const room = ' '.repeat(Math.max(0, 'broken'.length - state.length));
    return `${name.padEnd(width)}  ${shown}${room}  ${gives}: ${escapeText(detail)}`;
  });
  const verdict = ok ? 'Nothing is broken.' : 'Something that should work here does not.';
  return [`${escapeText(kernel)}, ${escapeText(runtime)}`, '', ...lines, '', verdict].join('\n');
}

export async function doctor(args: readonly string[]): Promise<number> {
  const { values } = parsed({
    args: [...args],
    options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true) {
    process.stdout.write(DOCTOR_HELP);
    return EXIT.fine;
  }
  const diagnosis = await diagnose();
  const color = wantsColor(process.stdout, process.env);
  process.stdout.write(values.json === true ? `${jsonLine(diagnosis)}\n` : `${text(diagnosis, color)}\n`);
  return diagnosis.ok ? EXIT.fine : EXIT.no;
}
