import { CommandFailed, inNetwork, ip, run } from "./command.ts";
import { INTERNET_IPV6, type Installation, METADATA_IPV6, RESOLVER_IPV6 } from "./installation.ts";
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

/** Every Ethernet address here is locally administered (IEEE 802, second bit of the first byte). */
const MAC = {
  uplink: "02:67:6b:00:01:01",
  uplinkPeer: "02:67:6b:00:01:02",
  services: "02:67:6b:00:02:01",
  servicesPeer: "02:67:6b:00:02:02",
  fragments: "02:67:6b:00:03:01",
  fragmentsPeer: "02:67:6b:00:03:02",
} as const;

/** The next hop behind a point-to-point link: nothing has this address, its neighbour entry is permanent. */
const NEXT_HOP = "169.254.0.1";
/** Where VPCs' IPv6 blocks are cut from, and what stands for interfaces towards the services. */
const VPC_IPV6 = "2001:db8::/32";
const IPV6_ALIASES = "fd00:6b67::/96";
/** Larger than what the program lets through, so that what is too long reaches the program and gets its answer. */
const HOST_SIDE_MTU = 9100;
const INTERNET_MTU = 1500;
/** Indexes that the fixed links may take: interfaces' own begin behind them. */
const FIXED_INDEXES = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] as const;

type LinkInfo = { readonly ifname: string; readonly ifindex: number };

