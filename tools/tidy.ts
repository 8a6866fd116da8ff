/**
 * Checks the shape of the tree: which room may import which, circles, dead files, purity, and the lengths of
 * files and functions. Says what is wrong, a line each.
 */

import { join, normalize } from "node:path";
import { circles, unused } from "./tidy/graph.ts";
import { lengths } from "./tidy/lengths.ts";
import { purity } from "./tidy/purity.ts";
import { mutual, rooms, wings } from "./tidy/rooms.ts";
import { readSources } from "./tidy/source.ts";

/** What is wrong with the tree under `root`; in order, nothing. */
export function complaints(root: string): readonly string[] {
  const sources = readSources(root);
  return [
    ...[lengths, rooms, wings, purity].flatMap((rule) => sources.flatMap(rule)),
    ...mutual(sources),
    ...circles(sources),
    ...unused(sources),
  ];
}

if (process.argv[1] === import.meta.filename) {
  const found = complaints(normalize(join(import.meta.dirname, "../..")));
  for (const complaint of found) console.error(complaint);
  if (found.length > 0) process.exitCode = 1;
  else console.log("tidy: the tree is in order");
}
