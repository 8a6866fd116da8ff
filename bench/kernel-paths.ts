import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { inNetwork, ip, run } from "../src/host/command.ts";
import { INTERNET_IPV4, INTERNET_IPV6 } from "../src/host/installation.ts";
import { IPV6_ROUTER, ipv6Switch } from "../src/host/ipv6.ts";
import type { Addresses, Path } from "./path.ts";

/** The paths to compare with, of the kernel's own parts. `folder` is for their namespaces. */
export async function kernelPaths(folder: string, addresses: Addresses): Promise<readonly Path[]> {
  return Promise.all([
    cable(folder, addresses),
    router(folder, addresses),
    floating(folder, addresses),
    masquerading(folder, addresses),
  ]);
}

/**
 * The instance's router and the internet's next hop have these addresses; every neighbour is known, so that
 * nobody asks.
 */
export const MAC = {
  instance: "02:67:6b:00:0a:01",
  inside: "02:67:6b:00:0a:02",
  outside: "02:67:6b:00:0a:03",
  internet: "02:67:6b:00:0a:04",
} as const;
const NEXT_HOP = "169.254.0.1";

async function cable(folder: string, addresses: Addresses): Promise<Path> {
  const [instance, internet] = await namespaces(folder, "a-instance", "a-internet");
  await pair(instance, { name: "eth0", mac: MAC.instance }, internet, { name: "eth0", mac: MAC.internet });
  await instanceEnd(instance, addresses, MAC.internet);
  await internetEnd(internet, addresses, MAC.instance);
  return withIpv6(
    path("A", instance, internet, addresses, addresses.instance),
    addresses,
    MAC.internet,
    MAC.instance,
  );
}

async function router(folder: string, addresses: Addresses): Promise<Path> {
  const [instance, middle, internet] = await namespaces(folder, "b-instance", "b-router", "b-internet");
  await pair(middle, { name: "inside", mac: MAC.inside }, instance, { name: "eth0", mac: MAC.instance });
  await pair(middle, { name: "outside", mac: MAC.outside }, internet, { name: "eth0", mac: MAC.internet });
  await routerNamespace(middle, "inside", addresses);
  await instanceEnd(instance, addresses, MAC.inside);
  await internetEnd(internet, addresses, MAC.outside);
  await ipv6On(middle, ["inside", "outside"]);
  await sysctls(middle, { "ipv6/conf/all/forwarding": 1 });
  await ip(middle, [
    `neigh replace ${addresses.ipv6} lladdr ${MAC.instance} dev inside nud permanent`,
    `neigh replace ${IPV6_ROUTER} lladdr ${MAC.internet} dev outside nud permanent`,
    `route add ${addresses.ipv6}/128 dev inside`,
    `route add ::/0 via ${IPV6_ROUTER} dev outside`,
  ]);
  return withIpv6(
    path("B", instance, internet, addresses, addresses.instance),
    addresses,
    MAC.inside,
    MAC.outside,
  );
}

async function floating(folder: string, addresses: Addresses): Promise<Path> {
  const [instance, middle, internet] = await namespaces(folder, "c-instance", "c-router", "c-internet");
  await pair(middle, { name: "port", mac: "02:67:6b:00:0a:05" }, instance, {
    name: "eth0",
    mac: MAC.instance,
  });
  await pair(middle, { name: "outside", mac: MAC.outside }, internet, { name: "eth0", mac: MAC.internet });
  await ip(middle, [
    `link add bridge address ${MAC.inside} type bridge`,
    "link set port master bridge",
    "link set port up",
  ]);
  await routerNamespace(middle, "bridge", addresses);
  await run([...inNetwork(middle), "nft", "-f", "-"], floatingRules(addresses));
  await instanceEnd(instance, addresses, MAC.inside);
  await internetEnd(internet, addresses, MAC.outside);
  return { ...path("C", instance, internet, addresses, addresses.public), filters: true };
}

/**
 * As a Linux box stands in for a NAT gateway: what private hosts began is let through and masqueraded,
 * nothing else comes in.
 */
