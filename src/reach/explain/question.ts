import { isIpv6Text, parseIpv4, parseIpv6 } from "../../lib/address.ts";
import { present } from "../../lib/assert.ts";
import { blockContains, ipv4BlockOf, ipv6BlockOf } from "../../lib/block.ts";
import type { NetworkInterface } from "../../model/network-interface.ts";
import type { Reader } from "../../model/state.ts";
import { otherSide, type VpcPeeringConnection } from "../../model/vpc-peering-connection.ts";
import type { Vpc } from "../../model/vpc.ts";
import type { AbsentReason, Family, Protocol } from "../../protocol/explain.ts";
import { ICMP, ICMPV6, type Packet, TCP, UDP } from "../packet.ts";
import { regionOf, type Scratch } from "./scratch.ts";

/** One end of an exchange. */
export type End =
  /**
   * `address`: the private address in question; absent: the primary one. `publicIp`: present when the
   * question named this public address.
   */
  | { readonly kind: "interface"; readonly id: string; readonly address?: string; readonly publicIp?: string }
  /** `anyone`: the host stands for the whole internet. */
  | { readonly kind: "internet"; readonly address: string; readonly anyone: boolean }
  /** The metadata service, DNS or NTP; they never send the first packet. */
  | { readonly kind: "service"; readonly address: string }
  /** An address of a VPC, or of the public pools, that no interface has. */
  | { readonly kind: "nobody"; readonly address: string };

/** Can the client begin an exchange with the server? */
export type ExchangeQuestion = {
  readonly client: End;
  readonly server: End;
  readonly family: Family;
  readonly protocol: Protocol;
  /** The server's port; without meaning for ICMP. */
  readonly port: number;
};

/** `reason`: what the interface lacks. */
export type Absent = {
  readonly kind: "absent";
  readonly reason: AbsentReason;
  readonly interface: NetworkInterface;
};

/** From the middle of Linux's ephemeral ports. */
const CLIENT_PORT = 40_000;

/** The first packet of the exchange, or what is missing before there can be one. */
export function packetOf(scratch: Scratch, question: ExchangeQuestion): Packet | Absent {
  const { client, protocol, port, family } = question;
  const source = client.kind === "interface" ? ownAddress(scratch, client, family) : client.address;
  if (typeof source !== "string") return source;
  const destination = destinationOf(scratch, question);
  if (typeof destination !== "string") return destination;
  const sender = client.kind === "interface" ? interfaceWith(scratch, client.id).eni : undefined;
  const isIpv6 = family === "ipv6";
  return {
    source,
    destination,
    protocol: protocol === "icmp" && isIpv6 ? ICMPV6 : PROTOCOLS[protocol],
    ...(protocol === "icmp"
      ? { icmp: { type: isIpv6 ? 128 : 8, code: 0 }, sourcePort: 1, destinationPort: 1 }
      : { sourcePort: CLIENT_PORT, destinationPort: port }),
    ...(protocol === "tcp" ? { tcp: { syn: true } } : {}),
    ...(sender ? { from: sender.slot } : {}),
  };
}

const PROTOCOLS = { tcp: TCP, udp: UDP, icmp: ICMP } as const;

type InterfaceEnd = End & { readonly kind: "interface" };

function ownAddress(scratch: Scratch, { id, address }: InterfaceEnd, family: Family): string | Absent {
  const { eni, reader } = interfaceWith(scratch, id);
  if (address !== undefined && isIpv6Text(address) === (family === "ipv6")) return address;
  const own = family === "ipv6" ? eni.ipv6Addresses?.[0] : eni.privateIpAddresses[0];
  return (
    own ?? {
      kind: "absent",
      reason: family === "ipv4" ? "no_ipv4_address" : missingOfIpv6(reader, eni),
      interface: eni,
    }
  );
}

