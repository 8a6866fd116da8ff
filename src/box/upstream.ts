/**
 * The simulated internet of a box: one for all its gateways, behind a router that hears from them by BGP where
 * the region's addresses are.
 */

import { inNetwork, ip, run } from "../host/command.ts";
import { ensureDaemon } from "../host/daemon.ts";
import { INTERNET_IPV4, type Installation } from "../host/installation.ts";
import { internetAddresses, listLinks, UPLINK } from "../host/links.ts";
import { ensureNamespaces } from "../host/namespaces.ts";
import { ensureBird } from "../underlay/bird.ts";
import type { BoxMachine } from "./box-plan.ts";
import { routerConfig } from "./router-config.ts";

/** On the network between the machines; no member of the region. */
export const ROUTER = "100.126.0.254";
/** Numbers for private use (RFC 6996). */
export const ROUTER_AS = 64_513;
export const REGION_AS = 64_512;
const MTU = 9_216;

/** Where the router sends what is for a gateway: an address that only the router has a neighbour for. */
export function uplinkAddress(index: number): string {
  return `169.254.1.${index * 4 + 2}`;
}

type Options = {
  readonly installation: Installation;
  /** The path of the network between the machines. */
  readonly between: string;
  readonly machines: readonly (BoxMachine & {
    /** The path of its data plane's namespace. */
    readonly dp: string;
  })[];
};

export async function ensureUpstream({ installation, between, machines }: Options): Promise<void> {
  await ensureNamespaces(installation);
  const { internet } = installation.namespaces;
  const there = new Set((await listLinks(internet)).map(({ ifname }) => ifname));
  if (!there.has("router")) {
    const link = `link add name internet mtu ${MTU} type veth peer name router mtu ${MTU} netns $$`;
    await run([...inNetwork(internet), "sh", "-c", `nsenter --net="$1" -- ip ${link}`, "sh", between]);
    await ip(between, ["link set internet master bridge up"]);
    await ip(internet, [`addr add ${ROUTER}/24 dev router`, "link set router up", ...internetAddresses()]);
  }
  const gateways = machines.filter(({ roles }) => roles.includes("gateway"));
  for (const [index, gateway] of gateways.entries())
    if (!there.has(linkOf(index))) await connect(internet, gateway.dp, index);
  await ensureDaemon(installation, "internet");
  await ensureBird(
    installation,
    routerConfig({
      address: ROUTER,
      as: ROUTER_AS,
      region: { as: REGION_AS, gateways: gateways.map(({ address }) => address) },
      links: LINKS,
      source: INTERNET_IPV4,
    }),
    internet,
  );
}

const LINKS = "gw";
const linkOf = (index: number): string => `${LINKS}${index + 1}`;

async function connect(internet: string, dp: string, index: number): Promise<void> {
  const name = linkOf(index);
  const own = `169.254.1.${index * 4 + 1}`;
  const link = `link add name uplink index ${UPLINK.index} address ${UPLINK.mac} mtu 9100 type veth peer name ${name} address ${UPLINK.peerMac} mtu 1500 netns $$`;
  await run([...inNetwork(internet), "sh", "-c", `nsenter --net="$1" -- ip ${link}`, "sh", dp]);
  await ip(internet, [
    `addr add ${own}/30 dev ${name}`,
    `link set ${name} up`,
    `neigh replace ${uplinkAddress(index)} lladdr ${UPLINK.mac} dev ${name} nud permanent`,
  ]);
}