async function masquerading(folder: string, addresses: Addresses): Promise<Path> {
  const [instance, middle, internet] = await namespaces(folder, "m-instance", "m-router", "m-internet");
  await pair(middle, { name: "inside", mac: MAC.inside }, instance, { name: "eth0", mac: MAC.instance });
  await pair(middle, { name: "outside", mac: MAC.outside }, internet, { name: "eth0", mac: MAC.internet });
  await routerNamespace(middle, "inside", addresses);
  await ip(middle, [`addr add ${addresses.public}/32 dev outside`]);
  await run([...inNetwork(middle), "nft", "-f", "-"], MASQUERADE_RULES);
  await instanceEnd(instance, addresses, MAC.inside);
  await internetEnd(internet, addresses, MAC.outside);
  return { ...path("M", instance, internet, addresses, addresses.public), filters: true, changesPorts: true };
}

const MASQUERADE_RULES = `
    table ip gateway {
      chain postrouting { type nat hook postrouting priority srcnat; oifname "outside" masquerade random; }
      chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "inside" oifname "outside" accept
      }
    }`;

/**
 * Source checked, answers let in, what the group admits let in, the rest dropped; the address translated one
 * to one.
 */
function floatingRules({ instance, public: outer }: Addresses): string {
  return `
    table ip floating {
      chain prerouting { type nat hook prerouting priority dstnat; iifname "outside" ip daddr ${outer} dnat to ${instance}; }
      chain postrouting { type nat hook postrouting priority srcnat; oifname "outside" ip saddr ${instance} snat to ${outer}; }
      chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        ct state invalid drop
        iifname "bridge" ip saddr ${instance} accept
        iifname "outside" ip daddr ${instance} tcp dport { 22, 80, 443 } accept
      }
    }`;
}

/** Whether packets on bridges also go by the filter's hooks on this machine, as in the usual build. */
export async function bridgesAreFiltered(folder: string): Promise<boolean> {
  const file = "/proc/sys/net/bridge/bridge-nf-call-iptables";
  const answer = await run([
    ...inNetwork(join(folder, "c-router")),
    "sh",
    "-c",
    `cat ${file} 2>/dev/null || echo none`,
  ]);
  return answer.trim() === "1";
}

export function path(
  name: Path["name"],
  instance: string,
  internet: string,
  { instance: instanceAddress }: Addresses,
  seenAddress: string,
): Path {
  return {
    name,
    instance,
    internet,
    instanceAddress,
    seenAddress,
    internetAddress: INTERNET_IPV4,
    filters: false,
  };
}

/** The path's two ends in IPv6 too. */
export async function withIpv6(
  path: Path,
  { ipv6 }: Addresses,
  routerMac: string,
  nextMac: string,
): Promise<Path> {
  await ipv6On(path.instance, ["eth0"]);
  await ip(path.instance, [
    `addr add ${ipv6}/128 dev eth0 nodad`,
    `neigh replace ${IPV6_ROUTER} lladdr ${routerMac} dev eth0 nud permanent`,
    `route add ::/0 via ${IPV6_ROUTER} dev eth0`,
  ]);
  await ipv6On(path.internet, ["lo", "eth0"]);
  await ip(path.internet, [
    `addr add ${INTERNET_IPV6}/128 dev lo nodad`,
    `neigh replace ${IPV6_ROUTER} lladdr ${nextMac} dev eth0 nud permanent`,
    `route add ${ipv6}/128 via ${IPV6_ROUTER} dev eth0 src ${INTERNET_IPV6}`,
  ]);
  return { ...path, ipv6: { instanceAddress: ipv6, internetAddress: INTERNET_IPV6 } };
}

/** Without asking for routers, or anybody whether an address is free. */
async function ipv6On(at: string, devices: readonly string[]): Promise<void> {
  await run([
    ...inNetwork(at),
    "sh",
    "-ec",
    devices.flatMap((device) => ipv6Switch(device, true)).join("\n"),
  ]);
}

export async function namespaces<const Names extends readonly string[]>(
  folder: string,
  ...names: Names
): Promise<{ [K in keyof Names]: string }> {
  mkdirSync(folder, { recursive: true });
  const paths = names.map((name) => join(folder, name));
  for (const at of paths) await newNamespace(at);
  return paths as { [K in keyof Names]: string };
}

