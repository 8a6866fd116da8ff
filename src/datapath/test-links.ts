import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Datapath } from "./loader.ts";
import { type DatapathOptions, openDatapath } from "./loader.ts";
import { A, bpffs, C, macOf, OBJECT, region, rules, allow, settings, sh } from "./test-kit.ts";

/**
 * Real links for a test: a namespace `dp` with the host-side ends, one for each of two instances, and one for
 * the internet.
 */
export type Links = {
  readonly pins: string;
  readonly open: (change?: Partial<DatapathOptions>) => Datapath;
  /** Paths of the namespaces. */
  readonly path: (name: "dp" | "a" | "c" | "internet") => string;
  /** Runs a shell command in a namespace to its end. */
  readonly run: (name: "dp" | "a" | "c" | "internet", command: string) => string;
  /** Starts a Node script in a namespace; resolves to what it printed, rejects when it fails. */
  readonly node: (
    name: "dp" | "a" | "c" | "internet",
    script: string,
  ) => { readonly ready: Promise<void>; readonly ended: Promise<string> };
};

export function realLinks(): Links {
  const pins = bpffs();
  const folder = join(pins, "../ns");
  mkdirSync(folder);
  const path = (name: string): string => join(folder, name);
  for (const name of ["dp", "a", "c", "internet"])
    sh(`touch ${path(name)} && unshare --net=${path(name)} true`);
  const run = (name: string, command: string): string => sh(`nsenter --net=${path(name)} sh -c '${command}'`);
  const dp = `
    sysctl -qw net.ipv4.ip_forward=0
    ip link add uplink index 2 address 02:00:00:00:02:01 mtu 9100 type veth peer name eth0 address 02:00:00:00:02:02 mtu 1500 netns ${path("internet")}
    ip link add fragments index 4 mtu 65535 type veth peer name fragments-peer index 5 mtu 65535
    ip link add eni16 index 16 mtu 9100 type veth peer name eth0 address ${macOf(A)} mtu 9001 netns ${path("a")}
    ip link add eni18 index 18 mtu 9100 type veth peer name eth0 address ${macOf(C)} mtu 9001 netns ${path("c")}
    for link in lo uplink fragments fragments-peer eni16 eni18; do ip link set $link up; done`;
  run("dp", dp);
  instance("a", "10.0.1.5/24", "10.0.1.1");
  instance("c", "10.0.2.7/24", "10.0.2.1");
  run(
    "internet",
    `ip link set lo up; ip link set eth0 up; ip addr add 198.51.100.1/32 dev lo; ip addr add 169.254.0.2/30 dev eth0
     ip route add 203.0.113.0/24 via 169.254.0.1 dev eth0 src 198.51.100.1; ip neigh add 169.254.0.1 lladdr 02:00:00:00:02:01 dev eth0 nud permanent`,
  );
  return {
    pins,
    path,
    run,
    open: (change = {}) =>
      openDatapath({
        pins,
        netns: path("dp"),
        object: OBJECT,
        sizes: { interfaces: 64, publicAddresses: 1024 },
        ...change,
      }),
    node: (name, script) => startNode(path(name), script),
  };

  function instance(name: string, address: string, router: string): void {
    run(
      name,
      `ip link set lo up; ip link set eth0 up; ip addr add ${address} dev eth0; ip route add default via ${router}; sysctl -qw net.ipv4.ip_no_pmtu_disc=0`,
    );
  }
}

/** Everything attached, everything allowed. */
export function attachAll(datapath: Datapath): void {
  datapath.reconcile([
    ...region().filter(
      (entry) => entry.table !== "settings" && entry.table !== "rule_lists" && entry.table !== "rule_chunks",
    ),
    settings({ now: 0n, connection_limit: 10_000 }),
    ...[1, 2].flatMap((slot) =>
      (["security_group_out", "security_group_in", "network_acl_out", "network_acl_in"] as const).flatMap(
        (kind) => rules(kind, slot, [allow()]),
      ),
    ),
  ]);
  datapath.attachUplink(2);
  datapath.attachFragments(4);
  datapath.attach(A);
  datapath.attach(C);
}

function startNode(namespace: string, script: string): { ready: Promise<void>; ended: Promise<string> } {
  const child = spawn("nsenter", [`--net=${namespace}`, process.execPath, "-e", script], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" },
  });
  let text = "";
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (errors += chunk));
  const ended = new Promise<string>((resolve, reject) => {
    child.on("close", (code) =>
      code === 0 ? resolve(text) : reject(new Error(`the script ended with ${code}: ${errors}`)),
    );
  });
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.startsWith("ready\n")) resolve();
    });
    ended.catch(reject);
  });
  ready.catch(() => undefined);
  ended.catch(() => undefined);
  return { ready, ended };
}
