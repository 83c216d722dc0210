/** `sockcred guard`: who connects, may they come in, and what they get to. */

import { activatedDescriptors } from '../activation.ts';
import { EXIT, UsageError } from '../exit-codes.ts';
import { checkDeputy } from './deputy.ts';
import { GUARD_HELP } from './options/guard-help.ts';
import { type GuardOptions, readGuardOptions } from './options/guard-options.ts';
import { readRunAs } from './run-as.ts';
import { RunningGuard, type StopReason } from './running-guard.ts';

/** Resolves with the name of the first signal that ends; `then` is called for each one after it. */
function stopSignal(then: () => void): Promise<StopReason> {
  return new Promise(settle => {
    let first = true;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (first) settle({ signal });
        else then();
        first = false;
      });
    }
  });
}

/**
 * Resolves with the first error that nobody has caught, rejections among them. Who is in is not cut for it: the guard
 * stops as by a signal, and whoever started it starts it anew.
 */
function firstFault(say: (error: unknown) => void): Promise<StopReason> {
  return new Promise(settle => {
    process.on('uncaughtException', fault => {
      say(fault);
      settle({ fault });
    });
  });
}

function descriptorsFor({ listen, mode, socketGroup }: GuardOptions): readonly number[] {
  const descriptors = activatedDescriptors(process.env, process.pid);
  if (descriptors.length === 0) {
    if (listen === undefined) throw new UsageError('--listen: the path is missing');
    return descriptors;
  }
  const given = { '--listen': listen, '--mode': mode, '--socket-group': socketGroup };
  const [flag] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
  if (flag !== undefined) throw new UsageError(`${flag}: the service manager has opened the socket already`);
  return descriptors;
}

/** Beyond the grace: for what is left to do when a fault has stopped the guard. */
const FAULT_MS = 2000;

/** Runs until a signal ends it, or a fault. */
export async function guard(args: readonly string[]): Promise<number> {
  const options = readGuardOptions(args);
  if (options === 'help') {
    process.stdout.write(GUARD_HELP);
    return EXIT.fine;
  }
  const descriptors = descriptorsFor(options);
  checkDeputy(options, process.geteuid?.());
  const runAs = options.runAs === undefined ? undefined : readRunAs(options.runAs);
  const running = await RunningGuard.prepare(options);
  const signal = stopSignal(() => running.cut());
  process.on('SIGHUP', () => running.reload());
  try {
    await running.start(descriptors, runAs);
  } catch (error) {
    await running.end();
    throw error;
  }
  const fault = firstFault(error => running.sayFault(error));
  const reason = await Promise.race([signal, fault]);
  if ('signal' in reason) {
    await running.stop(reason);
    return EXIT.fine;
  }
  // What has failed may hold something open for good.
  const exit = () => process.exit(EXIT.system);
  setTimeout(exit, options.graceMs + FAULT_MS);
  await running.stop(reason);
  return exit();
}
