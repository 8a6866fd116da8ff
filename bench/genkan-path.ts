import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Datapath, openDatapath } from "../src/datapath/loader.ts";
import { inNetwork, ip, run } from "../src/host/command.ts";
import { INTERNET_IPV4, installationAt } from "../src/host/installation.ts";
import { addInterfaceLink, ensureFixedLinks, type InterfaceSpec, interfaceLines } from "../src/host/links.ts";
import { ensureNamespaces, removeNamespaces } from "../src/host/namespaces.ts";
import { assert } from "../src/lib/assert.ts";
import { fullPlan } from "../src/plan/compile.ts";
import { endHost, moreHosts, newNamespace } from "./kernel-paths.ts";
import type { Path } from "./path.ts";
import { type BenchRegion, POOL } from "./region.ts";

/** Genkan's own path: the links, pins, tables and programs that `genkan up` makes, by the same code. */
export type GenkanPath = {
  readonly path: Path;
  /** How the kernel runs the programs: `tcx`, or `clsact` where it has no TCX. */
  readonly attachedBy: string;
  /** What the control plane does every few seconds. */
  readonly housekeeping: () => void;
  /** The drops of the measured interface so far, and its packets. */
  readonly counts: () => GenkanCounts;
  readonly close: () => Promise<void>;
};
type GenkanCounts = { readonly drops: number; readonly dropped: string; readonly packets: number };

const OBJECT = join(import.meta.dirname, "../datapath/genkan.bpf.o");
/** As `genkan up` sets it. */
const CONNECTION_LIMIT = 65_536;

export async function genkanPath(home: string, region: BenchRegion, prefixLength: number, router: string): Promise<GenkanPath> {
  mkdirSync(home, { recursive: true });
  const installation = installationAt(home);
  await ensureNamespaces(installation);
  const links = await ensureFixedLinks(installation, [POOL]);
  const { internet } = installation.namespaces;
  // The ends are alike on every path. The simulated internet's rules keep it apart from the machine, which is no part of this.
  await run([...inNetwork(internet), "nft", "delete", "table", "inet", "genkan"]);
  await endHost(internet);
  await moreHosts(internet);
  const instance = join(installation.run, "ns/instance");
  await newNamespace(instance);
  await endHost(instance);
  const { slot } = region.eni;
  const spec: InterfaceSpec = {
    slot,
    deviceIndex: 0,
    mac: region.eni.macAddress,
    addresses: [region.privateIp],
    prefixLength,
    router,
    ipv6Addresses: [],
  };
  const holder = spawn("nsenter", [`--net=${instance}`, "--", "cat"], { stdio: ["pipe", "pipe", "ignore"] });
  // It answers when it is in the namespace.
  await new Promise((resolve) => holder.stdout.once("data", resolve) && holder.stdin.write("in\n"));
  await addInterfaceLink(installation.namespaces.dp, spec, holder.pid ?? 0);
  await ip(instance, ["link set lo up", ...interfaceLines(spec)]);
  holder.stdin.end();
  const datapath = openDatapath({ pins: links.bpf, netns: links.namespace, object: OBJECT });
  const { uplinkIndex: uplink, servicesIndex: services, fragmentsIndex: fragments, ...macs } = links;
  datapath.reconcile(fullPlan([region.reader], { pools: [POOL], uplink, services, fragments, ...macs, connectionLimit: CONNECTION_LIMIT }));
  datapath.attachFragments(fragments);
  datapath.attachServices(services);
  datapath.attachUplink(uplink);
  datapath.attach(slot);
  const by = new Set(datapath.links().map((link) => link.by));
  assert(by.size === 1, `the programs are attached in one way, not by ${[...by].join(" and ")}`);
  return {
    path: {
      name: "G",
      instance,
      internet,
      instanceAddress: region.privateIp,
      seenAddress: region.publicIp,
      internetAddress: INTERNET_IPV4,
      filters: true,
    },
    attachedBy: [...by].join(),
    housekeeping: () => void datapath.sweep(),
    counts: () => countsOf(datapath, slot),
    close: async () => {
      datapath.close();
      await removeNamespaces(installation);
    },
  };
}

function countsOf(datapath: Datapath, slot: number): GenkanCounts {
  const drops = datapath.drops(slot);
  const { sent, received } = datapath.traffic(slot);
  return {
    drops: drops.reduce((sum, { packets }) => sum + Number(packets), 0),
    dropped: drops.map(({ reason, packets }) => `${reason} ${packets}`).join(", "),
    packets: Number(sent.packets + received.packets),
  };
}
