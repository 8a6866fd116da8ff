import { type Destination, drop, type Outcome, pass } from "./outcome.ts";
import { headerLengthOf, isIpv6Flow } from "./packet.ts";
import { has, interfaceEntry, owns, type Passage } from "./passage.ts";

/**
 * The MTU through the internet gateway, in both directions; and within a VPC (VPC user guide, "Network
 * maximum transmission unit").
 */
export const GATEWAY_MTU = 1500;
const INSIDE_MTU = 9001;
/** Through a NAT gateway (VPC user guide, "NAT gateway basics"). */
const NAT_MTU = 8500;
const SMALL = 100;
/** Packets of NAT64 are measured as IPv4. */
const IPV4_HEADER = 20;

/** Between regions (EC2 user guide, "Network maximum transmission unit"). */
const REMOTE_PEERING_MTU = 8500;

/** The longest IP packet that the packet's way carries. */
export function mtuOf({
  throughGateway,
  viaNat,
  way,
}: Pick<Passage, "throughGateway" | "way"> & { readonly viaNat: boolean }): number {
  if (throughGateway) return GATEWAY_MTU;
  if (viaNat) return NAT_MTU;
  return way === "remote-peering" ? REMOTE_PEERING_MTU : INSIDE_MTU;
}

/** Stage deliver: is the receiver there, does it take packets for others, does the packet fit? */
export function deliver(passage: Passage): Outcome<"deliver"> {
  const { tables, flow, target } = passage;
  if (!target) return fits(passage, passage.throughGateway ? "internet" : "services");
  const row = interfaceEntry(target);
  if (!has(target, "up")) {
    if (has(target, "endpoint")) return drop("endpoint_without_service", {}, row);
    return drop("destination_down", {}, row);
  }
  if (
    passage.way === "interface" &&
    has(target, "source_dest_check") &&
    !owns(tables, target, flow.destination)
  )
    return drop("destination_check", {}, row);
  return fits(passage, "interface");
}

/**
 * A packet that is too long and may not be fragmented is dropped, and its sender gets an ICMP error. Towards
 * the internet it is fragmented if it may be.
 */
function fits(passage: Passage, to: Destination): Outcome<"deliver"> {
  const { packet, nat64 } = passage;
  const { segmented = false } = packet;
  // No router fragments IPv6 (RFC 8200, section 5).
  const dontFragment = isIpv6Flow(packet) || nat64 || (packet.dontFragment ?? true);
  const length =
    nat64 && isIpv6Flow(packet)
      ? (packet.length ?? SMALL) - headerLengthOf(packet) + IPV4_HEADER
      : (packet.length ?? SMALL);
  const mtu = mtuOf({ throughGateway: passage.throughGateway, viaNat: passage.hops > 0, way: passage.way });
  if (length <= mtu) return pass("deliver", { to, inPieces: false });
  if (dontFragment || segmented || !passage.throughGateway) return drop("too_big", { length, most: mtu, to });
  return pass("deliver", { to, inPieces: true });
}
