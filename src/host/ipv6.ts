import { existsSync } from "node:fs";

/** The router on every link, whose Ethernet address the data plane tells (RFC 4291: a link-local address). */
export const IPV6_ROUTER = "fe80::1";

/** Whether this machine's kernel has IPv6 at all. */
export function hasIpv6(): boolean {
  return existsSync("/proc/sys/net/ipv6");
}

/**
 * The shell commands that turn IPv6 on at a device, without addresses or routes of its own finding; or off. Without IPv6 in
 * the kernel they do nothing. Addresses are the data plane's to give: nothing probes whether they are free.
 */
export function ipv6Switch(device: string, on: boolean): readonly string[] {
  const settings = on ? { accept_ra: 0, router_solicitations: 0, accept_dad: 0, disable_ipv6: 0 } : { disable_ipv6: 1 };
  return Object.entries(settings).map(([name, value]) => {
    const path = `/proc/sys/net/ipv6/conf/${device}/${name}`;
    return `[ ! -e ${path} ] || echo ${value} > ${path}`;
  });
}
