import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { inNetwork, run, succeeds } from "./command.ts";
import { type Installation, MACHINE_IPV4 } from "./installation.ts";
import { isArchitecture, seccompFilter } from "./seccomp.ts";

/**
 * Makes the installation's folder, bpffs and network namespaces where they are missing, and writes the filter
 * of system calls. A namespace is a bind mount of its own and not one of `ip netns`, which would leave a
 * mount of its folder behind.
 */
export async function ensureNamespaces(installation: Installation): Promise<void> {
  const { run: folder, namespaces, bpf, records, root, seccomp } = installation;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const path of [`${folder}/ns`, bpf, records, root]) mkdirSync(path, { recursive: true, mode: 0o700 });
  if (isArchitecture(process.arch)) {
    writeFileSync(`${seccomp}.new`, seccompFilter(process.arch), { mode: 0o600 });
    renameSync(`${seccomp}.new`, seccomp);
  }
  const mounted = new Set(mountPoints());
  if (!mounted.has(bpf)) await run(["mount", "--no-mtab", "-t", "bpf", "-o", "mode=700", "genkan", bpf]);
  await Promise.all(
    Object.values(namespaces).map(async (path) => {
      if (mounted.has(path)) return;
      closeSync(openSync(path, "a", 0o600));
      await run(["unshare", `--net=${path}`, "--", "true"]);
    }),
  );
  await Promise.all([
    configure(namespaces.dp, DATA_PLANE_SYSCTLS, DROP_ALL),
    configure(namespaces.internet, INTERNET_SYSCTLS, INTERNET_RULES),
    configure(namespaces.services, SERVICES_SYSCTLS, SERVICES_RULES),
  ]);
}

/** The paths at which something is mounted in this mount namespace (proc(5), mountinfo). */
function mountPoints(): readonly string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => line.split(" ")[4] ?? [])
    .map((path) =>
      path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    );
}

/**
 * Removes the mounts and the folder. What still runs in a namespace keeps it alive: end the processes first.
 */
export async function removeNamespaces(installation: Installation): Promise<void> {
  const inside = mountPoints().filter((path) => path.startsWith(`${installation.run}/`));
  // Unmounting a bpffs drops its pins, and with them the programs and tables.
  for (const path of inside.toReversed()) {
    if (!(await succeeds(["umount", "--no-mtab", path]))) await run(["umount", "--no-mtab", "--lazy", path]);
  }
  rmSync(installation.run, { recursive: true, force: true });
}

/** Settings of a namespace. A new one may inherit the machine's, so each that matters is set. */
type Sysctls = Readonly<Record<string, number | string>>;
const NO_IPV6: Sysctls = { "ipv6/conf/all/disable_ipv6": 1, "ipv6/conf/default/disable_ipv6": 1 };
const NO_FORWARDING: Sysctls = { "ipv4/ip_forward": 0, "ipv6/conf/all/forwarding": 0 };
const DATA_PLANE_SYSCTLS: Sysctls = { ...NO_FORWARDING, ...NO_IPV6 };
/** IPv6 without autoconfiguration: the data plane gives the addresses, and sends no router advertisements. */
const STILL_IPV6: Sysctls = {
  "ipv6/conf/all/forwarding": 0,
  "ipv6/conf/all/disable_ipv6": 0,
  "ipv6/conf/default/disable_ipv6": 0,
  "ipv6/conf/default/router_solicitations": 0,
  "ipv6/conf/default/accept_ra": 0,
};
const SERVICES_SYSCTLS: Sysctls = {
  ...NO_FORWARDING,
  ...STILL_IPV6,
  "ipv4/conf/all/rp_filter": 0,
  "ipv4/conf/default/rp_filter": 0,
  // Requests are short. An instance that sends without end fills only a small buffer.
  "ipv4/tcp_rmem": "4096 16384 16384",
  "ipv4/tcp_wmem": "4096 16384 65536",
};
const INTERNET_SYSCTLS: Sysctls = {
  // Packets are forwarded only between the machine and the instances: see the rules.
  "ipv4/ip_forward": 1,
  ...STILL_IPV6,
  "ipv4/conf/all/rp_filter": 0,
  "ipv4/conf/default/rp_filter": 0,
  // No limit on ICMP errors: many errors to different hosts of the pools are not a flood.
  "ipv4/icmp_ratelimit": 0,
  "ipv6/icmp/ratelimit": 0,
};

