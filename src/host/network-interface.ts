import { formatBlock, ipv4BlockOf } from "../lib/block.ts";
import { CommandFailed, inNetwork, ip, run } from "./command.ts";
import { hasIpv6, IPV6_ROUTER, ipv6Switch } from "./ipv6.ts";
import { HOST_SIDE_MTU } from "./links.ts";

/** One interface of an instance, as the instance is to see it. */
export type InterfaceSpec = {
  /** The index of the link's host-side end. */
  readonly slot: number;
  readonly deviceIndex: number;
  readonly mac: string;
  /** IPv4. The first is the primary; there may be none. */
  readonly addresses: readonly string[];
  /** The prefix length of the subnet's IPv4 block, in bits. */
  readonly prefixLength: number;
  /** The subnet's +1 address; none without IPv4. */
  readonly router: string | undefined;
  readonly ipv6Addresses: readonly string[];
};

/** The Ethernet address of every subnet's router: the data plane's. */
export const ROUTER_MAC = "02:67:6b:00:00:01";

/** Inside the VPC packets have up to 9001 bytes (EC2 user guide, "Jumbo frames"). */
const INSTANCE_MTU = 9001;

/**
 * Makes the interface's link, one end in the data plane's namespace, the other in that of the process.
 * The instance's end has no addresses or routes yet.
 */
export async function addInterfaceLink(dp: string, spec: InterfaceSpec, pid: number): Promise<void> {
  await ip(dp, linkLines(spec, pid));
}

function linkLines(spec: InterfaceSpec, pid: number): readonly string[] {
  const name = `eni${spec.slot}`;
  return [
    `link add name ${name} index ${spec.slot} mtu ${HOST_SIDE_MTU} type veth peer name eth${spec.deviceIndex} address ${spec.mac} mtu ${INSTANCE_MTU} netns ${pid}`,
    `link set ${name} up`,
  ];
}

/** Removes the interface's link, when it is there. */
export async function removeInterfaceLink(dp: string, slot: number): Promise<void> {
  await run([...inNetwork(dp), "ip", "link", "del", `eni${slot}`]).catch((error: unknown) => {
    if (!(error instanceof CommandFailed && /Cannot find device|No such device/.test(error.stderr)))
      throw error;
  });
}

/** The slots of the interfaces whose links are there. */
export async function interfaceLinks(dp: string): Promise<ReadonlySet<number>> {
  const shown = await run([...inNetwork(dp), "ip", "-br", "link", "show", "type", "veth"]);
  return new Set([...shown.matchAll(/^eni(\d+)[@\s]/gm)].map(([, slot]) => Number(slot)));
}

/** Lines for `ip -4 -batch` and `ip -6 -batch`: apart, because a rule's line does not say its family. */
export type Lines = { readonly ipv4: readonly string[]; readonly ipv6: readonly string[] };

/**
 * The lines that give the interface its addresses and routes inside the instance. As on Amazon Linux, packets
 * from the addresses of a further interface leave through it, by a routing table of its own; packets that
 * have no source address yet leave through the first interface that has a route. No address has a subnet on
 * the link: everybody else is behind the router (over IPv6 too, as with DHCPv6 on AWS). So the router is the
 * only neighbour, and a permanent one, which takes no place in the kernel's table of neighbours, shared by
 * the whole machine.
 */
export function interfaceLines(spec: InterfaceSpec, added: Addresses = spec): Lines {
  const device = deviceOf(spec);
  return {
    ipv4: [
      ...added.addresses.map(
        (address) => `addr replace ${address}/${spec.prefixLength} broadcast + dev ${device} noprefixroute`,
      ),
      `link set ${device} up`,
      ...(added.addresses.length > 0 ? ipv4Routes(spec) : []),
    ],
    ipv6:
      hasIpv6() && added.ipv6Addresses.length > 0
        ? [
            ...added.ipv6Addresses.map((address) => `addr replace ${address}/128 dev ${device} nodad`),
            `neigh replace ${IPV6_ROUTER} lladdr ${ROUTER_MAC} dev ${device} nud permanent`,
            ...ipv6Defaults(spec).map((route) => `route replace ${route}`),
          ]
        : [],
  };
}