export async function newNamespace(at: string): Promise<void> {
  await run(["sh", "-c", `touch "$1" && unshare --net="$1" -- true`, "sh", at]);
}

type End = { readonly name: string; readonly mac: string };

export async function pair(here: string, end: End, there: string, other: End): Promise<void> {
  const line = `link add name ${end.name} address ${end.mac} type veth peer name ${other.name} address ${other.mac} netns`;
  // The other namespace has a path and `ip` wants a process: the shell in it waits for its child in this one.
  await run([...inNetwork(there), "sh", "-c", `nsenter --net="$1" -- ip ${line} $$`, "sh", here]);
}

async function routerNamespace(at: string, inside: string, addresses: Addresses): Promise<void> {
  await sysctls(at, {
    "ipv4/ip_forward": 1,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    "ipv6/conf/all/disable_ipv6": 1,
  });
  // Where the bridge module is there, bridged packets also go by netfilter, as in the usual build.
  await sysctls(at, { "bridge/bridge-nf-call-iptables": 1 });
  await ip(at, [
    "link set lo up",
    `addr add ${addresses.router}/${addresses.prefixLength} dev ${inside}`,
    `link set ${inside} up`,
    "link set outside up",
    `neigh replace ${addresses.instance} lladdr ${MAC.instance} dev ${inside} nud permanent`,
    `neigh replace ${NEXT_HOP} lladdr ${MAC.internet} dev outside nud permanent`,
    `route add default via ${NEXT_HOP} dev outside onlink`,
  ]);
}

export async function instanceEnd(at: string, addresses: Addresses, routerMac: string): Promise<void> {
  await endHost(at);
  await ip(at, [
    "link set lo up",
    `addr add ${addresses.instance}/${addresses.prefixLength} broadcast + dev eth0`,
    "link set eth0 up",
    `neigh replace ${addresses.router} lladdr ${routerMac} dev eth0 nud permanent`,
    `route add default via ${addresses.router} dev eth0`,
  ]);
}

export async function internetEnd(at: string, addresses: Addresses, nextMac: string): Promise<void> {
  await endHost(at);
  const blocks = [addresses.pool, `${addresses.instance}/32`];
  await ip(at, [
    "link set lo up",
    `addr add ${INTERNET_IPV4}/32 dev lo`,
    "link set eth0 up",
    `neigh replace ${NEXT_HOP} lladdr ${nextMac} dev eth0 nud permanent`,
    ...blocks.map((block) => `route add ${block} via ${NEXT_HOP} dev eth0 onlink src ${INTERNET_IPV4}`),
  ]);
  await moreHosts(at);
}

/** Further hosts of the internet, of the range for benchmarks (RFC 2544). */
const MORE_HOSTS = "198.18.0.0/15";

/** The internet's end answers for more hosts. */
export async function moreHosts(at: string): Promise<void> {
  await ip(at, [`route add local ${MORE_HOSTS} dev lo`]);
}

/** What both ends of every path have, so that only what lies between them differs. */
export async function endHost(at: string, ipv6: "as it is" | "off" = "off"): Promise<void> {
  await sysctls(at, {
    "ipv4/ip_forward": 0,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    "ipv4/conf/eth0/rp_filter": 0,
    ...(ipv6 === "off" ? { "ipv6/conf/all/disable_ipv6": 1 } : {}),
    // Thousands of connections a second: ports for all of them, and few that wait after their end.
    "ipv4/ip_local_port_range": "1024 65535",
    "ipv4/tcp_max_tw_buckets": 64,
    // Nothing learned in one round is used in the next.
    "ipv4/tcp_no_metrics_save": 1,
  });
}

async function sysctls(at: string, values: Readonly<Record<string, number | string>>): Promise<void> {
  const lines = Object.entries(values).map(
    ([name, value]) => `[ ! -e /proc/sys/net/${name} ] || echo ${value} > /proc/sys/net/${name}`,
  );
  await run([...inNetwork(at), "sh", "-ec", lines.join("\n")]);
}