/** The kernel itself must forward nothing here: without the program, nothing passes. */
const DROP_ALL = `
  chain input { type filter hook input priority 0; policy drop; }
  chain forward { type filter hook forward priority 0; policy drop; }
  chain output { type filter hook output priority 0; policy drop; }
`;

/**
 * Maximum datagrams of each address in a second; more would crowd out others. It is above what the services
 * answer.
 */
const DATAGRAMS_PER_SECOND = { internet: 4_000, services: 1_024 };
const CONNECTIONS_PER_SECOND = { internet: 4_000, services: 256 };

/** Drops what one address sends beyond its share: all askers share the queue in front of a service. */
function shares(name: string, what: string, perSecond: number): string {
  const set = (type: string): string => `{ type ${type}; flags dynamic; timeout 2s; size 65536; }`;
  const share = `limit rate over ${perSecond}/second burst 128 packets`;
  return `
  set ${name}_ipv4 ${set("ipv4_addr")}
  set ${name}_ipv6 ${set("ipv6_addr")}
  chain ${name} {
    type filter hook input priority -1;
    ${what} update @${name}_ipv4 { ip saddr ${share} } drop
    ${what} update @${name}_ipv6 { ip6 saddr ${share} } drop
  }`;
}

/**
 * The machine opens connections to instances and to the simulated internet; neither opens one to the machine.
 */
const INTERNET_RULES = `
${shares("datagrams", "udp dport { 7, 53 }", DATAGRAMS_PER_SECOND.internet)}
${shares("connections", "tcp flags & (syn | ack) == syn tcp dport { 7, 53, 80 }", CONNECTIONS_PER_SECOND.internet)}
  chain routing {
    type filter hook input priority 0;
    iifname "gw*" tcp dport 179 drop
    iifname "gw*" udp dport { 3784, 3785, 4784 } drop
  }
  chain untracked_in {
    type filter hook prerouting priority raw;
    iifname "gw*" notrack
    iifname "eth0" ip daddr != ${MACHINE_IPV4} notrack
    iifname "eth0" meta nfproto ipv6 notrack
  }
  chain untracked_out {
    type filter hook output priority raw;
    oifname != "host" notrack
  }
  chain forward {
    type filter hook forward priority 0; policy drop;
    iifname "host" oifname "eth0" ip saddr ${MACHINE_IPV4} accept
    iifname "eth0" oifname "host" ip daddr ${MACHINE_IPV4} ct state established,related accept
  }
  chain output {
    type filter hook output priority 0; policy accept;
    oifname "host" ct state new drop
    oifname "host" meta nfproto ipv6 drop
  }
`;

/** Rules by which only the services can be reached, and they open no connections. */
const SERVICES_RULES = `
${shares("datagrams", "meta l4proto udp", DATAGRAMS_PER_SECOND.services)}
${shares("connections", "tcp flags & (syn | ack) == syn", CONNECTIONS_PER_SECOND.services)}
  chain input {
    type filter hook input priority 0; policy drop;
    iifname "lo" accept
    tcp dport { 53, 80 } accept
    udp dport { 53, 123 } accept
    icmp type { destination-unreachable, time-exceeded } accept
    icmpv6 type { destination-unreachable, packet-too-big, time-exceeded } accept
  }
  chain forward { type filter hook forward priority 0; policy drop; }
`;

async function configure(namespace: string, sysctls: Sysctls, rules: string): Promise<void> {
  // The table is replaced in one step, so that a second start leaves no gap. Without IPv6 in the kernel its
  // files are not there.
  const table = `table inet genkan\ndelete table inet genkan\ntable inet genkan {${rules}}\n`;
  const settings = Object.entries(sysctls).map(
    ([name, value]) => `[ ! -e /proc/sys/net/${name} ] || echo "${value}" > /proc/sys/net/${name}`,
  );
  await run([...inNetwork(namespace), "sh", "-ec", [...settings, "exec nft -f -"].join("\n")], table);
}
