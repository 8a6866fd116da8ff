/** etcd's members on this machine's loopback, for tests: started, killed and started again. */

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Etcd, EtcdClient } from "./etcd-client.ts";
import type { Fence } from "./etcd.ts";
import { type Member, startMember } from "./test-etcd-member.ts";

export const noEtcd =
  spawnSync("etcd", ["--version"]).status === 0 ? false : "etcd is not here (apt-get install etcd-server)";

type TestMember = {
  readonly url: string;
  readonly kill: () => Promise<void>;
  readonly start: () => void;
};

export type TestCluster = {
  readonly members: readonly TestMember[];
  readonly endpoints: readonly string[];
  readonly ready: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

const READY_MILLISECONDS = 30_000;

/** PEM files for a member or a client, and who signed them. */
export type TlsFiles = { readonly ca: string; readonly cert: string; readonly key: string };

type ClusterOptions = {
  /** The members' own; their clients must have some, too. */
  readonly tls?: TlsFiles;
  /** Further ones for each member; they count more than Genkan's own. */
  readonly flags?: readonly string[];
};

/** Starts a cluster of so many members. */
export async function startEtcd(
  size: number,
  { tls, flags: more = [] }: ClusterOptions = {},
): Promise<TestCluster> {
  const folder = mkdtempSync(join(tmpdir(), "genkan-etcd-"));
  const ports = await freePorts(2 * size);
  const names = Array.from({ length: size }, (_, n) => ({
    name: `m${n}`,
    client: `${tls ? "https" : "http"}://127.0.0.1:${ports[2 * n]}`,
    peer: `http://127.0.0.1:${ports[2 * n + 1]}`,
  }));
  const cluster = names.map(({ name, peer }) => `${name}=${peer}`).join(",");
  const members = names.map((one): TestMember => {
    const flags = [...(tls ? tlsFlags(tls) : []), ...more];
    const begin = (): Member => startMember({ ...one, cluster, folder: join(folder, one.name), flags });
    let member = begin();
    return { url: one.client, start: () => void (member = begin()), kill: () => member.kill() };
  });
  const endpoints = names.map(({ client }) => client);
  const ready = async (): Promise<void> => {
    const etcd = new EtcdClient({ endpoints, ...(tls ? { tls: contentsOf(tls) } : {}) });
    const end = performance.now() + READY_MILLISECONDS;
    for (;;) {
      try {
        await etcd.range({ key: "ready" });
        break;
      } catch (cause) {
        if (performance.now() > end) throw new Error("etcd does not become ready", { cause });
        await delay(50);
      }
    }
    etcd.close();
  };
  await ready();
  const stop = async (): Promise<void> => {
    await Promise.all(members.map(({ kill }) => kill()));
    rmSync(folder, { recursive: true });
  };
  return { members, endpoints, ready, stop };
}

function tlsFlags({ ca, cert, key }: TlsFiles): readonly string[] {
  return ["--trusted-ca-file", ca, "--cert-file", cert, "--key-file", key, "--client-cert-auth"];
}

export function contentsOf({ ca, cert, key }: TlsFiles): TlsFiles {
  const read = (path: string): string => readFileSync(path, "utf8");
  return { ca: read(ca), cert: read(cert), key: read(key) };
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    ports.push((server.address() as AddressInfo).port);
  }
  for (const server of servers) server.close();
  return ports;
}

/** Makes the leader's key of a region. */
export async function lead(etcd: Etcd, prefix: string): Promise<Fence> {
  const key = `${prefix}leader`;
  await etcd.transact([], [{ key, value: undefined }]);
  const created = await etcd.transact([{ key, created: "0" }], [{ key, value: "me" }]);
  if (created === undefined) throw new Error("somebody else leads");
  return { key, created };
}

/** Makes etcd forget its history before this revision. */
export async function compact({ endpoints }: TestCluster, revision: string): Promise<void> {
  const body = JSON.stringify({ revision, physical: true });
  const response = await fetch(`${endpoints[0]}/v3/kv/compaction`, { method: "POST", body });
  if (!response.ok) throw new Error(await response.text());
}
