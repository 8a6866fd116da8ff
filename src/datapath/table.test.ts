import assert from "node:assert/strict";
import { closeSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { STATE_VERSION } from "../contract/records.ts";
import { LAYOUT_VERSION, ROUTE_TARGET } from "../contract/tables.ts";
import { BPF, KernelError, mustBpf, pin } from "./libbpf.ts";
import { openDatapath } from "./loader.ts";
import { countCpus } from "./map.ts";
import { inNamespace } from "./netns.ts";
import { frame, udp } from "./test-frame.ts";
import {
  A,
  allow,
  bench,
  bpffs,
  eni,
  INTERNET,
  noKernel,
  OBJECT,
  region,
  route,
  rules,
  sh,
} from "./test-kit.ts";

describe("the kernel's tables", { skip: noKernel }, () => {
  it("read back as they were written, the interfaces too", () => {
    const { datapath, put, at } = bench();
    const base = region();
    datapath.reconcile(base);
    const rows = eni(A, {
      private_ip: "10.0.1.5",
      public_ip: "203.0.113.5",
      subnet: 1,
      groups: [1, 2, 3],
      hop_limit: 7,
    });
    put(...rows);
    for (const row of rows) assert.deepEqual(datapath.reader.lookup(row.table, row.key as never), row.value);
    assert.equal(datapath.reader.lookup("interfaces", 50), undefined);
    assert.equal(datapath.reader.lookup("interfaces", 5000), undefined);
    assert.equal(datapath.reader.lookup("addresses", { vpc: 9, address: "10.0.1.5" }), undefined);
    // One row differs: the interface's.
    assert.equal(datapath.reconcile(base), 1);
    assert.equal(datapath.reconcile(base), 0);
    // A row of zeros, such as that of a VPC without a gateway, replaces a row that is not.
    const bare = base.map((row) =>
      row.table === "vpcs"
        ? { ...row, value: { internet_gateway: 0, flags: 0, gateway_route_table: 0, dns: "10.0.0.2" } }
        : row,
    );
    assert.equal(datapath.reconcile(bare), base.filter((row) => row.table === "vpcs").length);
    assert.equal(datapath.reader.lookup("vpcs", 1)?.internet_gateway ?? 0, 0);
    datapath.reconcile(base);
    // Replaced rules that are used again stay, although they were about to be removed.
    put(...rules("network_acl_in", 1, [allow()]));
    const old = base.filter((row) => row.table === "rule_chunks");
    datapath.apply({ puts: [], removals: old });
    datapath.reconcile(base);
    at(5);
    datapath.sweep();
    assert.equal(datapath.rows("rule_chunks").length, old.length);
  });

  it("find the longest prefix and say which row it is", () => {
    const { datapath, put } = bench();
    put(
      route(1, "198.51.100.0", 24, { target: ROUTE_TARGET.internet_gateway, slot: 7 }),
      route(1, "198.51.100.1", 32, { target: ROUTE_TARGET.internet_gateway, slot: 7 }),
    );
    const match = (address: string) => datapath.reader.longestMatch(1, address)?.key;
    assert.deepEqual(match("198.51.100.1"), { prefix_length: 160, route_table: 1, address: "198.51.100.1" });
    assert.deepEqual(match("198.51.100.2"), { prefix_length: 152, route_table: 1, address: "198.51.100.0" });
    assert.deepEqual(match("8.8.8.8"), { prefix_length: 128, route_table: 1, address: "0.0.0.0" });
    assert.deepEqual(datapath.reader.longestMatch(5, "8.8.8.8"), undefined);
  });

  it("keep replaced rules until no packet can be reading them, and remove none that came back meanwhile", () => {
    const b = bench();
    const chunks = () =>
      b.datapath.rows("rule_chunks").filter((row) => row.key.owner === 1 && row.key.kind === 1).length;
    const first = rules("security_group_in", 1, [allow()]);
    const second = rules("security_group_in", 1, [allow({ protocol: 6 })]);
    b.put(...first);
    b.datapath.apply({ puts: second, removals: first.filter((row) => row.table === "rule_chunks") });
    assert.equal(chunks(), 2);
    b.datapath.apply({ puts: first, removals: second });
    b.at(2);
    b.datapath.sweep();
    assert.equal(chunks(), 1);
    const ends = { source: INTERNET, destination: "203.0.113.5" };
    assert.equal(b.fromInternet(frame({ ...ends, payload: udp(ends, 1, 2) })).reason, "none");
  });

  it("start anew beside those of another layout, and refuse what does not fit", () => {
    const pins = bpffs();
    const folder = join(pins, `plan-${LAYOUT_VERSION}`);
    mkdirSync(folder);
    // An array of one value of 8 bytes, where the settings belong.
    const other = mustBpf("make a map", BPF.mapCreate, [
      [0, 4, 2],
      [4, 4, 4],
      [8, 4, 8],
      [12, 4, 1],
    ]);
    pin(other, join(folder, "settings"));
    const open = () =>
      openDatapath({ pins, netns: "/proc/thread-self/ns/net", object: OBJECT, sizes: { interfaces: 32 } });
    const first = open();
    assert.equal(first.fresh, true);
    first.reconcile(region());
    assert.throws(
      () => first.apply({ puts: eni(40, { private_ip: "10.0.1.40" }), removals: [] }),
      (error) =>
        error instanceof KernelError && error.errno === "E2BIG" && error.message.includes("room for 32"),
    );
    first.close();
    const second = open();
    assert.equal(second.fresh, false);
    assert.equal(second.rows("interfaces").length, 5);
    second.close();
  });

  it("of earlier versions are removed when the new ones are filled, and nothing else is", () => {
    const pins = bpffs();
    const [earlier, later] = [LAYOUT_VERSION - 1, LAYOUT_VERSION + 1];
    const old = [`plan-${earlier}`, `state-${STATE_VERSION - 1}`, "plan-1", "state-1"];
    const kept = [`plan-${later}`, `state-${STATE_VERSION + 1}`, "plan-x", "another-1"];
    for (const name of [...old, ...kept]) {
      mkdirSync(join(pins, name), { recursive: true });
      const fields = [0, 4, 8, 12].map((at, index) => [at, 4, [2, 4, 8, 1][index] ?? 0] as const);
      const map = mustBpf("make a map", BPF.mapCreate, fields);
      pin(map, join(pins, name, "settings"));
      closeSync(map);
    }
    // The kernel itself has two files there.
    const folders = () =>
      readdirSync(pins)
        .filter((name) => !name.endsWith(".debug"))
        .toSorted();
    const own = [`plan-${LAYOUT_VERSION}`, `state-${STATE_VERSION}`];
    const open = () =>
      openDatapath({ pins, netns: "/proc/thread-self/ns/net", object: OBJECT, sizes: { interfaces: 32 } });
    const first = open();
    assert.deepEqual(folders(), [...new Set([...old, ...kept, ...own])].toSorted());
    first.reconcile(region());
    assert.deepEqual(folders(), [...kept, ...own].toSorted());
    assert.deepEqual(readdirSync(join(pins, `plan-${later}`)), ["settings"]);
    first.close();
    const second = open();
    assert.equal(second.fresh, false);
    second.close();
  });

  it("say what is wrong with an object file", () => {
    assert.throws(
      () => openDatapath({ pins: bpffs(), netns: "/proc/self/ns/net", object: import.meta.filename }),
      /is no kernel program/,
    );
    assert.throws(
      () => openDatapath({ pins: bpffs(), netns: "/proc/self/ns/net", object: "/nowhere" }),
      /ENOENT/,
    );
  });
});

describe("another network namespace", { skip: noKernel }, () => {
  it("is entered for one call, and left also when that fails", () => {
    const path = join(bpffs(), "../other");
    sh(`touch ${path} && unshare --net=${path} true`);
    const here = () => statSync("/proc/thread-self/ns/net").ino;
    const home = here();
    assert.equal(inNamespace(path, here), statSync(path).ino);
    assert.equal(here(), home);
    assert.throws(
      () =>
        inNamespace(path, () => {
          throw new Error("inside");
        }),
      /inside/,
    );
    assert.equal(here(), home);
    assert.throws(() => inNamespace("/nowhere", here), /ENOENT/);
  });
});

describe("the list of processors", () => {
  it("gives the size of a per-CPU value", () => {
    assert.deepEqual(
      ["0", "0-1", "0-3,8", "0-127\n"].map((list) => countCpus(list)),
      [1, 2, 9, 128],
    );
  });
});
