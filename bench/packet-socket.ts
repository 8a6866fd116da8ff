import { readFileSync } from "node:fs";
import { inNamespace } from "../src/datapath/netns.ts";
import { present } from "../src/lib/assert.ts";
import { bindRaw, deviceIndex, deviceMac, newPacketSocket } from "./libc.ts";

/** The device of every path's ends. */
const DEVICE = "eth0";
/** The flag of a neighbour whose address is known, arp(7). */
const ATF_COM = 2;

/**
 * A socket that hands whole frames to the device of one end, past that end's own IP: so what is measured is
 * the path and not how its user's kernel makes a packet. `next`: the MAC address that this end sends to,
 * which it must have asked for already.
 */
export function openPacketSocket(namespace: string): {
  readonly fd: number;
  readonly own: string;
  readonly next: string;
} {
  return inNamespace(namespace, () => {
    const fd = newPacketSocket();
    bindRaw(fd, deviceIndex(DEVICE));
    return { fd, own: deviceMac(DEVICE), next: neighbour() };
  });
}

/** The one neighbour that the end has on its device: the other end of the cable, or the router. */
function neighbour(): string {
  const lines = readFileSync("/proc/thread-self/net/arp", "utf8").trim().split("\n").slice(1);
  const known = lines
    .map((line) => line.split(/\s+/))
    .find(([, , flags, , , device]) => device === DEVICE && (Number(flags) & ATF_COM) !== 0);
  return present(known?.[3], "a neighbour of this end");
}
