import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, test } from "node:test";
import { EtcdClient, EtcdError, type EtcdErrorKind } from "./etcd-client.ts";
import { contentsOf, noEtcd, startEtcd, type TestCluster, type TlsFiles } from "./test-etcd.ts";

async function refused(kind: EtcdErrorKind, promise: Promise<unknown>): Promise<EtcdError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof EtcdError, String(error));
    assert.equal(error.kind, kind, error.message);
    return error;
  }
  assert.fail(`not refused as ${kind}`);
}

describe("etcd by TLS", { skip: noEtcd, timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "genkan-tls-"));
  const openssl = (command: string): void =>
    void execFileSync("openssl", command.split(" "), { cwd: folder, stdio: "ignore" });
  const KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
  const authority = (name: string): void =>
    openssl(`req -x509 ${KEY} -days 1 -subj /CN=${name} -keyout ${name}.key -out ${name}.pem`);
  const signed = (name: string, ca: string): TlsFiles => {
    openssl(`req ${KEY} -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`);
    writeFileSync(join(folder, "san"), "subjectAltName=IP:127.0.0.1\n");
    const by = `-CA ${ca}.pem -CAkey ${ca}.key -CAcreateserial`;
    openssl(`x509 -req -in ${name}.csr ${by} -days 1 -extfile san -out ${name}.pem`);
    const at = (file: string): string => join(folder, file);
    return { ca: at(`${ca}.pem`), cert: at(`${name}.pem`), key: at(`${name}.key`) };
  };
  let cluster: TestCluster;
  let client: TlsFiles;
  before(async () => {
    authority("ours");
    authority("theirs");
    client = contentsOf(signed("client", "ours"));
    cluster = await startEtcd(1, { tls: signed("member", "ours") });
  });
  after(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true });
  });

  it("takes a client whose certificate it knows, and the client its", async () => {
    const etcd = new EtcdClient({ endpoints: cluster.endpoints, tls: client });
    assert.notEqual(await etcd.transact([], [{ key: "a", value: "1" }]), undefined);
    const { found } = await etcd.range({ key: "a" });
    assert.deepEqual(
      found.map(({ key, value }) => [key, value]),
      [["a", "1"]],
    );
    etcd.close();
  });

  it("is not spoken to when somebody else signed its certificate, or with one that somebody else signed", async () => {
    const stranger = contentsOf(signed("stranger", "theirs"));
    for (const tls of [{ ...client, ca: stranger.ca }, { ...stranger, ca: client.ca }, { ca: client.ca }]) {
      const etcd = new EtcdClient({ endpoints: cluster.endpoints, tls });
      await refused("unavailable", etcd.range({ key: "a" }));
      etcd.close();
    }
  });
});

/** Servers that answer so, one after another, as members of etcd. */
async function withServers(
  listeners: readonly RequestListener[],
  body: (endpoints: readonly string[]) => Promise<void>,
): Promise<void> {
  const servers = listeners.map((listener) => createServer(listener).listen(0, "127.0.0.1"));
  try {
    await Promise.all(servers.map((server) => once(server, "listening")));
    await body(servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  } finally {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  }
}

test("a member that says nothing is passed over, and so is one that is no etcd", async () => {
  const silent = (): void => undefined;
  const page: RequestListener = (_, response) => response.writeHead(502).end("<html>");
  const answers: RequestListener = (_, response) =>
    response.end(JSON.stringify({ header: { revision: "7" } }));
  await withServers([silent, page, answers], async (endpoints) => {
    const etcd = new EtcdClient({ endpoints, patience: 200 });
    assert.deepEqual(await etcd.range({ key: "a" }), { revision: "7", found: [], more: false });
    const without = new EtcdClient({ endpoints: endpoints.slice(0, 2), patience: 200 });
    const { cause } = await refused("unavailable", without.range({ key: "a" }));
    assert.ok(cause instanceof AggregateError);
    assert.match(cause.errors.map(String).join(), /did not answer within 200 ms.*answered 502/s);
    for (const one of [etcd, without]) one.close();
  });
});

test("what etcd refuses is told apart: a full database, and too much at once", async () => {
  const errors = [
    { kind: "full", code: 8, error: "etcdserver: mvcc: database space exceeded" },
    { kind: "unavailable", code: 8, error: "etcdserver: too many requests" },
    { kind: "refused", code: 3, error: "etcdserver: too many operations in txn request" },
    { kind: "unavailable", code: 14, error: "etcdserver: request timed out" },
  ] as const;
  for (const { kind, ...error } of errors)
    await withServers(
      [(_, response) => response.writeHead(500).end(JSON.stringify(error))],
      async (endpoints) => {
        const etcd = new EtcdClient({ endpoints });
        await refused(kind, etcd.transact([], []));
        etcd.close();
      },
    );
});
