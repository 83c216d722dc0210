/** Policy files of a test. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ownDirectory } from './directories.js';

/** The path of a new file with this text. */
export function written(t: TestContext, text: string): string {
  const path = join(ownDirectory(t), 'p.toml');
  writeFileSync(path, text);
  return path;
}

/** A rule that lets in whom the condition fits. */
export const allow = (condition: string) => `[[rules]]\neffect = "allow"\n${condition}\n`;
