/**
 * The end of a held process, without asking again and again: its pidfd becomes
 * readable when it has ended, and hangs up when its parent has waited for it
 * (Linux 6.9), which is when the kernel records how it ended (6.15). All
 * pidfds are in the one set of the thread, so that waiting for a thousand
 * processes takes neither threads nor timers. See pidfd_open(2). What stands
 * for a process on macOS and the BSDs becomes readable at its end as well.
 */

import { clearTimeout, setTimeout } from 'node:timers';
import { HANGUP, READABLE, watch } from '../sys/readiness.ts';
import type { Fact } from './graded.ts';
import type { Pin } from './pin.ts';
import { type ExitStatus, exitOf } from './process-state.ts';

/**
 * How long an ended process is waited for to be waited for. A parent mostly
 * does it at once; some never do, and the end is to be told all the same.
 */
const PATIENCE_MS = 250;

/** One wait. */
export interface ExitWatch {
  readonly exited: Promise<Fact<ExitStatus>>;
  /** Whether waiting keeps the program running; at first it does not. */
  hold(keepsRunning: boolean): void;
  /** Nothing is told any more, if it was not before. To be called while the pidfd is open. */
  close(): void;
}

/** Waits for the end of a process until it is closed. */
export function watchExit(pin: Pin): ExitWatch {
  let settle: (told: Fact<ExitStatus>) => void;
  let fail: (error: unknown) => void;
  const exited = new Promise<Fact<ExitStatus>>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let keeping = false;
  let over = false;

  const end = watch(pin.pidfd, what => {
    try {
      if ((what & HANGUP) !== 0) tell();
      else askAgain();
    } catch (error) {
      failed(error);
    }
  });
  end.hold(false);

  function stop(): void {
    over = true;
    clearTimeout(timer);
    end.close();
  }

  function tell(): void {
    if (over) return;
    const told = exitOf(pin);
    stop();
    settle(told);
  }

  function failed(error: unknown): void {
    if (over) return;
    stop();
    fail(error);
  }

  /** It has ended; how, the kernel knows once it was waited for, if it is one that tells. */
  function askAgain(): void {
    const told = exitOf(pin);
    if (told.known || told.reason !== 'not-provided') {
      tell();
      return;
    }
    timer = setTimeout(() => {
      try {
        tell();
      } catch (error) {
        failed(error);
      }
    }, PATIENCE_MS);
    if (!keeping) timer.unref();
    // A hang-up is reported without being asked for.
    end.arm(0);
  }

  try {
    end.arm(READABLE);
  } catch (error) {
    failed(error);
  }
  return {
    exited,
    hold(keepsRunning) {
      keeping = keepsRunning && !over;
      end.hold(keeping);
      if (keeping) timer?.ref();
      else timer?.unref();
    },
    close() {
      if (!over) stop();
    },
  };
}
