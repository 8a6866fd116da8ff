import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { availableParallelism, release, tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";
import { fieldsOf, viewOf } from "../contract/layout.ts";
import {
  LAYOUT_VERSION,
  type Entry,
  type StructValue,
  RULE_LIST,
  type RuleListName,
  ROUTE_TARGET,
  VPC_FLAGS,
  INTERFACE_FLAGS,
} from "../contract/tables.ts";
import { type Datapath, openDatapath } from "./loader.ts";
import { type TestRun, testRun } from "./test-run.ts";

/**
 * A kernel program for one test process, in namespaces that end with the process, and a small region in its
 * tables.
 */

export const OBJECT = join(import.meta.dirname, "../../datapath/genkan.bpf.o");

/** Why the kernel program can't be run here; false when it can. */
export const noKernel: string | false =
  process.platform !== "linux" || process.getuid?.() !== 0
    ? "the kernel program needs root on Linux"
    : existsSync(OBJECT)
      ? false
      : "the kernel program is not compiled: tools/build-kernel.sh";

/** TCX came with Linux 6.6. */
export const noTcx: string | false = atLeast(release(), [6, 6]) ? noKernel : "the kernel has no TCX";

function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [a = 0, b = 0] = version.split(".").map(Number.parseFloat);
  return a > major || (a === major && b >= minor);
}

let isolated = false;

/** Puts this thread (and the processes that it starts) into network and mount namespaces of its own. */
function isolate(): void {
  if (isolated) return;
  const CLONE_NEWNS = 0x20000;
  const CLONE_NEWNET = 0x40000000;
  const unshare = koffi.load("libc.so.6").func("int unshare(int flags)");
  if (Number(unshare(CLONE_NEWNS | CLONE_NEWNET)) !== 0) throw new Error(`unshare: errno ${koffi.errno()}`);
  sh("mount --make-rprivate / && ip link set lo up");
  // The fast path has a table of flows for each processor: a test stays on one.
  sh(`taskset -cp ${process.pid % availableParallelism()} ${process.pid}`);
  isolated = true;
}

/** Runs a shell command to its end and returns what it printed. */
export function sh(command: string): string {
  const result = spawnSync("sh", ["-c", command], { encoding: "utf8" });
  if (result.status !== 0) throw new Error(`${command}: ${result.stderr || result.stdout || result.status}`);
  return result.stdout;
}

/** A new bpffs. */
export function bpffs(): string {
  isolate();
  const folder = mkdtempSync(join(tmpdir(), "genkan-bpf-"));
  process.once("exit", () => spawnSync("sh", ["-c", `umount -l ${folder}; rmdir ${folder}`]));
  sh(`mount -t tmpfs tmpfs ${folder} && mkdir ${folder}/bpf && mount -t bpf bpf ${folder}/bpf`);
  return join(folder, "bpf");
}

const SECOND = 1_000_000_000n;
/** Every bench starts a hundred days after the one before. */
let start = 1_000n * SECOND;
let now = start;

type Put = (...entries: readonly Entry[]) => void;
export type Bench = {
  readonly datapath: Datapath;
  /** Writes rows. */
  readonly put: Put;
  readonly remove: Put;
  /** A frame from an interface, from the internet, from the services. */
  readonly fromEni: (slot: number, frame: Uint8Array, context?: { gsoSize?: number }) => TestRun;
  readonly fromInternet: (frame: Uint8Array) => TestRun;
  readonly fromServices: (frame: Uint8Array) => TestRun;
  /** Moves the program's clock to so many seconds after the start, by a change of the tables. */
  readonly at: (seconds: number) => void;
  /** Moves only the clock: what the program has kept still holds. */
  readonly clock: (seconds: number) => void;
  readonly now: () => bigint;
};

let shared: Datapath | undefined;

const SETTINGS = fieldsOf("settings");
const timeAt = (seconds: number): bigint => start + BigInt(Math.round(seconds * 1000)) * (SECOND / 1000n);

