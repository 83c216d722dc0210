/**
 * A policy in a TOML file: read as a whole or refused as a whole, each fault
 * with its line and column. What is in force changes in one step, to a policy
 * that has been read without a fault; until then, and instead, the old one stays.
 */

import { escapeText } from 'sockcred';
import {
  definePolicy,
  type Finding,
  type Policy,
  type PolicyData,
  PolicyError,
} from 'sockcred/authorization';
import type { Limits } from 'sockcred/gate';
import { peerWitnesses } from 'sockcred/witnesses';
import { NoError } from '../exit-codes.ts';
import { type Fault, limitFaults, unknownProperty } from './policy-limits.ts';
import { readPolicySource } from './policy-source.ts';
import { type ParsedToml, type Position, readToml, TomlSyntaxError } from './policy-toml.ts';
import { PolicyWatch } from './policy-watch.ts';

/** Something to say about a place in the file. */
export interface Remark extends Position {
  /** Of a fault or finding; `syntax` for text that is no TOML. */
  readonly code: string;
  /** Where that is in the policy: `rules[2].user`. */
  readonly path: string;
  readonly message: string;
}

/** A file without a fault. */
export interface LoadedPolicy {
  readonly policy: Policy;
  /** What `[limits]` says; for the gate. */
  readonly limits: Limits;
  /** What should be told to whoever wrote it; it can be used all the same. */
  readonly findings: readonly Remark[];
  /** The policy as it was written, for explaining it. */
  readonly data: PolicyData;
  /** Where a path of a decision stands in the file: `rules[2].user`. */
  readonly positionOf: (path: string) => Position;
}

/** The line that compilers would print. */
export function remarkLine(file: string, { line, column, message }: Remark): string {
  return `${escapeText(file)}:${line}:${column}: ${escapeText(message)}`;
}

/** A file with faults: nothing of it is in force. */
export class PolicyFileError extends NoError {
  readonly faults: readonly Remark[];

  constructor(file: string, faults: readonly Remark[]) {
    const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
    super(`${escapeText(file)} has ${count}:\n${faults.map(fault => remarkLine(file, fault)).join('\n')}`);
    this.faults = faults;
  }
}

const FILE_PROPERTIES = ['rules', 'maps', 'limits'];
function decoded(bytes: Uint8Array): string | Remark {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const here = (line: number, column: number, message: string): Remark => ({
    line,
    column,
    code: 'syntax',
    path: '',
    message,
  });
  let line = 1;
  for (let start = 0; start <= bytes.length; line++) {
    const found = bytes.indexOf(0x0a, start);
    const end = found === -1 ? bytes.length : found;
    const nul = bytes.subarray(start, end).indexOf(0);
    if (nul !== -1) return here(line, nul + 1, 'a NUL byte: the file is damaged, or no text');
    try {
      decoder.decode(bytes.subarray(start, end));
    } catch {
      return here(line, 1, 'this line is not UTF-8');
    }
    start = end + 1;
  }
  return decoder.decode(bytes);
}

