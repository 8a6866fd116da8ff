/**
 * Opens the state in a folder, reads it and writes nothing new to it, as a start does: `state-check-main.js
 * FOLDER`.
 */

import { reasons } from "../lib/reasons.ts";
import { openEmbedded } from "../store/embedded.ts";
import { StoreError } from "../store/store.ts";

const [folder = ""] = process.argv.slice(2);
try {
  const store = openEmbedded(folder);
  await store.load();
  // The pages that a write looks at are others than those that are read.
  await store.setMeta("checked", undefined);
  await store.close();
} catch (cause) {
  process.stderr.write(`${reasons(cause)}\n`);
  // A disk without room says nothing against what is there.
  const isFull = cause instanceof StoreError && cause.kind === "full";
  const damaged =
    !(cause instanceof StoreError) || cause.kind === "corrupt" || reasons(cause).includes("MDB_");
  process.exitCode = isFull ? 0 : damaged ? 3 : 4;
}