function missingOfIpv6(reader: Reader, { subnetId, vpcId }: NetworkInterface): AbsentReason {
  if (reader.get("subnet", subnetId)?.ipv6CidrBlock) return "no_ipv6_address";
  return (reader.get("vpc", vpcId)?.ipv6CidrBlocks ?? []).length > 0
    ? "no_subnet_ipv6_block"
    : "no_vpc_ipv6_block";
}

function destinationOf(scratch: Scratch, { client, server, family }: ExchangeQuestion): string | Absent {
  if (server.kind !== "interface") return server.address;
  const own = ownAddress(scratch, server, family);
  if (typeof own !== "string" || family === "ipv6") return own;
  if (server.publicIp !== undefined) return server.publicIp;
  // An end that is named by a public address sees the other's public one.
  const isInside =
    client.kind === "interface" && client.publicIp === undefined && meet(scratch, client.id, server.id);
  if (isInside) return own;
  const { eni } = interfaceWith(scratch, server.id);
  return publicIpOf(scratch, eni, own) ?? { kind: "absent", reason: "no_public_address", interface: eni };
}

/** The public address mapped to one of the interface's private ones. */
export function publicIpOf(
  { tables }: Scratch,
  { slot }: NetworkInterface,
  address: string,
): string | undefined {
  const vpc = tables.lookup("interfaces", slot)?.vpc ?? 0;
  const publicIp = tables.lookup("addresses", { vpc, address })?.public_ip ?? NONE;
  return publicIp === NONE ? undefined : publicIp;
}

const NONE = "0.0.0.0";

/** The interface, and its region's state. */
function interfaceWith(
  scratch: Scratch,
  id: string,
): { readonly eni: NetworkInterface; readonly reader: Reader } {
  const { reader } = present(regionOf(scratch, id), id);
  return { reader, eni: present(reader.get("network-interface", id), id) };
}

/** Whether they reach each other by private addresses: in one VPC, or in two peered ones. */
function meet(scratch: Scratch, one: string, other: string): boolean {
  const { eni, reader } = interfaceWith(scratch, one);
  const { vpcId: otherVpc } = interfaceWith(scratch, other).eni;
  return (
    eni.vpcId === otherVpc ||
    livePeerings(reader, eni.vpcId, () => undefined).some(({ peerId }) => peerId === otherVpc)
  );
}

/** `peer`: absent when its region can't be seen. */
type Peering = {
  readonly connection: VpcPeeringConnection;
  readonly peerId: string;
  readonly peer: Vpc | undefined;
};

/** The VPC's peering connections that are active or wait to be accepted. `readerIn`: reads another region. */
export function livePeerings(
  reader: Reader,
  vpcId: string,
  readerIn: (region: string) => Reader | undefined,
): readonly Peering[] {
  return reader
    .by("vpc-peering-connection", "vpcId", vpcId)
    .filter(({ status }) => status === "active" || status === "pending-acceptance")
    .toSorted((a, b) => Number(b.status === "active") - Number(a.status === "active"))
    .map((connection) => {
      const { vpcId: peerId, region } = otherSide(connection, vpcId);
      return { connection, peerId, peer: reader.get("vpc", peerId) ?? readerIn(region)?.get("vpc", peerId) };
    });
}

/** The block of the VPC that holds the address. */
export function blockWith(vpc: Vpc, address: string): string | undefined {
  return isIpv6Text(address)
    ? vpc.ipv6CidrBlocks?.map(({ ipv6CidrBlock }) => ipv6CidrBlock).find((block) => isWithin(block, address))
    : vpc.cidrBlocks.map(({ cidrBlock }) => cidrBlock).find((block) => isWithin(block, address));
}

export function isWithin(block: string, address: string): boolean {
  if (isIpv6Text(block) !== isIpv6Text(address)) return false;
  const [ipv4, ipv6] = [parseIpv4(address), parseIpv6(address)];
  if (ipv4 !== undefined) return blockContains(ipv4BlockOf(block), ipv4);
  return ipv6 !== undefined && blockContains(ipv6BlockOf(block), ipv6);
}