/** Links that are there already are kept as they are: traffic may be passing over them. */
export async function ensureFixedLinks(installation: Installation, pools: readonly string[]): Promise<HostLinks> {
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
  if (!there.has("uplink")) await addPair({ installation, name: "uplink", index: uplinkIndex, peer: "internet", mtu: INTERNET_MTU });
  if (!there.has("services")) await addPair({ installation, name: "services", index: servicesIndex, peer: "services", mtu: HOST_SIDE_MTU });
  if (!there.has("fragments"))
    await ip(dp, [
      `link add name fragments address ${MAC.fragments} index ${fragmentsIndex} mtu 65535 type veth peer name fragments-peer index ${fragmentsPeerIndex} address ${MAC.fragmentsPeer} mtu 65535`,
    ]);
  await ip(dp, ["link set uplink up", "link set services up", "link set fragments up", "link set fragments-peer up"]);
  await ip(internet, [
    "link set lo up",
    "addr replace 198.51.100.1/32 dev lo",
    ...ipv6Host([INTERNET_IPV6]),
    "link set eth0 up",
    `neigh replace ${NEXT_HOP} lladdr ${MAC.uplink} dev eth0 nud permanent`,
    ...ipv6Way(MAC.uplink, `${VPC_IPV6} src ${INTERNET_IPV6}`),
    ...pools.map((pool) => `route replace ${pool} via ${NEXT_HOP} dev eth0 onlink src 198.51.100.1`),
  ]);
  await ip(services, [
    "link set lo up",
    "addr replace 169.254.169.254/32 dev lo",
    "addr replace 169.254.169.253/32 dev lo",
    ...ipv6Host([METADATA_IPV6, RESOLVER_IPV6]),
    "link set eth0 up",
    `neigh replace ${NEXT_HOP} lladdr ${MAC.services} dev eth0 nud permanent`,
    // The program puts an address per interface in place of the asker's own: VPCs' ranges overlap.
    `route replace 100.64.0.0/10 via ${NEXT_HOP} dev eth0 onlink`,
    ...ipv6Way(MAC.services, IPV6_ALIASES),
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

/** Addresses of a host behind a fixed link. The link has none of its own in IPv6, which it would announce. */
function ipv6Host(addresses: readonly string[]): readonly string[] {
  if (!hasIpv6()) return [];
  return ["link set eth0 addrgenmode none", ...addresses.map((address) => `addr replace ${address}/128 dev lo nodad`)];
}

/** The route from there to a block, by the data plane, whose neighbour entry is permanent. */
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

/** A link from the data plane's namespace to `eth0` of the other one, which it enters by way of a process there. */
async function addPair({ installation, name, index, peer, mtu }: Pair): Promise<void> {
  const { dp } = installation.namespaces;
  const other = installation.namespaces[peer];
  const line = `link add name ${name} address ${MAC[name]} index ${index} mtu ${HOST_SIDE_MTU} type veth peer name eth0 address ${MAC[`${name}Peer`]} mtu ${mtu} netns`;
  // The other namespace has a path and `ip` wants a process: the shell in it waits for its child in the data plane's.
  const script = `nsenter --net="$1" -- ip ${line} $$`;
  await run([...inNetwork(other), "sh", "-c", script, "sh", dp]);
}

export async function listLinks(namespace: string | undefined): Promise<readonly LinkInfo[]> {
  return JSON.parse(await run([...inNetwork(namespace), "ip", "-j", "link", "show"])) as readonly LinkInfo[];
}

/** One interface of an instance, as the instance is to see it. */
export type InterfaceSpec = {
  /** The index of the link's host-side end. */
  readonly slot: number;
  readonly deviceIndex: number;
  readonly mac: string;
  /** IPv4. The first is the primary; there may be none. */
  readonly addresses: readonly string[];
  /** Of the subnet, in bits. */
  readonly prefixLength: number;
  /** The subnet's +1 address; none without IPv4. */
  readonly router: string | undefined;
  readonly ipv6Addresses: readonly string[];
};

/** Inside the VPC packets have up to 9001 bytes (EC2 user guide, "Jumbo frames"). */
const INSTANCE_MTU = 9001;

/** Makes the interface's link, one end in the data plane's namespace, the other in that of the process. Neither end has a way to elsewhere yet. */
export async function addInterfaceLink(dp: string, spec: InterfaceSpec, pid: number): Promise<void> {
  const name = `eni${spec.slot}`;
  await ip(dp, [
    `link add name ${name} index ${spec.slot} mtu ${HOST_SIDE_MTU} type veth peer name eth${spec.deviceIndex} address ${spec.mac} mtu ${INSTANCE_MTU} netns ${pid}`,
    `link set ${name} up`,
  ]);
}

/** Removes the interface's link, when it is there. */
export async function removeInterfaceLink(dp: string, slot: number): Promise<void> {
  await run([...inNetwork(dp), "ip", "link", "del", `eni${slot}`]).catch((error: unknown) => {
    if (!(error instanceof CommandFailed && /Cannot find device|No such device/.test(error.stderr))) throw error;
  });
}

/** The commands that give the interface its addresses and routes, inside the instance. IPv6 is on there already, where it has any. */
export function interfaceLines(spec: InterfaceSpec): readonly string[] {
  return [...ipv4Lines(spec), ...ipv6Lines(spec, spec.ipv6Addresses)];
}

/** The same for IPv6 addresses, which may come later: each by itself, everybody else behind the router (as by DHCPv6 on AWS). */
export function ipv6Lines({ deviceIndex }: InterfaceSpec, added: readonly string[]): readonly string[] {
  if (added.length === 0 || !hasIpv6()) return [];
  const device = `eth${deviceIndex}`;
  const addresses = added.map((address) => `addr replace ${address}/128 dev ${device} nodad`);
  if (deviceIndex === 0) return [...addresses, `route replace ::/0 via ${IPV6_ROUTER} dev ${device}`];
  const table = tableOf(deviceIndex);
  return [
    ...addresses,
    `route replace ::/0 via ${IPV6_ROUTER} dev ${device} table ${table}`,
    ...added.map((address) => `rule add from ${address} lookup ${table}`),
  ];
}

/** Of a further interface's routes. */
export function tableOf(deviceIndex: number): number {
  return 10_000 + deviceIndex;
}

function ipv4Lines(spec: InterfaceSpec): readonly string[] {
  const device = `eth${spec.deviceIndex}`;
  const addresses = spec.addresses.map((address) => `addr add ${address}/${spec.prefixLength} broadcast + dev ${device}`);
  if (spec.router === undefined) return [`link set ${device} up`];
  if (spec.deviceIndex === 0) return [...addresses, `link set ${device} up`, `route add default via ${spec.router} dev ${device}`];
  // A further interface answers by itself: what comes from its addresses leaves through it.
  const table = tableOf(spec.deviceIndex);
  return [
    ...addresses,
    `link set ${device} up`,
    `route add default via ${spec.router} dev ${device} table ${table}`,
    ...spec.addresses.map((address) => `rule add from ${address} lookup ${table}`),
  ];
}
