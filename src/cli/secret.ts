/** Secrets among a command's words, which everybody on the machine can read in the list of processes. */

import { readSync } from "node:fs";

/** The secret itself, or the first line of the standard input where it is `-`. */
export function secretOf(word: string | undefined): string | undefined {
  return word === "-" ? firstLine() : word;
}

function firstLine(): string {
  const byte = Buffer.alloc(1);
  let line = "";
  while (readSync(0, byte, 0, 1, null) === 1 && byte[0] !== 0x0a) line += byte.toString("latin1");
  return line.trim();
}

/** What the list of processes shows of this one from now on. */
export function hideWords(instead: string): void {
  process.title = instead;
}
