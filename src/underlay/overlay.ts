/**
 * What a machine of a region has on the network between the machines: the link by which packets travel to
 * other machines (VXLAN, RFC 7348), and on gateways the anycast address.
 */

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inNetwork, ip, run, succeeds } from "../host/command.ts";
import type { Installation } from "../host/installation.ts";
import { HOST_SIDE_MTU, listLinks } from "../host/links.ts";
import { GATEWAYS_ADDRESS } from "./bird-config.ts";

/** IANA's number for VXLAN. */
const PORT = 4789;
const NAME = "overlay";
/** Above those that host/links.ts gives, below those of interfaces. */
const INDEX = 15;
const MAC = "02:67:6b:00:04:01";
/** What a packet of an instance has around it between machines: IPv4, UDP, VXLAN, Ethernet. */
export const AROUND = 20 + 8 + 8 + 14;

export type Overlay = {
  /** In the data plane's namespace. */
  readonly index: number;
  /** The longest IP packet of an instance that the network between the machines carries. */
  readonly mtu: number;
};

/**
 * Makes the link, or adopts it. It stands in the data plane's namespace; what it carries goes by this
 * machine's own routes.
 */
export async function ensureOverlay(installation: Installation, address: string): Promise<Overlay> {
  const { dp } = installation.namespaces;
  const there = (await listLinks(dp)).find(({ ifname }) => ifname === NAME);
  if (!there) {
    // `ip` names a namespace by a process in it: here the shell, which runs in the data plane's.
    const link = `link add name ${NAME} index ${INDEX} address ${MAC} mtu ${HOST_SIDE_MTU} netns $$`;
    const script = `nsenter --net=/proc/$PPID/ns/net -- ip ${link} type vxlan external nolearning dstport ${PORT}`;
    await run([...inNetwork(dp), "sh", "-c", script]);
  }
  await ip(dp, [`link set ${NAME} up`]);
  return { index: INDEX, mtu: (await mtuAt(address)) - AROUND };
}

/** @throws when no link of this machine has the address */
async function mtuAt(address: string): Promise<number> {
  type Link = { readonly ifname: string; readonly mtu: number; readonly addr_info: { local?: string }[] };
  const links = JSON.parse(await run(["ip", "-j", "addr", "show"])) as readonly Link[];
  const link = links.find(({ addr_info: all }) => all.some(({ local }) => local === address));
  if (!link) throw new Error(`no link of this machine has the address ${address}`);
  return link.mtu;
}

const HASH_POLICY = "/proc/sys/net/ipv4/fib_multipath_hash_policy";

/** Spreads flows, not hosts, over the gateways. What the machine had is kept, for {@link removeUnderlay}. */
export function spreadFlows({ run: folder }: Installation): void {
  const before = readFileSync(HASH_POLICY, "utf8").trim();
  if (before === "1") return;
  writeFileSync(join(folder, "hash-policy"), before);
  writeFileSync(HASH_POLICY, "1");
}

/** The label of what is Genkan's on the loopback link. */
const LABEL = "lo:genkan";

/** Gives this machine the gateways' address, or takes it away. */
export async function setGatewaysAddress(present: boolean, namespace?: string): Promise<void> {
  const words = `${GATEWAYS_ADDRESS}/32 dev lo`;
  if (present) await ip(namespace, [`addr replace ${words} label ${LABEL}`]);
  else await succeeds([...inNetwork(namespace), "ip", "addr", "del", ...words.split(" ")]);
}

/** Any other route is preferred, BIRD's above all. */
const LAST_METRIC = 65_000;
const lastRoute = `${GATEWAYS_ADDRESS}/32 metric ${LAST_METRIC}`;

/**
 * The route to the gateways while BIRD has none: it starts anew, or hears of none of them. No gateway: no
 * route.
 */
export async function setLastRoute(gateways: readonly string[], namespace?: string): Promise<void> {
  const hops = gateways.map((address) => `nexthop via ${address}`).join(" ");
  if (gateways.length > 0) await ip(namespace, [`route replace ${lastRoute} proto static ${hops}`]);
  else await succeeds([...inNetwork(namespace), "ip", "route", "del", ...lastRoute.split(" ")]);
}

/** Removes what the functions here and BIRD left on this machine, but for what is in the namespaces. */
export async function removeUnderlay({ run: folder }: Installation): Promise<void> {
  // Where Genkan is one machine nothing of it is there.
  if (!existsSync(join(folder, "bird.conf"))) return;
  await setGatewaysAddress(false);
  await setLastRoute([]);
  await succeeds(["ip", "route", "del", `${GATEWAYS_ADDRESS}/32`, "proto", "bird"]);
  const kept = join(folder, "hash-policy");
  let before: string;
  try {
    before = readFileSync(kept, "utf8");
  } catch {
    return;
  }
  writeFileSync(HASH_POLICY, before);
  rmSync(kept);
}