/** The process's datapath with only the rows of {@link region}, and no connections. */
export function bench(): Bench {
  shared ??= openDatapath({
    pins: bpffs(),
    netns: "/proc/thread-self/ns/net",
    object: OBJECT,
    sizes: { interfaces: 64, publicAddresses: 1024, vpcs: 64, subnets: 64, flows: 1024 },
    clock: () => now,
  });
  const datapath = shared;
  start += 100n * 86_400n * SECOND;
  now = start;
  datapath.reconcile(region());
  datapath.sweep();
  const put: Put = (...puts) => datapath.apply({ puts, removals: [] });
  const run = (
    program: keyof Datapath["programs"],
    frame: Uint8Array,
    context: Parameters<typeof testRun>[2],
  ): TestRun => testRun(datapath.programs[program], frame, context);
  return {
    datapath,
    put,
    remove: (...removals) => datapath.apply({ puts: [], removals }),
    fromEni: (slot, frame, context = {}) => run("from_eni", frame, { link: slot, ...context }),
    fromInternet: (frame) => run("from_uplink", frame, { link: 2 }),
    fromServices: (frame) => run("from_services", frame, { link: 3 }),
    at: (seconds) => {
      now = timeAt(seconds);
      put(settings({}));
    },
    clock: (seconds) => {
      now = timeAt(seconds);
      const { maps } = datapath;
      const row = maps.settings.lookup(Buffer.alloc(4)) ?? Buffer.alloc(0);
      SETTINGS.now.write(viewOf(row), 0, now);
      maps.settings.update(Buffer.alloc(4), row);
    },
    now: () => now,
  };
}

/* The region: one VPC 10.0.0.0/16 (slot 1) with gateway slot 7, two subnets, and another VPC (slot 2) with the same range. */

export const A = 16; // 10.0.1.5, public 203.0.113.5, subnet 1, group 1
export const B = 17; // 10.0.1.6, no public address, subnet 1, group 2
export const C = 18; // 10.0.2.7, public 203.0.113.7, subnet 2, group 2
export const D = 19; // 10.0.2.8, an appliance without source/dest check, subnet 2, group 1
export const OTHER = 20; // 10.0.1.5 of the other VPC, public 203.0.113.20, group 1
export const INTERNET = "198.51.100.1";

export function macOf(slot: number): string {
  return `02:00:00:00:00:${slot.toString(16).padStart(2, "0")}`;
}

export function region(): Entry[] {
  return [
    settings({}),
    {
      table: "vpcs",
      key: 1,
      value: { internet_gateway: 8, flags: VPC_FLAGS.dns_support, gateway_route_table: 0, dns: "10.0.0.2" },
    },
    {
      table: "vpcs",
      key: 2,
      value: { internet_gateway: 10, flags: 0, gateway_route_table: 0, dns: "10.0.0.2" },
    },
    subnet(1, { vpc: 1, block: "10.0.1.0", router: "10.0.1.1" }),
    subnet(2, { vpc: 1, block: "10.0.2.0", router: "10.0.2.1", network_acl: 2 }),
    subnet(3, { vpc: 2, block: "10.0.1.0", router: "10.0.1.1", route_table: 2 }),
    ...eni(A, { private_ip: "10.0.1.5", public_ip: "203.0.113.5", subnet: 1, groups: [1] }),
    ...eni(B, { private_ip: "10.0.1.6", subnet: 1, groups: [2] }),
    ...eni(C, { private_ip: "10.0.2.7", public_ip: "203.0.113.7", subnet: 2, groups: [2] }),
    ...eni(D, {
      private_ip: "10.0.2.8",
      subnet: 2,
      groups: [1],
      flags: interfaceFlags("present", "up", "metadata"),
    }),
    ...eni(OTHER, { vpc: 2, private_ip: "10.0.1.5", public_ip: "203.0.113.20", subnet: 3, groups: [1] }),
    route(1, "10.0.0.0", 16, { target: ROUTE_TARGET.local, slot: 0 }),
    route(1, "0.0.0.0", 0, { target: ROUTE_TARGET.internet_gateway, slot: 7 }),
    route(1, "192.0.2.0", 24, { target: ROUTE_TARGET.blackhole, slot: 0 }),
    route(1, "198.18.0.0", 15, { target: ROUTE_TARGET.interface, slot: D }),
    route(2, "0.0.0.0", 0, { target: ROUTE_TARGET.internet_gateway, slot: 9 }),
    ...rules("security_group_out", 1, [allow()]),
    ...rules("security_group_out", 2, [allow()]),
    ...rules("security_group_in", 1, []),
    ...rules("security_group_in", 2, []),
    ...[1, 2].flatMap((acl) => [
      ...rules("network_acl_out", acl, [allow()]),
      ...rules("network_acl_in", acl, [allow()]),
    ]),
  ];
}

