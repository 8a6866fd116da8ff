/** A region in a box: which machines it has, all on this one. */

import { formatIpv4, ipv4 } from "../lib/address.ts";

type Role = "control" | "host" | "gateway";

export type BoxMachine = {
  readonly name: string;
  /** On the network between the machines. */
  readonly address: string;
  readonly roles: readonly Role[];
  /** The letters of the zones whose instances it runs; none: of every zone. */
  readonly zones: readonly string[];
};

export const FEWEST_MACHINES = 3;
export const MOST_MACHINES = 16;

/** Where the machines' addresses begin: 100.126.0.1. From 100.64.0.0/10 (RFC 6598). */
const FIRST = 0x64_7e_00_01;
const CONTROL = 3;
/** In a large box there is one that stands by. */
const gatewaysOf = (count: number): number => (count >= 7 ? 3 : 2);
const ZONES = [..."abcdef"];

/**
 * The first three machines decide, the last two (of seven or more, three) are gateways, and all others run
 * instances; of fewer than five machines some have two roles. Each of those has some of the zones; of six
 * machines or more, each zone has two.
 */
export function boxMachines(count: number): readonly BoxMachine[] {
  const gateways = gatewaysOf(count);
  const hosts = Math.max(count - gateways, CONTROL - 1);
  return Array.from({ length: count }, (_, index) => ({
    name: `machine-${index + 1}`,
    address: formatIpv4(ipv4(FIRST + index)),
    roles: [
      ...(index < CONTROL ? (["control"] as const) : []),
      ...(index < hosts ? (["host"] as const) : []),
      ...(index >= count - gateways ? (["gateway"] as const) : []),
    ],
    zones: index < hosts ? zonesOf(index, hosts) : [],
  }));
}

/** The hosts of a zone that is to have two of them. */
const PAIR = 2;

/** Every zone has a host, and every host a zone. Where there are enough, one host of a zone can do without the other. */
function zonesOf(index: number, hosts: number): readonly string[] {
  const parts = hosts < PAIR * PAIR ? hosts : Math.min(Math.floor(hosts / PAIR), ZONES.length);
  return ZONES.filter((_letter, zone) => zone % parts === index % parts);
}
