import { headerLengthOf, isIpv6Flow } from "./packet.ts";
import { drop, has, interfaceEntry, type Outcome, owns, pass, type Passage } from "./passage.ts";

/** Through the internet gateway, either way; and within a VPC (VPC user guide, "Network maximum transmission unit"). */
export const GATEWAY_MTU = 1500;
const INSIDE_MTU = 9001;
/** Through a NAT gateway (VPC user guide, "NAT gateway basics"). */
const NAT_MTU = 8500;
const SMALL = 100;
/** NAT64's packets are measured as IPv4. */
const IPV4_HEADER = 20;

/** Between regions (EC2 user guide, "Network maximum transmission unit"). */
const REMOTE_PEERING_MTU = 8500;

/** The longest IP packet that its way carries. */
export function mtuOf({ throughGateway, viaNat, way }: Pick<Passage, "throughGateway" | "way"> & { readonly viaNat: boolean }): number {
  if (throughGateway) return GATEWAY_MTU;
  if (viaNat) return NAT_MTU;
  return way === "remote-peering" ? REMOTE_PEERING_MTU : INSIDE_MTU;
}

/** Stage deliver: is the receiver there, does it take packets for others, does the packet fit? */
export function deliver(passage: Passage): Outcome {
  const { tables, flow, target } = passage;
  if (!target) return fits(passage, passage.throughGateway ? "out of the uplink" : "to the services");
  const row = interfaceEntry(target);
  if (!has(target, "up")) {
    if (has(target, "endpoint")) return drop("endpoint_without_service", "nothing stands behind the interface endpoint", row);
    return drop("destination_down", "no running instance holds the interface", row);
  }
  if (passage.way === "interface" && has(target, "source_dest_check") && !owns(tables, target, flow.destination))
    return drop("destination_check", `${flow.destination} is not the interface's own`, row);
  return fits(passage, `to interface ${target.slot}`);
}

/** Too long and not to be cut: the sender gets an ICMP error. Towards the internet what may be cut is cut. */
function fits(passage: Passage, where: string): Outcome {
  const { packet, nat64 } = passage;
  const { segmented = false } = packet;
  // No router cuts IPv6 (RFC 8200, section 5).
  const dontFragment = isIpv6Flow(packet) || nat64 || (packet.dontFragment ?? true);
  const length = nat64 && isIpv6Flow(packet) ? (packet.length ?? SMALL) - headerLengthOf(packet) + IPV4_HEADER : (packet.length ?? SMALL);
  const mtu = mtuOf({ throughGateway: passage.throughGateway, viaNat: passage.hops > 0, way: passage.way });
  if (length <= mtu) return pass(where);
  if (dontFragment || segmented || !passage.throughGateway) return drop("too_big", `${length} bytes, at most ${mtu}`);
  return pass(`${where}, in fragments`);
}
