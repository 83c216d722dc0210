/** The published schemas, as one that knows them all checks them. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv2020 } from 'ajv/dist/2020.js';

const NAMES = ['peer-credentials', 'peer-picture', 'socket-line'] as const;

export const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });

const schemas = new Map(
  NAMES.map(name => {
    const file = createRequire(import.meta.url).resolve(`sockcred/schema/${name}.v1.json`);
    return [name, JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>] as const;
  }),
);
for (const schema of schemas.values()) ajv.addSchema(schema);

export function schemaOf(name: (typeof NAMES)[number]): Record<string, unknown> {
  const schema = schemas.get(name);
  if (schema === undefined) throw new Error(`no schema ${name}`);
  return schema;
}
