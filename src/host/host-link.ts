import { inNetwork, ip, run } from "./command.ts";
import { INTERNET_IPV4, type Installation, MACHINE_IPV4 } from "./installation.ts";
import { ipv6Switch } from "./ipv6.ts";
import { listLinks } from "./links.ts";

/** Whether the machine itself is a host of the simulated internet, and if not, why. */
export type HostLinkState = { readonly present: true } | { readonly present: false; readonly reason: string };

/**
 * Makes the machine itself a host of the simulated internet: one link, one address, one route for each pool.
 * When the address or a pool's route is there already (another installation's, or the machine's own), nothing
 * is touched.
 */
export async function ensureHostLink(
  installation: Installation,
  pools: readonly string[],
): Promise<HostLinkState> {
  const { hostLink, namespaces } = installation;
  const there = (await listLinks(undefined)).some((link) => link.ifname === hostLink);
  if (!there) {
    const conflict = await findConflict(pools);
    if (conflict !== undefined) return { present: false, reason: conflict };
    // `ip` names a namespace by a process in it: here the shell, which runs in the simulated internet's.
    const script = `nsenter --net=/proc/$PPID/ns/net -- ip link add name ${hostLink} mtu 1500 type veth peer name host mtu 1500 netns $$`;
    await run([...inNetwork(namespaces.internet), "sh", "-c", script]);
  }
  // The machine is on the simulated internet only over IPv4: neither end has IPv6, so that nobody there
  // advertises it a router.
  await run(["sh", "-ec", ipv6Switch(hostLink, false).join("\n")]);
  await run([...inNetwork(namespaces.internet), "sh", "-ec", ipv6Switch("host", false).join("\n")]);
  // Each end has the other as a permanent neighbour: the kernel's table of neighbours is shared by all
  // namespaces of the machine, and may be full.
  const [machineMac, internetMac] = await Promise.all([
    macOf(undefined, hostLink),
    macOf(namespaces.internet, "host"),
  ]);
  await ip(namespaces.internet, [
    "link set host up",
    `neigh replace ${MACHINE_IPV4} lladdr ${machineMac} dev host nud permanent`,
    `route replace ${MACHINE_IPV4}/32 dev host src ${INTERNET_IPV4}`,
  ]);
  await ip(undefined, [
    `addr replace ${MACHINE_IPV4}/32 peer ${INTERNET_IPV4} dev ${hostLink}`,
    `link set ${hostLink} up`,
    `neigh replace ${INTERNET_IPV4} lladdr ${internetMac} dev ${hostLink} nud permanent`,
    ...pools.map((pool) => `route replace ${pool} via ${INTERNET_IPV4} dev ${hostLink} src ${MACHINE_IPV4}`),
  ]);
  return { present: true };
}

async function macOf(namespace: string | undefined, name: string): Promise<string> {
  const mac = (await listLinks(namespace)).find((link) => link.ifname === name)?.address;
  if (mac === undefined) throw new Error(`the link ${name} is gone`);
  return mac;
}

/** Removes the link and with it its address and routes. */
export async function removeHostLink(installation: Installation): Promise<void> {
  const there = (await listLinks(undefined)).some((link) => link.ifname === installation.hostLink);
  if (there) await run(["ip", "link", "del", installation.hostLink]);
}

async function findConflict(pools: readonly string[]): Promise<string | undefined> {
  for (const address of [MACHINE_IPV4, INTERNET_IPV4])
    if ((await run(["ip", "-4", "-o", "addr", "show", "to", `${address}/32`])).trim() !== "")
      return `${address} is already an address of this machine; another Genkan may be up`;
  for (const block of [...pools, `${INTERNET_IPV4}/32`]) {
    // `root` also finds the more specific routes within the block.
    const route = (await run(["ip", "-4", "route", "show", "table", "all", "root", block])).trim();
    if (route !== "")
      return `this machine has a route to ${block} already (${route.split("\n")[0]?.trim()}); another Genkan may be up`;
  }
  return undefined;
}
