/** A guard while it runs: what is in force, who serves, and what is told of it. */

import { escapeText } from 'sockcred';
import type { FactName } from 'sockcred/authorization';
import { createGate, type Gate, type Limits } from 'sockcred/gate';
import { identifyPeer } from 'sockcred/witnesses';
import { SystemRefusal } from '../exit-codes.ts';
import { octal } from '../socket-mode.ts';
import { defaultLimits } from './default-limits.ts';
import { createHttpRefusal } from './http/http-refusal.ts';
import { leftover } from './leftover.ts';
import type { GuardOptions } from './options/guard-options.ts';
import { refuseOwnAddress } from './own-address.ts';
import { type PolicyInForce, policyInForce } from './policy-in-force.ts';
import { type Reach, reachOf, unreachable } from './reach.ts';
import { openAuditLog } from './records/audit-log.ts';
import { AuditQuota } from './records/audit-quota.ts';
import { Journal } from './records/journal.ts';
import { GuardMetrics } from './records/metrics.ts';
import { type MetricsServer, serveMetrics } from './records/metrics-server.ts';
import { becomeUser, type RunAs } from './run-as.ts';
import { serve } from './service-choice.ts';
import { type ServiceManager, serviceManager } from './service-manager.ts';
import type { Service } from './services/service.ts';
import { squatters } from './services/upstream-owner.ts';
import { onTerms } from './terms.ts';
import { requireSomebody } from './unseen.ts';

/** Of our gate's events. */
const GATE = 'sockcred guard';

/** For the operator, beside the audit log. */
function say(text: string): void {
  for (const line of text.split('\n')) process.stderr.write(`sockcred guard: ${line}\n`);
}

