// A reporter for node:test: one JSON object with the names of the tests that
// passed, failed and were skipped (with the reason).

export default async function* report(events) {
  const results = { passed: [], failed: [], skipped: [] };
  for await (const { type, data } of events) {
    if (type === 'test:pass' && data.skip !== undefined) {
      results.skipped.push({ name: data.name, reason: String(data.skip) });
    } else if (type === 'test:pass') {
      results.passed.push(data.name);
    } else if (type === 'test:fail') {
      results.failed.push(data.name);
    }
  }
  yield `${JSON.stringify(results, null, 1)}\n`;
}
