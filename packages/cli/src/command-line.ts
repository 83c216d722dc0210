/** Options as parseArgs() reads them, with complaints of our own, and none taken twice that is meant once. */

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { escapeText } from 'sockcred';
import { UsageError } from './exit-codes.ts';

/** Options and positionals by their configuration. */
export type Parsed<T extends ParseArgsConfig> = ReturnType<typeof parseArgs<T>>;

/** What is wrong, by the code of parseArgs(); its messages name the option in quotes. */
const COMPLAINTS: Readonly<Record<string, (word: string) => string>> = {
  ERR_PARSE_ARGS_UNKNOWN_OPTION: word => `there is no option ${word}`,
  ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL: word => `'${word}' is one too many`,
};

function complaint(error: NodeJS.ErrnoException): string | undefined {
  const [, word = ''] = /'((?:-[a-zA-Z], )?[^']*)'/.exec(error.message) ?? [];
  const shown = escapeText(word);
  if (error.code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') {
    const option = shown.replace(/^-[a-zA-Z], /, '').split(' ', 1)[0];
    return error.message.includes('does not take')
      ? `${option}: takes no value`
      : `${option}: the value is missing`;
  }
  return COMPLAINTS[error.code ?? '']?.(shown);
}

/** @throws {@link UsageError} */
export function parsed<T extends ParseArgsConfig>(config: T): Parsed<T> {
  try {
    refuseRepeated(parseArgs({ ...config, tokens: true }).tokens ?? [], config);
    return parseArgs(config);
  } catch (error) {
    const said = complaint(error as NodeJS.ErrnoException);
    throw said === undefined ? error : new UsageError(said);
  }
}

function refuseRepeated(
  tokens: Iterable<{ readonly kind: string; readonly name?: string }>,
  { options = {} }: ParseArgsConfig,
): void {
  const seen = new Set<string>();
  for (const { kind, name } of tokens) {
    if (kind !== 'option' || name === undefined || options[name]?.type !== 'string') continue;
    if (options[name]?.multiple === true) continue;
    if (seen.has(name)) throw new UsageError(`--${name}: is given twice`);
    seen.add(name);
  }
}
