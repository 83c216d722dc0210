/** The distribution's nginx, with nothing of the system's. */

import { writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { ownDirectory } from './directories.js';
import { start } from './peers.js';
import { programPath } from './requirements.js';
import { listened } from './waiting.js';

/** The path at which nginx listens, until the test ends; with more words after it, and lines of `server` and `http`. */
export async function nginx(
  t: TestContext,
  {
    listen = '',
    server,
    http = '',
  }: { readonly listen?: string; readonly server: string; readonly http?: string },
): Promise<string> {
  const directory = ownDirectory(t);
  const path = `${directory}/nginx`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    `${directory}/nginx.conf`,
    `daemon off; master_process off; pid ${directory}/pid; error_log stderr crit;
events {}
http { access_log off; ${http}
  ${temporary.map(name => `${name}_temp_path ${directory}/${name};`).join(' ')}
  server { listen unix:${path} ${listen}; ${server} } }`,
  );
  start(t, [programPath('nginx'), '-e', 'stderr', '-c', `${directory}/nginx.conf`]);
  await listened(path);
  return path;
}
