/**
 * All that a gate does, once more with a `net.Server` that accepts: as in a runtime in whose loop nothing
 * of ours can wait, which only its name tells (`needsThread()` in `sys/readiness.ts`).
 */

import { runtime } from './support/requirements.js';

if (runtime() === 'node') {
  Object.defineProperty(process, 'versions', { value: { ...process.versions, deno: '0.0.0' } });

  await import('./gate.test.js');
  await import('./gate-admit.test.js');
  await import('./gate-servers.test.js');
  await import('./gate-limits.test.js');
  await import('./gate-limits-replaced.test.js');
  await import('./gate-refusal.test.js');
  await import('./gate-tls.test.js');
}