function policyOf(data: PolicyData): Policy | PolicyError {
  try {
    return definePolicy(data, { witnesses: peerWitnesses() });
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
}

const inOrder = (a: Remark, b: Remark) => a.line - b.line || a.column - b.column;

function placed({ positionOf }: ParsedToml, faults: readonly (Fault | Finding)[]): readonly Remark[] {
  return faults
    .map(({ code, path, message }) => {
      const position = positionOf(path, code === 'unknown-property' ? 'key' : 'value');
      return { ...position, code, path, message };
    })
    .sort(inOrder);
}

/**
 * The policy in the bytes of a file; `file` is its name in messages.
 *
 * @throws {@link PolicyFileError}
 */
export function policyInBytes(file: string, bytes: Uint8Array): LoadedPolicy {
  const text = decoded(bytes);
  if (typeof text !== 'string') throw new PolicyFileError(file, [text]);
  let toml: ParsedToml;
  try {
    toml = readToml(text);
  } catch (error) {
    if (!(error instanceof TomlSyntaxError)) throw error;
    const { message, position } = error;
    throw new PolicyFileError(file, [{ ...position, code: 'syntax', path: '', message }]);
  }
  const { rules, maps, limits } = toml.data;
  const data = {
    ...(rules === undefined ? {} : { rules }),
    ...(maps === undefined ? {} : { maps }),
  } as PolicyData;
  const policy = policyOf(data);
  const faults: readonly Fault[] = [
    ...toml.faults.map(fault => ({ code: 'type', ...fault })),
    ...Object.keys(toml.data)
      .filter(key => !FILE_PROPERTIES.includes(key))
      .map(key => unknownProperty(key, FILE_PROPERTIES)),
    ...limitFaults(limits),
    ...(policy instanceof PolicyError ? policy.faults : []),
  ];
  if (faults.length > 0 || policy instanceof PolicyError)
    throw new PolicyFileError(file, placed(toml, faults));
  return Object.freeze({
    policy,
    limits: Object.freeze({ ...(limits as Limits | undefined) }),
    findings: placed(toml, policy.findings),
    data,
    positionOf: (path: string) => toml.positionOf(path, 'key'),
  });
}

/**
 * Reads a policy file once.
 *
 * @throws {@link PolicyFileError} for what is in it, {@link SystemRefusal} where it cannot or must not be read.
 */
export function loadPolicyFile(path: string): LoadedPolicy {
  return policyInBytes(path, readPolicySource(path).bytes);
}

/** What becomes of a file that is read again. */
export interface PolicyFileEvents {
  /** Another policy is in force from now on. */
  replaced?(loaded: LoadedPolicy): void;
  /** The file cannot be used as it is; what was in force before still is. Told once for each state of the file. */
  refused?(error: PolicyFileError | Error): void;
}

/** A policy in a file, and what is in force of it. */
export interface PolicyFile extends LoadedPolicy {
  /**
   * Reads the file now (SIGHUP), and looks up its names anew, also where it has not changed. The events have been
   * told by then.
   */
  reload(): 'replaced' | 'refused';
  /** Reads the file again whenever it changes, from now on. Does not keep the program running. */
  watch(): void;
  /** Stops watching. What is in force stays. */
  close(): void;
}

/** A policy file that can be read again while its policy is in force. */
class ReadAgain implements PolicyFile {
  readonly #path: string;
  readonly #events: PolicyFileEvents;
  #current: LoadedPolicy;
  #bytes: Uint8Array;
  /** The last refusal, so that it is told once. */
  #refused: string | undefined;
  #watch: PolicyWatch | undefined;

  constructor(path: string, events: PolicyFileEvents) {
    this.#path = path;
    this.#events = events;
    this.#bytes = readPolicySource(path).bytes;
    this.#current = policyInBytes(path, this.#bytes);
  }

  get policy(): Policy {
    return this.#current.policy;
  }

  get limits(): Limits {
    return this.#current.limits;
  }

  get findings(): readonly Remark[] {
    return this.#current.findings;
  }

  get data(): PolicyData {
    return this.#current.data;
  }

  get positionOf(): LoadedPolicy['positionOf'] {
    return this.#current.positionOf;
  }

  reload(): 'replaced' | 'refused' {
    this.#refused = undefined;
    return this.#take(() => readPolicySource(this.#path).bytes);
  }

  watch(): void {
    this.#watch ??= new PolicyWatch(this.#path, read => {
      if (this.#says(read)) this.#refused = undefined;
      else this.#take(read);
    });
  }

  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  /** Does the file say what it said when what is in force was read? */
  #says(read: () => Uint8Array): boolean {
    try {
      return Buffer.compare(read(), this.#bytes) === 0;
    } catch {
      return false;
    }
  }

  #take(read: () => Uint8Array): 'replaced' | 'refused' {
    let bytes: Uint8Array;
    let loaded: LoadedPolicy;
    try {
      bytes = read();
      loaded = policyInBytes(this.#path, bytes);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (error.message !== this.#refused) this.#events.refused?.(error);
      this.#refused = error.message;
      return 'refused';
    }
    this.#refused = undefined;
    this.#bytes = bytes;
    this.#current = loaded;
    this.#events.replaced?.(loaded);
    return 'replaced';
  }
}

/**
 * Opens a policy file.
 *
 * @throws what {@link loadPolicyFile} throws: there is nothing yet that could stay in force.
 */
export async function policyFile(path: string, events: PolicyFileEvents = {}): Promise<PolicyFile> {
  return new ReadAgain(path, events);
}