/** Addresses of an interface: all that it has, or some. */
type Addresses = Pick<InterfaceSpec, "addresses" | "ipv6Addresses">;

function deviceOf({ deviceIndex }: InterfaceSpec): string {
  return `eth${deviceIndex}`;
}

/**
 * One number with three uses for an interface that is not the first: its routing table, the priority of its
 * rules, and the metric of its routes beside the first one's.
 */
function tableOf({ deviceIndex }: InterfaceSpec): number {
  return 10_000 + deviceIndex;
}

function ipv4Routes(spec: InterfaceSpec): readonly string[] {
  const { router, deviceIndex, prefixLength, addresses } = spec;
  if (router === undefined) return [];
  const [device, subnet] = [deviceOf(spec), formatBlock(ipv4BlockOf(`${router}/${prefixLength}`))];
  const neighbour = `neigh replace ${router} lladdr ${ROUTER_MAC} dev ${device} nud permanent`;
  // When two interfaces are in one subnet, the one with device index 0 has the route, whichever came first.
  const beside = `src ${addresses[0]}${deviceIndex === 0 ? "" : ` metric ${tableOf(spec)}`}`;
  return [
    neighbour,
    `route replace ${router} dev ${device} scope link ${beside}`,
    `route replace ${subnet} via ${router} dev ${device} ${beside}`,
    ...(deviceIndex === 0
      ? [`route replace default via ${router} dev ${device}`]
      : [
          `route replace default via ${router} dev ${device} ${beside}`,
          `route replace default via ${router} dev ${device} table ${tableOf(spec)}`,
        ]),
  ];
}

function ipv6Defaults(spec: InterfaceSpec): readonly string[] {
  const route = `::/0 via ${IPV6_ROUTER} dev ${deviceOf(spec)}`;
  return spec.deviceIndex === 0
    ? [route]
    : [`${route} metric ${tableOf(spec)}`, `${route} table ${tableOf(spec)}`];
}

/** Rules that send packets from the addresses through a further interface. */
function rules(spec: InterfaceSpec, verb: "add" | "del", addresses: readonly string[]): readonly string[] {
  const table = tableOf(spec);
  return spec.deviceIndex === 0
    ? []
    : addresses.map((address) => `rule ${verb} from ${address} lookup ${table} priority ${table}`);
}

/** Removes what `spec` gave and `kept` does not have; what the instance's root added itself stays. */
function removalLines(spec: InterfaceSpec, kept: InterfaceSpec): Lines {
  const device = deviceOf(spec);
  const gone = spec.addresses.filter((address) => !kept.addresses.includes(address));
  const gone6 = hasIpv6()
    ? spec.ipv6Addresses.filter((address) => !kept.ipv6Addresses.includes(address))
    : [];
  const lastOfIpv6 = gone6.length > 0 && kept.ipv6Addresses.length === 0;
  return {
    ipv4: [
      ...rules(spec, "del", gone),
      ...gone.map((address) => `addr del ${address}/${spec.prefixLength} dev ${device}`),
    ],
    ipv6: [
      ...rules(spec, "del", gone6),
      ...(lastOfIpv6 ? ipv6Defaults(spec).map((route) => `route del ${route}`) : []),
      ...gone6.map((address) => `addr del ${address}/128 dev ${device}`),
    ],
  };
}

/** Gives an interface whose link is there its addresses and routes. */
export async function configureInterface(namespace: string, spec: InterfaceSpec): Promise<void> {
  await run([...inNetwork(namespace), "sh", "-ec", configuration([spec]).join("\n")]);
  await addRules(namespace, spec, spec);
}

/**
 * Makes all links of the process's new network namespace, in which nothing is up yet, with their addresses
 * and routes. One program does it all: starting a program, for which this process is copied, takes longest.
 */
export async function beginInterfaces(
  dp: string,
  specs: readonly InterfaceSpec[],
  pid: number,
): Promise<void> {
  const namespace = namespaceOf(pid);
  const off = ["all", "default"].flatMap((name) => ipv6Switch(name, false));
  const within = [...off, ...configuration(specs, { first: ["link set lo up"] })].join("\n");
  const links = batch(
    4,
    specs.flatMap((spec) => linkLines(spec, pid)),
  );
  const enter = `exec ${[...inNetwork(namespace), "sh", "-ec"].join(" ")} "$1"`;
  await run([...inNetwork(dp), "sh", "-ec", [...links, enter].join("\n"), "sh", within]);
  for (const spec of specs) await addRules(namespace, spec, spec);
}

