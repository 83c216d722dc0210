/** What the exit status of every command means, and the errors that lead to it. */

export const EXIT = {
  /** Done, or the answer is yes. */
  fine: 0,
  /** The answer is no: nobody listens there, for example. */
  no: 1,
  /** The command line is wrong; the message names the flag. */
  usage: 2,
  /** The system refused; the message names path and errno. */
  system: 3,
} as const;

/** A command line that cannot be meant. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The answer to what was asked is no. */
export class NoError extends Error {
  override readonly name = 'NoError';
}

/** The system refused something that the command needs. */
export class SystemRefusal extends Error {
  override readonly name = 'SystemRefusal';
}
