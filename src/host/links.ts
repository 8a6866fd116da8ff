import { IPV4_ALIAS_BLOCK, IPV6_ALIAS_BLOCK } from "./alias.ts";
import { inNetwork, ip, run } from "./command.ts";
import {
  INTERNET_IPV4,
  INTERNET_IPV6,
  type Installation,
  METADATA_IPV4,
  METADATA_IPV6,
  RESOLVER_IPV4,
  RESOLVER_IPV6,
  TIME_IPV4,
  TIME_IPV6,
} from "./installation.ts";
import { hasIpv6, IPV6_ROUTER } from "./ipv6.ts";

/** The fixed links of the data plane's namespace, for the kernel program's settings and for attaching it. */
export type HostLinks = {
  /** The path of the data plane's network namespace. */
  readonly namespace: string;
  /** The path of this installation's bpffs. */
  readonly bpf: string;
  readonly uplinkIndex: number;
  readonly uplinkMac: string;
  readonly uplinkPeerMac: string;
  readonly servicesIndex: number;
  readonly servicesMac: string;
  readonly servicesPeerMac: string;
  /** A link whose peer is in the same namespace, for the program's own use. */
  readonly fragmentsIndex: number;
};

/** The data plane's end of the uplink, where it is made before Genkan is started. */
export const UPLINK = { index: 2, mac: "02:67:6b:00:01:01", peerMac: "02:67:6b:00:01:02" } as const;

/** Every Ethernet address here is locally administered (IEEE 802, second bit of the first byte). */
const MAC = {
  uplink: UPLINK.mac,
  uplinkPeer: UPLINK.peerMac,
  services: "02:67:6b:00:02:01",
  servicesPeer: "02:67:6b:00:02:02",
  fragments: "02:67:6b:00:03:01",
  fragmentsPeer: "02:67:6b:00:03:02",
} as const;

/** The next hop behind a point-to-point link: nothing has this address, its neighbour entry is permanent. */
const NEXT_HOP = "169.254.0.1";
/** The block that VPCs' IPv6 blocks are taken from. */
const VPC_IPV6 = "2001:db8::/32";
/**
 * Larger than the packets that the program lets through, so that one that is too long reaches the program,
 * which answers it with an ICMP error.
 */
export const HOST_SIDE_MTU = 9100;
const INTERNET_MTU = 1500;
/** The indexes that the fixed links may take; those of interfaces begin after them. */
const FIXED_INDEXES = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] as const;

type LinkInfo = { readonly ifname: string; readonly ifindex: number; readonly address: string };