/** Of an error that should not have been: where it comes from, too. */
function traceOf(error: unknown): string {
  return escapeLines(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

function escapeLines(text: string): string {
  return text.split('\n').map(escapeText).join('\n');
}

/** Why a guard stops: a signal, or an error that nobody has caught. */
export type StopReason = { readonly signal: string } | { readonly fault: unknown };

export class RunningGuard {
  readonly #options: GuardOptions;
  readonly #metrics: GuardMetrics;
  readonly #journal: Journal;
  readonly #manager: ServiceManager;
  readonly #policy: PolicyInForce;
  readonly #service: Service;
  readonly #gate: Gate;
  #audit: AuditQuota | undefined;
  #auditFails = false;
  #metricsServer: MetricsServer | undefined;
  #reach: Reach | undefined;
  /** A line about what could not be removed. */
  #leftover: () => string | undefined = () => undefined;
  /** Nobody is let in before everything is as it will stay. */
  #open = false;

  static async prepare(options: GuardOptions): Promise<RunningGuard> {
    // Whatever is wrong with it is told before anything else is done.
    let guard: RunningGuard | undefined;
    const policy = await policyInForce(options.who, {
      replaced: () => guard?.policyReplaced(),
      refused: error => guard?.policyRefused(error),
      remark: line => say(`note: ${line}`),
    });
    guard = new RunningGuard(options, policy);
    return guard;
  }

  private constructor(options: GuardOptions, policy: PolicyInForce) {
    const { target } = options;
    this.#options = options;
    this.#policy = policy;
    this.#metrics = new GuardMetrics(() => this.#gate.connections);
    this.#journal = new Journal(GATE, this.#metrics, error => say(`the books: ${traceOf(error)}`));
    this.#manager = serviceManager(process.env, error => say(`NOTIFY_SOCKET: ${error.message}`));
    this.#gate = createGate({
      name: GATE,
      authorize: () => false,
      identify: identifyPeer,
      limits: this.#limits,
      ...(target.kind === 'http'
        ? {
            refuse: {
              handTo: createHttpRefusal({ explain: target.explain, limits: () => this.#limits }),
              limits: true,
            },
          }
        : {}),
    });
    this.#service = serve(this.#gate, options, () => this.#limits, this.#journal);
  }

  /** In force: options say more than the file, and that more than what is usual. */
  get #limits(): Limits {
    return { ...defaultLimits(this.#options.target), ...this.#policy.limits, ...this.#options.limits };
  }

  /** Opens the sockets, gives up root, and lets in whoever may come in, in this order. */
  async start(descriptors: readonly number[], runAs: RunAs | undefined): Promise<void> {
    const { listen, mode = 0o600, socketGroup: group, metrics, metricsMode, target } = this.#options;
    if (metrics !== undefined) this.#metricsServer = await serveMetrics(metrics, metricsMode, this.#metrics);
    const listening =
      listen === undefined
        ? undefined
        : await this.#gate.listen(listen, {
            ...(listen.startsWith('@') ? {} : { mode }),
            ...(group === undefined ? {} : { group }),
          });
    if (listening !== undefined && 'to' in target) refuseOwnAddress(listening.path, target.to);
    // As who may still look everywhere.
    if (listening !== undefined) {
      this.#reach = reachOf(listening.path);
      this.#leftover = leftover(listening.path);
    }
    if (runAs !== undefined) becomeUser(runAs);
    this.#openAudit();
    // Names, our own user, and whether it can be read at all are as that user finds them.
    if (this.#policy.reload() === 'refused')
      throw new SystemRefusal('the policy cannot be read again as USER');
    if (runAs !== undefined) requireSomebody(this.#policy.data, runAs.uid);
    const unseen = ['namespaces', 'application'].filter(fact =>
      this.#policy.policy.facts.has(fact as FactName),
    );
    if (unseen.length > 0 && process.geteuid?.() !== 0) {
      say(
        `note: only root can tell ${unseen.join(' and ')} of other users: rules about that let none of them in`,
      );
    }
    this.#sayWhoCouldListenBehind();
    this.#sayWhoIsShutOut();
    this.#open = true;
    this.#obeyPolicy();
    for (const fd of descriptors) await this.#gate.listenOn(fd);
    this.#policy.watch();
    for (const fd of descriptors) this.#announce(`fd ${fd}`);
    if (listening !== undefined) {
      this.#announce(listening.path, listening.path.startsWith('@') ? undefined : octal(mode));
    }
    this.#manager.ready('letting in whom the policy lets in');
  }

  /** SIGHUP. */
  reload(): void {
    if (!this.#open) return;
    this.#manager.reloading();
    this.#reopenAudit();
    const result = this.#policy.reload();
    this.#manager.ready(
      result === 'replaced' ? 'the policy was read again' : 'the policy has faults: the old one is in force',
    );
  }

  /** Stops accepting, and waits for what is open; cut() does not. */
  async stop(reason: StopReason): Promise<void> {
    const { graceMs } = this.#options;
    const { connections } = this.#gate;
    const why = 'signal' in reason ? reason : { fault: String(reason.fault) };
    this.#policy.close();
    const late = setTimeout(() => this.#service.cut(), graceMs);
    const closed = Promise.all([this.#gate.close({ graceMs }), this.#service.empty()]);
    this.#journal.note('stopping', { ...why, connections });
    this.#manager.stopping(`${connections} connections are open`);
    await closed;
    clearTimeout(late);
    this.#journal.cutRest();
    this.#audit?.settle();
    this.#journal.note('stopped', why);
    const stays = this.#leftover();
    if (stays !== undefined) say(`note: ${stays}`);
    await this.end();
  }

  /** Tells the operator of an error that nobody has caught. */
  sayFault(error: unknown): void {
    say(`a fault of the guard: ${traceOf(error)}`);
  }

  /** A second signal. */
  cut(): void {
    this.#service.cut();
    void this.#gate.close({ graceMs: 0 });
  }

  /** Leaves nothing behind, whatever there is. */
  async end(): Promise<void> {
    this.#policy.close();
    this.#service.cut();
    await this.#gate.close({ graceMs: 0 });
    await this.#metricsServer?.close();
    this.#journal.close();
    this.#manager.close();
  }

  policyReplaced(): void {
    if (!this.#open) return;
    this.#obeyPolicy();
    this.#metrics.reloaded('replaced');
    this.#journal.note('policy-replaced', { limits: this.#limits });
    say('the policy was read again');
    this.#sayWhoIsShutOut();
  }

  policyRefused(error: Error): void {
    say(error.message);
    if (!this.#open) return;
    this.#metrics.reloaded('refused');
    this.#journal.note('policy-refused', { message: error.message });
    say('the old policy is still in force');
    this.#manager.status('the policy has faults: the old one is in force');
  }

  /** Rules and limits in one turn: no connection meets those of two files. */
  #obeyPolicy(): void {
    this.#gate.replaceLimits(this.#limits);
    const { auditRequired } = this.#options;
    const isWritable = () => !auditRequired || this.#audit?.isWritable() === true;
    this.#gate.replaceAuthorize(onTerms(this.#policy.policy, isWritable));
  }

  #announce(at: string, mode?: string): void {
    this.#journal.note('listening', { at, ...(mode === undefined ? {} : { mode }) });
    say(`listening on ${escapeText(at)}${mode === undefined ? '' : ` (mode ${mode})`}`);
  }

  #sayWhoCouldListenBehind(): void {
    const { target, upstreamUser } = this.#options;
    const to = target.kind === 'pass' ? target : target.kind === 'program' ? undefined : target.to;
    if (to === undefined || !('path' in to) || upstreamUser !== undefined) return;
    const whose = squatters(to.path, process.geteuid?.());
    if (whose === undefined) return;
    say(`note: ${whose}, so that another server could listen behind; --upstream-user makes sure who does`);
  }

  #sayWhoIsShutOut(): void {
    const own = process.geteuid?.();
    if (this.#reach === undefined || own === undefined) return;
    const line = unreachable(this.#policy.data, this.#reach, own);
    if (line !== undefined) say(`note: ${line}`);
  }

  #openAudit(): void {
    const { audit, auditRepeats } = this.#options;
    const log = openAuditLog(audit, {
      retried: error => {
        this.#metrics.auditFailures.add(['retried']);
        if (!this.#auditFails) say(`the audit log cannot be written: ${error.message}`);
        this.#auditFails = true;
      },
      lost: () => this.#metrics.auditFailures.add(['lost']),
    });
    this.#audit = new AuditQuota(log, auditRepeats, suppressed =>
      this.#journal.note('suppressed', suppressed),
    );
    // Nothing is put together for a log that there is not.
    this.#journal.writeTo(audit === 'none' ? log : this.#audit);
  }

  #reopenAudit(): void {
    this.#auditFails = false;
    try {
      this.#audit?.reopen();
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
  }
}
