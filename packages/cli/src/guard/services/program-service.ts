/** A program for each connection, which is its standard input and output: UCSPI. */

import { type ChildProcess, spawn } from 'node:child_process';
import type { AdmittedConnection, Gate } from 'sockcred/gate';
import { closeDescriptor } from 'sockcred/relay';
import type { Journal } from '../records/journal.ts';
import { programEnvironment } from './program-environment.ts';
import { type Service, Underway } from './service.ts';

export interface ProgramOptions {
  readonly file: string;
  readonly args: readonly string[];
  /** Where clients connect, if it is a path. */
  readonly localPath: string | undefined;
}

/** Between asking a program to end and ending it. */
const KILL_AFTER_MS = 1000;

export class ProgramService implements Service {
  readonly #options: ProgramOptions;
  readonly #journal: Journal;
  readonly #underway = new Underway();
  readonly #ofUser = new Map<number | undefined, number>();

  constructor(options: ProgramOptions, journal: Journal) {
    this.#options = options;
    this.#journal = journal;
  }

  takeFrom(gate: Gate): void {
    gate.handDescriptorsTo(connection => this.#run(connection));
  }

  empty(): Promise<void> {
    return this.#underway.empty();
  }

  cut(): void {
    this.#underway.cut();
  }

  #run(connection: AdmittedConnection): void {
    const { peer } = connection;
    const open = (this.#ofUser.get(peer.uid) ?? 0) + 1;
    this.#ofUser.set(peer.uid, open);
    let child: ChildProcess | undefined;
    let wasCut = false;
    const over = this.#underway.begin(() => {
      wasCut = true;
      if (child !== undefined) end(child);
    });
    let settled = false;
    const settle = (tell: () => void) => {
      if (settled) return;
      settled = true;
      tell();
      this.#leave(peer.uid);
      connection.ended();
      over();
    };
    try {
      child = this.#start(connection, open);
      child.on('error', error => settle(() => this.#journal.unserved(peer, error)));
      child.on('exit', (status, signal) => {
        const reason = wasCut ? 'cut' : 'exited';
        settle(() => this.#journal.ended(peer, { reason, status: status ?? signal ?? 'unknown' }));
      });
    } catch (error) {
      settle(() => this.#journal.unserved(peer, error));
    } finally {
      // The program has its own, made blocking by the runtime; ours would keep the connection open.
      closeDescriptor(connection.fd);
    }
  }

  #start(connection: AdmittedConnection, ofThisUser: number): ChildProcess {
    const { file, args, localPath } = this.#options;
    const env = programEnvironment(process.env, connection, { ofThisUser, localPath });
    return spawn(file, args, { stdio: [connection.fd, connection.fd, 'inherit'], env });
  }

  #leave(uid: number | undefined): void {
    const left = (this.#ofUser.get(uid) ?? 1) - 1;
    if (left > 0) this.#ofUser.set(uid, left);
    else this.#ofUser.delete(uid);
  }
}

function end(child: ChildProcess): void {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  child.once('exit', () => clearTimeout(timer));
}
