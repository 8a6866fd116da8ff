import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { openEmbedded } from "./embedded.ts";
import { EtcdClient } from "./etcd-client.ts";
import { openEtcd } from "./etcd.ts";
import { systemClock } from "./system-clock.ts";
import { lead, noEtcd, startEtcd, type TestCluster } from "./test-etcd.ts";
import { openMemory } from "./test-memory.ts";
import { conforms } from "./test-store.ts";

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

describe("with etcd", { skip: noEtcd }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startEtcd(1);
  });
  after(() => cluster.stop());
  let regions = 0;
  conforms("etcd", async () => {
    const etcd = new EtcdClient({ endpoints: cluster.endpoints });
    const prefix = `genkan/${regions++}/`;
    const open = async () => openEtcd({ etcd, prefix, fence: await lead(etcd, prefix), clock: systemClock });
    let store = await open();
    return {
      store,
      reopen: async () => {
        await store.close();
        store = await open();
        return store;
      },
      dispose: async () => {
        await store.close();
        etcd.close();
      },
    };
  });
});
