import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { inNetwork, run, succeeds } from "./command.ts";
import { type Installation, MACHINE_IPV4 } from "./installation.ts";
import { isArchitecture, seccompFilter } from "./seccomp.ts";

/**
 * Makes what is missing of the installation's folder, bpffs and network namespaces, and writes the filter of system calls. A namespace is a bind mount of its
 * own and not one of `ip netns`, which would leave a mount of its folder behind.
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
    .map((path) => path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))));
}

/** Removes the mounts and the folder. What still runs in a namespace keeps it alive: end the processes first. */
export async function removeNamespaces(installation: Installation): Promise<void> {
  const inside = mountPoints().filter((path) => path.startsWith(`${installation.run}/`));
  // A bpffs unmounted drops its pins, and with them the programs and tables.
  for (const path of inside.toReversed()) {
    if (!(await succeeds(["umount", "--no-mtab", path]))) await run(["umount", "--no-mtab", "--lazy", path]);
  }
  rmSync(installation.run, { recursive: true, force: true });
}

/** A new namespace may inherit the machine's own settings: each that matters is set. */
type Sysctls = Readonly<Record<string, number | string>>;
const NO_IPV6: Sysctls = { "ipv6/conf/all/disable_ipv6": 1, "ipv6/conf/default/disable_ipv6": 1 };
const NO_FORWARDING: Sysctls = { "ipv4/ip_forward": 0, "ipv6/conf/all/forwarding": 0 };
const DATA_PLANE_SYSCTLS: Sysctls = { ...NO_FORWARDING, ...NO_IPV6 };
/** The addresses are the data plane's to give; nobody answers a router solicitation. */
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
  // Questions are short: what an instance sends on and on is read a little at a time, and waits in little memory.
  "ipv4/tcp_rmem": "4096 16384 16384",
  "ipv4/tcp_wmem": "4096 16384 65536",
};
const INTERNET_SYSCTLS: Sysctls = {
  // Between the machine and the instances only, see the rules.
  "ipv4/ip_forward": 1,
  ...STILL_IPV6,
  "ipv4/conf/all/rp_filter": 0,
  "ipv4/conf/default/rp_filter": 0,
  // Errors to different hosts of the pools are no flood.
  "ipv4/icmp_ratelimit": 0,
  "ipv6/icmp/ratelimit": 0,
};

/** The kernel itself must carry nothing here: when the program is not there, nothing passes. */
const DROP_ALL = `
  chain input { type filter hook input priority 0; policy drop; }
  chain forward { type filter hook forward priority 0; policy drop; }
  chain output { type filter hook output priority 0; policy drop; }
`;

/** The machine opens connections to instances and to the simulated internet; neither opens one to the machine. */
const INTERNET_RULES = `
  chain untracked_in {
    type filter hook prerouting priority raw;
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

/** Only the services are reached, and they only answer. */
const SERVICES_RULES = `
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
  // The table is replaced in one step, so that a second start leaves no gap. Without IPv6 in the kernel its files are not there.
  const table = `table inet genkan\ndelete table inet genkan\ntable inet genkan {${rules}}\n`;
  const settings = Object.entries(sysctls).map(
    ([name, value]) => `[ ! -e /proc/sys/net/${name} ] || echo "${value}" > /proc/sys/net/${name}`,
  );
  await run([...inNetwork(namespace), "sh", "-ec", [...settings, "exec nft -f -"].join("\n")], table);
}
