import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Writes a generated file, its path from the root; with `--check` it writes nothing, and fails when the file is
 * not what it should be.
 */
export function generated(path: string, text: string): void {
  const file = join(import.meta.dirname, "../..", path);
  if (!process.argv.includes("--check")) writeFileSync(file, text);
  else if (readFileSync(file, "utf8") !== text) {
    console.error(`${path} is not the generated one: npm run generate`);
    process.exitCode = 1;
  }
}