/** The path of a process's network namespace. */
export function namespaceOf(pid: number): string {
  return `/proc/${pid}/ns/net`;
}

/**
 * Replaces the addresses that Genkan gave the interface, those of `before`, by those of `after`. The link
 * stays the same.
 */
export async function readdress(
  namespace: string,
  before: InterfaceSpec,
  after: InterfaceSpec,
): Promise<void> {
  const added = {
    addresses: after.addresses.filter((address) => !before.addresses.includes(address)),
    ipv6Addresses: after.ipv6Addresses.filter((address) => !before.ipv6Addresses.includes(address)),
  };
  if (added.addresses.length + added.ipv6Addresses.length > 0)
    await run([...inNetwork(namespace), "sh", "-ec", configuration([after], { added }).join("\n")]);
  await addRules(namespace, after, added);
  await change(namespace, removalLines(before, after));
}

type Beside = {
  /** Which of the addresses were added; all of them when absent. */
  readonly added?: Addresses;
  /** Lines for `ip` that go before the others. */
  readonly first?: readonly string[];
};

/** Shell commands for the interfaces. IPv6 is on only where an interface has an IPv6 address. */
function configuration(
  specs: readonly InterfaceSpec[],
  { added, first = [] }: Beside = {},
): readonly string[] {
  const lines = specs.map((spec) => ({ device: deviceOf(spec), ...interfaceLines(spec, added) }));
  const ofIpv6 = lines.filter(({ ipv6 }) => ipv6.length > 0).map(({ device }) => device);
  const on = ofIpv6.length === 0 ? [] : ["lo", ...ofIpv6].flatMap((device) => ipv6Switch(device, true));
  const [ipv4, ipv6] = [lines.flatMap((one) => one.ipv4), lines.flatMap((one) => one.ipv6)];
  return [...on, ...batch(4, [...first, ...ipv4]), ...batch(6, ipv6)];
}

function addRules(namespace: string, spec: InterfaceSpec, added: Addresses): Promise<void> {
  return change(namespace, {
    ipv4: rules(spec, "add", added.addresses),
    ipv6: hasIpv6() ? rules(spec, "add", added.ipv6Addresses) : [],
  });
}

/** Removes what would outlive the interface's link: the rules that name its addresses. */
export function removeRules(namespace: string, spec: InterfaceSpec): Promise<void> {
  return change(namespace, {
    ipv4: rules(spec, "del", spec.addresses),
    ipv6: hasIpv6() ? rules(spec, "del", spec.ipv6Addresses) : [],
  });
}

/** Whether the two differ in nothing but addresses, which may change while the instance runs. */
export function isSameLink(a: InterfaceSpec, b: InterfaceSpec): boolean {
  return (
    a.slot === b.slot &&
    a.deviceIndex === b.deviceIndex &&
    a.mac === b.mac &&
    a.router === b.router &&
    a.addresses[0] === b.addresses[0]
  );
}

function batch(family: 4 | 6, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`ip -${family} -batch - <<'END'`, ...lines, "END"];
}

const SO_ALREADY =
  /^(RTNETLINK answers: (File exists|No such (file or directory|process)|Cannot assign requested address)|Error: ipv[46]: address not found\.|Command failed .*)?$/i;

/**
 * Runs all lines, even after one that fails because it is done already: the instance's root may change
 * addresses and rules as it likes.
 */
async function change(namespace: string, { ipv4, ipv6 }: Lines): Promise<void> {
  for (const [family, lines] of [
    ["-4", ipv4],
    ["-6", ipv6],
  ] as const) {
    if (lines.length === 0) continue;
    await run(
      [...inNetwork(namespace), "ip", family, "-force", "-batch", "-"],
      `${lines.join("\n")}\n`,
    ).catch((cause: unknown) => {
      if (
        !(
          cause instanceof CommandFailed &&
          cause.stderr.split("\n").every((line) => SO_ALREADY.test(line.trim()))
        )
      )
        throw cause;
    });
  }
}
