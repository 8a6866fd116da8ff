/** Files and functions that are too long. */

import { isTest, type Source } from "./source.ts";

const FILE_LINES = 520;
const FUNCTION_LINES = 90;
/** What plays a region for the tests is one function with everything that it remembers. */
const FUNCTION_LINES_IN_TEST = 185;

/**
 * The lengths of a file and its functions that are over the limits; those of tests are lists of cases,
 * however long.
 */
export function lengths({ path, text, functions }: Source): readonly string[] {
  const lines = text.split("\n").length;
  const file = lines > FILE_LINES ? [`${path} has ${lines} lines (at most ${FILE_LINES})`] : [];
  const most = path.startsWith("test/") ? FUNCTION_LINES_IN_TEST : FUNCTION_LINES;
  const long = functions.filter((f) => f.lines > most && !isTest(path));
  return [...file, ...long.map((f) => `${path}:${f.line} a function of ${f.lines} lines (at most ${most})`)];
}