export function settings(change: Partial<StructValue<"settings">>): Entry {
  const none = { base: "0.0.0.0", mask: "0.0.0.0", first: 0, size: 0 };
  return {
    table: "settings",
    key: 0,
    value: {
      layout: LAYOUT_VERSION,
      pool_count: 1,
      uplink: 2,
      services: 3,
      fragments: 4,
      connection_limit: 8,
      connections_crowded: 1_000_000,
      connection_share: 1_000,
      nat_connection_limit: 8,
      nat_connections_crowded: 1_000_000,
      nat_connection_share: 1_000,
      nat_ports: 55_000,
      flow_records_shared: 10_000,
      flow_record_share: 10,
      link_local_allowance: 1_000,
      machine: 0,
      overlay: 0,
      overlay_mtu: 0,
      gateways: "0.0.0.0",
      pad: 0,
      now,
      uplink_mac: "02:00:00:00:02:01",
      uplink_peer_mac: "02:00:00:00:02:02",
      services_mac: "02:00:00:00:03:01",
      services_peer_mac: "02:00:00:00:03:02",
      pools: [
        { base: "203.0.113.0", mask: "255.255.255.0", first: 0, size: 256 },
        ...Array.from({ length: 7 }, () => none),
      ],
      ...change,
    },
  };
}

/** An interface's flags. */
export function interfaceFlags(...names: readonly (keyof typeof INTERFACE_FLAGS)[]): number {
  return names.reduce((flags, name) => flags | INTERFACE_FLAGS[name], 0);
}

/** The row of a subnet of the first VPC. */
export function subnet(slot: number, value: Partial<StructValue<"subnet">>): Entry {
  return {
    table: "subnets",
    key: slot,
    value: {
      vpc: 1,
      route_table: 1,
      network_acl: 1,
      block: "0.0.0.0",
      router: "0.0.0.0",
      length: 24,
      flags: 0,
      zone: 0,
      ipv6_length: 0,
      ipv6_block: "::",
      ...value,
    },
  };
}

/** The rows of an interface: its own, its primary address, its public address. */
export function eni(slot: number, change: Partial<StructValue<"interface">>): Entry[] {
  const value: StructValue<"interface"> = {
    flags: interfaceFlags("present", "up", "source_dest_check", "metadata"),
    vpc: 1,
    subnet: 1,
    private_ip: "0.0.0.0",
    public_ip: "0.0.0.0",
    machine: 0,
    ipv6: "::",
    mac: macOf(slot),
    hop_limit: 1,
    ...change,
    group_count: change.groups?.length ?? 0,
    groups: [...(change.groups ?? []), ...Array.from({ length: 16 - (change.groups?.length ?? 0) }, () => 0)],
  };
  const index = Number(value.public_ip.split(".")[3]);
  return [
    { table: "interfaces", key: slot, value },
    {
      table: "addresses",
      key: { vpc: value.vpc, address: value.private_ip },
      value: { interface: slot, public_ip: value.public_ip },
    },
    ...(value.public_ip === "0.0.0.0"
      ? []
      : [
          {
            table: "public_addresses" as const,
            key: index,
            value: { interface: slot, private_ip: value.private_ip },
          },
        ]),
  ];
}

export function route(
  routeTable: number,
  address: string,
  length: number,
  value: StructValue<"route">,
): Entry {
  return {
    table: "routes",
    key: { prefix_length: 32 + 96 + length, route_table: routeTable, address },
    value,
  };
}

export type Rule = StructValue<"rule">;

/** A rule that matches everything of IPv4, changed. */
export function allow(change: Partial<Rule> = {}): Rule {
  return {
    peer: "0.0.0.0",
    group: 0,
    number: 100,
    protocol: 0xffff,
    port_from: 0,
    port_to: 0xffff,
    peer_length: 96,
    action: 1,
    ...change,
  };
}

let version = 1n;

/** A list's rows; `open`: how many rules at its head name everybody, so that their flows may go untracked. */
export function rules(kind: RuleListName, owner: number, list: readonly Rule[], open = 0): Entry[] {
  version += 1n;
  const chunks: Entry[] = [];
  const none = allow({ action: 0, protocol: 0 });
  for (let at = 0; at < list.length; at += 8) {
    const eight = list.slice(at, at + 8);
    while (eight.length < 8) eight.push(none);
    chunks.push({
      table: "rule_chunks",
      key: { version, kind: RULE_LIST[kind], owner, chunk: at / 8, pad: 0 },
      value: { rules: eight },
    });
  }
  return [
    ...chunks,
    {
      table: "rule_lists",
      key: { kind: RULE_LIST[kind], owner },
      value: { version, count: list.length, open },
    },
  ];
}
