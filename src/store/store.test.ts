import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { conforms } from "./test-store.ts";
import { openEmbedded } from "./embedded.ts";
import { openMemory } from "./test-memory.ts";

conforms("memory", async () => {
  const store = openMemory();
  return { store, dispose: () => store.close() };
});

conforms("embedded", async () => {
  const folder = mkdtempSync(join(tmpdir(), "genkan-store-"));
  let store = openEmbedded(folder);
  return {
    store,
    reopen: async () => {
      await store.close();
      store = openEmbedded(folder);
      return store;
    },
    dispose: async () => {
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
});
