import { existsSync } from "node:fs";

/** The router on every link; the data plane answers with its Ethernet address (RFC 4291: link-local). */
export const IPV6_ROUTER = "fe80::1";

/** Whether this machine's kernel has IPv6 at all. */
export function hasIpv6(): boolean {
  return existsSync("/proc/sys/net/ipv6");
}

/**
 * The shell commands that turn IPv6 on or off at a device. When on, the device finds no addresses or routes
 * by itself, and does not probe whether an address is free: the data plane knows. Without IPv6 in the kernel
 * the commands do nothing.
 */
export function ipv6Switch(device: string, on: boolean): readonly string[] {
  const settings = on
    ? { accept_ra: 0, router_solicitations: 0, accept_dad: 0, disable_ipv6: 0 }
    : { disable_ipv6: 1 };
  return Object.entries(settings).map(([name, value]) => {
    const path = `/proc/sys/net/ipv6/conf/${device}/${name}`;
    return `[ ! -e ${path} ] || echo ${value} > ${path}`;
  });
}
