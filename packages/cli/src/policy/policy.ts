/** `sockcred policy check|explain|test`: looks at a policy file, and lets nobody in. */

import { escapeText } from 'sockcred';
import { formatDecision, type Policy } from 'sockcred/authorization';
import { parsed } from '../command-line.ts';
import { EXIT, UsageError } from '../exit-codes.ts';
import { jsonLine } from '../terminal.ts';
import { targetOf } from '../who-target.ts';
import {
  type LoadedPolicy,
  loadPolicyFile,
  PolicyFileError,
  type Remark,
  remarkLine,
} from './policy-file.ts';
import { type Trial, tryOnRecord, tryOnTarget, tryOnUser } from './policy-trial.ts';
import { policyWords } from './policy-words.ts';

export const POLICY_HELP = `Usage: sockcred policy check [--json] FILE
       sockcred policy explain FILE
       sockcred policy test [--json] FILE
                           (PATH | PID | FD@PID | --user NAME | --peer RECORD)

Looks at a policy file, in TOML, of sockcred guard; docs/policy.md has the
language. Nobody is let in or kept out by it.

  check       every fault with line and column, and what may not be meant
  explain     every rule in plain words, and what it goes by
  test        what would be decided, and why

  PATH        about who listens on the Unix socket there; @NAME is an abstract
              name
  PID         about this process, as if it connected now
  FD@PID      about who is at the other end of that process's socket FD
  --user NAME about this user, as it would be after a login
  --peer RECORD
              about a peer that was written down: the JSON of one, also as
              sockcred who --json prints it, as a line of a guard's audit log,
              or as few facts as {"uid":1000,"groups":[4]}; or a file of it, or
              - for stdin

  --json      one JSON object
  --help      this text
  --version   the version

The file is refused if others than root and you could write it, or a directory
on the way to it.
Exit status: 0 no faults, or allowed; 1 faults, or denied; 2 usage, 3 the
system refused.
`;

interface PolicyOptions {
  readonly question: 'check' | 'explain' | 'test';
  readonly file: string;
  readonly target?: string;
  readonly record?: string;
  readonly user?: string;
  readonly json: boolean;
}

const QUESTIONS = ['check', 'explain', 'test'] as const;

function readOptions(args: readonly string[]): PolicyOptions | 'help' {
  const { values, positionals } = parsed({
    args: [...args],
    options: {
      json: { type: 'boolean' },
      peer: { type: 'string' },
      user: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  });
  if (values.help === true) return 'help';
  const [word, file, target, ...rest] = positionals;
  const question = QUESTIONS.find(known => known === word);
  if (question === undefined) {
    throw new UsageError(
      word === undefined ? 'check, explain or test?' : `there is no 'policy ${escapeText(word)}'`,
    );
  }
  if (file === undefined || file === '') throw new UsageError('FILE is missing');
  const strange = question === 'test' ? rest[0] : target;
  if (strange !== undefined) throw new UsageError(`'${escapeText(strange)}' is one too many`);
  const { peer: record, user, json = false } = values;
  if (question !== 'test' && record !== undefined) throw new UsageError('--peer is for policy test');
  if (question !== 'test' && user !== undefined) throw new UsageError('--user is for policy test');
  if (question === 'explain' && json) throw new UsageError('--json is for policy check and policy test');
  if (question === 'test' && [target, record, user].filter(one => one !== undefined).length !== 1) {
    throw new UsageError('whom to test: one of PATH, PID, FD@PID, --user or --peer');
  }
  if (target === '' || target === '@') throw new UsageError('PATH is missing');
  return {
    question,
    file,
    json,
    ...(target === undefined ? {} : { target }),
    ...(record === undefined ? {} : { record }),
    ...(user === undefined ? {} : { user }),
  };
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

function findingLines(file: string, findings: readonly Remark[]): readonly string[] {
  return findings.map(finding => remarkLine(file, { ...finding, message: `note: ${finding.message}` }));
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function check({ file, json }: PolicyOptions): number {
  let loaded: LoadedPolicy;
  try {
    loaded = loadPolicyFile(file);
  } catch (error) {
    if (!(error instanceof PolicyFileError)) throw error;
    const { faults } = error;
    print(
      json
        ? [jsonLine({ file, usable: false, faults, findings: [] })]
        : faults.map(fault => remarkLine(file, fault)),
    );
    return EXIT.no;
  }
  const { data, findings } = loaded;
  if (json) {
    print([jsonLine({ file, usable: true, faults: [], findings })]);
    return EXIT.fine;
  }
  const allowing = data.rules.filter(({ effect }) => effect === 'allow').length;
  const rules = `${count(allowing, 'allow rule')}, ${count(data.rules.length - allowing, 'deny rule')}`;
  print([`${escapeText(file)}: no faults; ${rules}`, ...findingLines(file, findings)]);
  return EXIT.fine;
}

function explain({ file }: PolicyOptions): number {
  const loaded = loadPolicyFile(file);
  const findings = findingLines(file, loaded.findings);
  print([...policyWords(loaded), ...(findings.length === 0 ? [] : ['', ...findings])]);
  return EXIT.fine;
}

function trialLines(file: string, { positionOf }: LoadedPolicy, trial: Trial): readonly string[] {
  const { title, note, decision, missing } = trial;
  const { rule } = decision;
  const missed = missing.map(({ fact, reason, detail }) => `  ${fact}: ${reason}: ${escapeText(detail)}`);
  return [
    title,
    ...(note === '' ? [] : [note]),
    '',
    formatDecision(decision),
    ...(rule === undefined
      ? []
      : ['', `Decided by ${escapeText(file)}:${positionOf(`rules[${rule.index}]`).line}.`]),
    ...(missed.length === 0 ? [] : ['', 'Of what the policy is about, this could not be told:', ...missed]),
  ];
}

function trialOf({ target, user, record = '' }: PolicyOptions, policy: Policy): Trial {
  if (target !== undefined) return tryOnTarget(policy, targetOf(target));
  return user === undefined ? tryOnRecord(policy, record) : tryOnUser(policy, user);
}

function test(options: PolicyOptions): number {
  const { file } = options;
  const loaded = loadPolicyFile(file);
  const trial = trialOf(options, loaded.policy);
  const { decision, peer, missing } = trial;
  print(options.json ? [jsonLine({ file, ...decision, peer, missing })] : trialLines(file, loaded, trial));
  return decision.allowed ? EXIT.fine : EXIT.no;
}

const ANSWERS = { check, explain, test };

export async function policy(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === 'help') {
    process.stdout.write(POLICY_HELP);
    return EXIT.fine;
  }
  return ANSWERS[options.question](options);
}