/** Links that are there already are kept as they are: traffic may be passing over them. */
export async function ensureFixedLinks(
  installation: Installation,
  pools: readonly string[],
): Promise<HostLinks> {
  const { dp, internet, services } = installation.namespaces;
  const there = new Map((await listLinks(dp)).map((link) => [link.ifname, link.ifindex]));
  const taken = new Set(there.values());
  const free = FIXED_INDEXES.filter((index) => !taken.has(index));
  const indexOf = (name: string): number => {
    const index = there.get(name) ?? free.shift();
    if (index === undefined) throw new Error(`no link index below 16 is free for ${name} in ${dp}`);
    return index;
  };
  const uplinkIndex = indexOf("uplink");
  const servicesIndex = indexOf("services");
  const fragmentsIndex = indexOf("fragments");
  const fragmentsPeerIndex = indexOf("fragments-peer");
  if (!there.has("uplink"))
    await addPair({ installation, name: "uplink", index: uplinkIndex, peer: "internet", mtu: INTERNET_MTU });
  if (!there.has("services"))
    await addPair({
      installation,
      name: "services",
      index: servicesIndex,
      peer: "services",
      mtu: HOST_SIDE_MTU,
    });
  if (!there.has("fragments"))
    await ip(dp, [
      `link add name fragments address ${MAC.fragments} index ${fragmentsIndex} mtu 65535 type veth peer name fragments-peer index ${fragmentsPeerIndex} address ${MAC.fragmentsPeer} mtu 65535`,
    ]);
  await ip(dp, [
    "link set uplink up",
    "link set services up",
    "link set fragments up",
    "link set fragments-peer up",
  ]);
  await ip(internet, internetAddresses());
  // The uplink may lead elsewhere, to a simulated internet that several machines share.
  const shared = there.has("uplink") && !(await listLinks(internet)).some(({ ifname }) => ifname === "eth0");
  if (!shared)
    await ip(internet, [
      ...(hasIpv6() ? ["link set eth0 addrgenmode none"] : []),
      "link set eth0 up",
      `neigh replace ${NEXT_HOP} lladdr ${MAC.uplink} dev eth0 nud permanent`,
      ...ipv6Way(MAC.uplink, `${VPC_IPV6} src ${INTERNET_IPV6}`),
      ...pools.map((pool) => `route replace ${pool} via ${NEXT_HOP} dev eth0 onlink src ${INTERNET_IPV4}`),
    ]);
  await ip(services, [
    "link set lo up",
    ...[METADATA_IPV4, RESOLVER_IPV4, TIME_IPV4].map((address) => `addr replace ${address}/32 dev lo`),
    ...ipv6Host([METADATA_IPV6, RESOLVER_IPV6, TIME_IPV6]),
    "link set eth0 up",
    `neigh replace ${NEXT_HOP} lladdr ${MAC.services} dev eth0 nud permanent`,
    // The program replaces the asker's address by one that is its interface's only: VPCs' ranges overlap.
    `route replace ${IPV4_ALIAS_BLOCK} via ${NEXT_HOP} dev eth0 onlink`,
    ...ipv6Way(MAC.services, IPV6_ALIAS_BLOCK),
  ]);
  return {
    namespace: dp,
    bpf: installation.bpf,
    uplinkIndex,
    uplinkMac: MAC.uplink,
    uplinkPeerMac: MAC.uplinkPeer,
    servicesIndex,
    servicesMac: MAC.services,
    servicesPeerMac: MAC.servicesPeer,
    fragmentsIndex,
  };
}

/** The addresses of the simulated internet's hosts. */
export function internetAddresses(): readonly string[] {
  return [
    "link set lo up",
    `addr replace ${INTERNET_IPV4}/32 dev lo`,
    ...(hasIpv6() ? [`addr replace ${INTERNET_IPV6}/128 dev lo nodad`] : []),
  ];
}

/**
 * Adds addresses to a host behind a fixed link. The link itself has no IPv6 address: it would announce it.
 */
function ipv6Host(addresses: readonly string[]): readonly string[] {
  if (!hasIpv6()) return [];
  return [
    "link set eth0 addrgenmode none",
    ...addresses.map((address) => `addr replace ${address}/128 dev lo nodad`),
  ];
}

/** Adds such a host's route to a block, by way of the data plane, whose neighbour entry is permanent. */
function ipv6Way(mac: string, destination: string): readonly string[] {
  if (!hasIpv6()) return [];
  const [block = "", ...source] = destination.split(" ");
  return [
    `neigh replace ${IPV6_ROUTER} lladdr ${mac} dev eth0 nud permanent`,
    `route replace ${[block, "via", IPV6_ROUTER, "dev", "eth0", ...source].join(" ")}`,
  ];
}

type Pair = {
  readonly installation: Installation;
  readonly name: "uplink" | "services";
  readonly index: number;
  readonly peer: "internet" | "services";
  readonly mtu: number;
};

/**
 * Makes a link from the data plane's namespace to `eth0` of another namespace, which `ip` names by a process
 * in it.
 */
async function addPair({ installation, name, index, peer, mtu }: Pair): Promise<void> {
  const { dp } = installation.namespaces;
  const other = installation.namespaces[peer];
  const line = `link add name ${name} address ${MAC[name]} index ${index} mtu ${HOST_SIDE_MTU} type veth peer name eth0 address ${MAC[`${name}Peer`]} mtu ${mtu} netns`;
  // The other namespace is known by its path, but `ip` names it by a process: a shell in it waits for its
  // child, which runs in the data plane's namespace.
  const script = `nsenter --net="$1" -- ip ${line} $$`;
  await run([...inNetwork(other), "sh", "-c", script, "sh", dp]);
}

export async function listLinks(namespace: string | undefined): Promise<readonly LinkInfo[]> {
  return JSON.parse(await run([...inNetwork(namespace), "ip", "-j", "link", "show"])) as readonly LinkInfo[];
}
