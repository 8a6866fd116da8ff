import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Datapath, openDatapath } from "../src/datapath/loader.ts";
import { inNetwork, ip, run } from "../src/host/command.ts";
import { INTERNET_IPV4, INTERNET_IPV6, type Installation, installationAt } from "../src/host/installation.ts";
import { ensureFixedLinks } from "../src/host/links.ts";
import { ensureNamespaces, removeNamespaces } from "../src/host/namespaces.ts";
import { addInterfaceLink, configureInterface, type InterfaceSpec } from "../src/host/network-interface.ts";
import { assert } from "../src/lib/assert.ts";
import { nat64Address } from "../src/lib/nat64.ts";
import type { NetworkInterface } from "../src/model/network-interface.ts";
import { fullPlan } from "../src/plan/compile.ts";
import { endHost, moreHosts, newNamespace } from "./kernel-paths.ts";
import type { Path } from "./path.ts";
import { type BenchRegion, POOL } from "./region.ts";

/** Genkan's own paths: the links, pins, tables and programs that `genkan up` makes, by the same code. */
export type GenkanPath = {
  readonly paths: readonly Path[];
  /** How the kernel runs the programs: `tcx`, or `clsact` where it has no TCX. */
  readonly attachedBy: string;
  /** What the control plane does every few seconds. */
  readonly housekeeping: () => void;
  /** The drops of the measured interfaces so far, and their packets. */
  readonly counts: () => GenkanCounts;
  readonly close: () => Promise<void>;
};
type GenkanCounts = { readonly drops: number; readonly dropped: string; readonly packets: number };

const OBJECT = join(import.meta.dirname, "../datapath/genkan.bpf.o");
/** As `genkan up` sets it. */

export async function genkanPath(
  home: string,
  region: BenchRegion,
  prefixLength: number,
  router: string,
): Promise<GenkanPath> {
  mkdirSync(home, { recursive: true });
  const installation = installationAt(home);
  await ensureNamespaces(installation);
  const links = await ensureFixedLinks(installation, [POOL]);
  const { internet } = installation.namespaces;
  // The ends are alike on every path. The simulated internet's rules keep it apart from the machine, which is
  // no part of this.
  await run([...inNetwork(internet), "nft", "delete", "table", "inet", "genkan"]);
  await endHost(internet, "as it is");
  await moreHosts(internet);
  const specOf = (eni: NetworkInterface, at: string): InterfaceSpec => ({
    slot: eni.slot,
    deviceIndex: 0,
    mac: eni.macAddress,
    addresses: eni.privateIpAddresses,
    prefixLength,
    router: at,
    ipv6Addresses: eni.ipv6Addresses ?? [],
  });
  const instance = await instanceAt(installation, "ns/instance", specOf(region.eni, router));
  const hidden = await instanceAt(installation, "ns/hidden", specOf(region.hidden.eni, "10.0.2.1"));
  const slots = [region.eni.slot, region.hidden.eni.slot];
  const datapath = openDatapath({ pins: links.bpf, netns: links.namespace, object: OBJECT });
  const { uplinkIndex: uplink, servicesIndex: services, fragmentsIndex: fragments, ...macs } = links;
  datapath.reconcile(fullPlan([region.reader], { pools: [POOL], uplink, services, fragments, ...macs }));
  datapath.attachFragments(fragments);
  datapath.attachServices(services);
  datapath.attachUplink(uplink);
  for (const slot of slots) datapath.attach(slot);
  const by = new Set(datapath.links().map((link) => link.by));
  assert(by.size === 1, `the programs are attached in one way, not by ${[...by].join(" and ")}`);
  const ends = { internet, internetAddress: INTERNET_IPV4, filters: true };
  const ipv6 = { instanceAddress: region.ipv6, internetAddress: INTERNET_IPV6 };
  return {
    paths: [
      { ...ends, name: "G", instance, instanceAddress: region.privateIp, seenAddress: region.publicIp, ipv6 },
      {
        ...ends,
        name: "N",
        instance: hidden,
        instanceAddress: region.hidden.privateIp,
        seenAddress: region.hidden.natAddress,
        changesPorts: true,
        nat64: { instanceAddress: region.hidden.ipv6, internetAddress: nat64Address(INTERNET_IPV4) },
      },
    ],
    attachedBy: [...by].join(),
    housekeeping: () => void datapath.sweep(),
    counts: () => countsOf(datapath, slots),
    close: async () => {
      datapath.close();
      await removeNamespaces(installation);
    },
  };
}

/** A namespace in place of an instance, on its interface's link. */
async function instanceAt(installation: Installation, name: string, spec: InterfaceSpec): Promise<string> {
  const instance = join(installation.run, name);
  await newNamespace(instance);
  await endHost(instance);
  const holder = spawn("nsenter", [`--net=${instance}`, "--", "cat"], { stdio: ["pipe", "pipe", "ignore"] });
  // It answers when it is in the namespace.
  await new Promise((resolve) => holder.stdout.once("data", resolve) && holder.stdin.write("in\n"));
  await addInterfaceLink(installation.namespaces.dp, spec, holder.pid ?? 0);
  await ip(instance, ["link set lo up"]);
  await configureInterface(instance, spec);
  holder.stdin.end();
  return instance;
}

function countsOf(datapath: Datapath, slots: readonly number[]): GenkanCounts {
  const drops = slots.flatMap((slot) => datapath.drops(slot));
  const traffic = slots.map((slot) => datapath.traffic(slot));
  return {
    drops: drops.reduce((sum, { packets }) => sum + Number(packets), 0),
    dropped: drops.map(({ reason, packets }) => `${reason} ${packets}`).join(", "),
    packets: traffic.reduce((sum, { sent, received }) => sum + Number(sent.packets + received.packets), 0),
  };
}
