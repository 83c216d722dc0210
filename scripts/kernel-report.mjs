// A reporter for node:test whose lines survive a serial console: one line with
// a JSON object for every test, marked so that it is told from other output.

import { basename } from 'node:path';

function told(type, data) {
  if (data.skip !== undefined) return { state: 'skipped', text: String(data.skip) };
  if (type === 'test:pass') return { state: 'passed' };
  const { error } = data.details;
  return { state: 'failed', text: String(error?.cause?.stack ?? error?.cause ?? error) };
}

export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    // A test that only holds others is counted through them.
    if (data.details?.type === 'suite' || data.details?.error?.failureType === 'subtestsFailed') continue;
    const file = basename(data.file ?? '');
    yield `@@test ${JSON.stringify({ file, name: data.name, ...told(type, data) })}\n`;
  }
}
