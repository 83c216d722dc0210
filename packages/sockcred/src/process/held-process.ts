/**
 * A process that is held, and what can be asked of it meanwhile: the object over
 * a pin, whatever it was that led to the process.
 */

import { PeerError } from '../errors.ts';
import { addon } from '../sys/addon.ts';
import { describeProcess, type ProcessDescription } from './description.ts';
import { type ExitWatch, watchExit } from './exit-watch.ts';
import type { Fact } from './graded.ts';
import type { Pin } from './pin.ts';
import type { ProcessFiles } from './process-files.ts';
import { type ExitStatus, exitOf, type ProcessState, processState } from './process-state.ts';

/**
 * A process, held until it is let go: whoever gets its number later, this
 * object stays with it. It keeps up to three descriptors open.
 */
export interface HeldProcess {
  /**
   * A name that no other process ever has, on this machine or after its next
   * start: for logs and comparisons. The same after exec on Linux, another one
   * on macOS. Absent before Linux 6.9, and on other systems.
   */
  readonly id?: string;
  /** The number by which it was recorded or asked for, in our pid namespace. Absent on macOS: see `lastUser`. */
  readonly pid?: number;
  /** `kernel`: the socket gave the process. `pid-only`: it was found by its number. */
  readonly binding: 'kernel' | 'pid-only';
  /** Why the binding is less than the kernel's; absent where it is not. */
  readonly lowered?: string;
  /** Has it not ended yet? A zombie has. */
  readonly alive: boolean;
  /** How it ended, where the kernel tells. */
  readonly exitStatus: Fact<ExitStatus>;
  /**
   * Resolves when the process has ended, with how it did where the kernel tells
   * that: Linux 6.15, once its parent has waited for it, for which a quarter of
   * a second is left. A process that is let go before stays untold: the promise
   * never settles then. Waiting does not keep the program running; see `ref()`.
   * Elsewhere than on Linux it is told that it ended, and not how.
   */
  readonly exited: Promise<Fact<ExitStatus>>;
  /** Keeps the program running until `exited` has settled. */
  ref(): void;
  /** Undoes `ref()`. */
  unref(): void;
  /** Ids, groups, capabilities, parent and cgroup of this moment. Linux; elsewhere `ERR_PEER_UNSUPPORTED`. */
  now(): ProcessState;
  /** The program, its arguments, its age, its namespaces and what confines it, of this moment. Linux. */
  describe(): ProcessDescription;
  /**
   * Runs a synchronous function that reads files of the process. What it
   * returns belonged to this process, alive and with the same program, ids and
   * cgroup before and after; otherwise it is run again, three times at most. Linux.
   *
   * @throws {@link PeerError} `ERR_PEER_GONE`, `ERR_PEER_RACED`, `ERR_PEER_UNSUPPORTED`,
   * `ERR_PEER_PROCESS`, and whatever the function throws
   */
  read<T>(look: (files: ProcessFiles) => T): T;
  /** Closes what is held. Later questions throw `ERR_PEER_CLOSED`. */
  close(): void;
  [Symbol.dispose](): void;
}

/** The pin of each process that was handed out, for the rooms above. */
const pins = new WeakMap<HeldProcess, Pin>();

/** The pin behind a process, to be looked into. */
export function pinBehind(process: HeldProcess): Pin {
  requireLinux();
  const pin = pins.get(process);
  if (pin !== undefined) return pin;
  throw new PeerError('ERR_PEER_CLOSED', 'this is no process that this library holds', { scope: 'call' });
}

/** Only Linux has processes that can be looked into while they are held. */
export function requireLinux(): void {
  const { system } = addon();
  if (system === 'linux') return;
  throw new PeerError('ERR_PEER_UNSUPPORTED', `no way to look into a process is built in for ${system}`, {
    scope: 'daemon',
  });
}

/** What is made of a pin, which is closed if nothing comes of it. */
export function guarded<T>(pin: Pin, make: (pin: Pin) => T): T {
  try {
    return make(pin);
  } catch (error) {
    pin.close();
    throw error;
  }
}

/** By what a process is known. */
export interface Names {
  readonly id?: string | undefined;
  readonly pid?: number | undefined;
}

/** The object over a pin, with what is told of this kind of process beside. */
export function kept<More extends object>(pin: Pin, { id, pid }: Names, more: More): HeldProcess & More {
  let waiting: ExitWatch | undefined;
  const wait = () => {
    pin.ended();
    waiting ??= watchExit(pin);
    return waiting;
  };
  const close = () => {
    waiting?.close();
    pin.close();
  };
  const process = Object.freeze({
    ...(id === undefined ? {} : { id }),
    ...(pid === undefined ? {} : { pid }),
    binding: pin.binding,
    ...(pin.lowered === undefined ? {} : { lowered: pin.lowered }),
    get alive() {
      return !pin.ended();
    },
    get exitStatus() {
      return exitOf(pin);
    },
    get exited() {
      return wait().exited;
    },
    ref: () => wait().hold(true),
    unref: () => waiting?.hold(false),
    now: () => processState(pin),
    describe: () => describeProcess(pin),
    read: <T>(look: (files: ProcessFiles) => T) => pin.read(files => look(files)),
    close,
    [Symbol.dispose]: close,
    ...more,
  }) as HeldProcess & More;
  pins.set(process, pin);
  return process;
}
