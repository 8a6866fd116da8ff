import { ROUTER_MAC, type TableReader } from "../../src/contract/tables.ts";
import { addressBytes } from "../../src/lib/address.ts";
import { isIn } from "../../src/reach/block.ts";
import { ICMPV6 } from "../../src/reach/packet.ts";
import { has, interfaceAt, ipv6Block, owns } from "../../src/reach/passage.ts";
import { type LinkAnswer, dropped, SILENCE } from "./arp.ts";
import { ETHERNET, folded, wordSum, write16 } from "./bytes.ts";
import type { Frame } from "./frame.ts";
import { ipv6At } from "./ipv6-frame.ts";
import { macAt } from "./mac.ts";
import { setMacs } from "./rewrite.ts";

/*
 * IPv6's neighbour discovery (RFC 4861), which is to it what ARP is to IPv4, and ends as that does: an answer
 * to a solicitation, silence, or a drop with its reason.
 */

const SOLICITATION = 135;
const ADVERTISEMENT = 136;
const SHORTEST_SOLICITATION = 24;
/** The router's address on every link. */
const ROUTER = "fe80::1";

type Neighbour = Frame & { readonly kind: "neighbour" };

/**
 * To an instance every neighbour is the router; its own addresses stay unanswered: so it may see that they
 * are free (RFC 4862).
 */
export function neighbourFromInterface(
  tables: TableReader,
  bytes: Uint8Array,
  frame: Neighbour,
  slot: number,
): LinkAnswer {
  const { source } = frame.packet;
  const sender = interfaceAt(tables, slot);
  if (!sender) return dropped("unknown_interface");
  if (!has(sender, "up")) return dropped("interface_down");
  if (macAt(bytes, 6) !== sender.row.mac) return dropped("spoofed_mac");
  const subnet = tables.lookup("subnets", sender.row.subnet);
  if (!subnet) return dropped("tables_incomplete");
  if (subnet.ipv6_length === 0) return dropped("ipv6_not_offered");
  const target = targetOf(bytes, frame);
  if (target === "malformed") return dropped("malformed");
  const known = source === "::" || isIn(source, "linkLocal") || owns(tables, sender, source);
  if (!known && has(sender, "source_dest_check")) return dropped("spoofed_source");
  if (target === undefined || owns(tables, sender, target)) return SILENCE;
  return { kind: "answer", frame: answer(bytes, source, target, ROUTER_MAC) };
}

/** To the internet's side the gateway has all addresses of the VPCs' blocks, and is the router. */
export function neighbourFromInternet(tables: TableReader, bytes: Uint8Array, frame: Neighbour): LinkAnswer {
  const target = targetOf(bytes, frame);
  if (target === "malformed") return dropped("malformed");
  if (target === undefined || !(target === ROUTER || ipv6Block(tables, target))) return SILENCE;
  return {
    kind: "answer",
    frame: answer(bytes, frame.packet.source, target, tables.lookup("settings", 0)?.uplink_mac ?? ""),
  };
}

/** To the services everybody is behind this link. */
export function neighbourFromServices(tables: TableReader, bytes: Uint8Array, frame: Neighbour): LinkAnswer {
  const target = targetOf(bytes, frame);
  if (target === "malformed") return dropped("malformed");
  if (target === undefined) return SILENCE;
  return {
    kind: "answer",
    frame: answer(bytes, frame.packet.source, target, tables.lookup("settings", 0)?.services_mac ?? ""),
  };
}

/** Whom the packet asks for, when it asks and wants an answer. */
function targetOf(bytes: Uint8Array, { packet, shape }: Neighbour): string | undefined {
  const type = packet.icmp?.type ?? 0;
  if (type < 133 || type > 137) return undefined;
  if (bytes[ETHERNET + 7] !== 255 || packet.icmp?.code !== 0) return "malformed";
  if (type !== SOLICITATION) return undefined;
  if (shape.end - shape.transport < SHORTEST_SOLICITATION) return "malformed";
  const target = ipv6At(bytes, shape.transport + 8);
  if (isIn(target, "multicast")) return "malformed";
  return packet.source === "::" || target === packet.source ? undefined : target;
}

/** RFC 4861, section 4.4: from a router, solicited, overriding; with the target's link-layer address. */
function answer(asked: Uint8Array, asker: string, target: string, mac: string): Uint8Array {
  const frame = new Uint8Array(ETHERNET + 72);
  frame.set(asked.subarray(0, 14));
  setMacs(frame, macAt(asked, 6), mac);
  const ip = ETHERNET;
  frame.set([0x60, 0, 0, 0, 0, 32, ICMPV6, 255], ip);
  const [from, to] = [addressBytes(target), addressBytes(asker)];
  frame.set(from, ip + 8);
  frame.set(to, ip + 24);
  frame.set([ADVERTISEMENT, 0, 0, 0, 0xe0], ip + 40);
  frame.set(from, ip + 48);
  frame.set([2, 1], ip + 64);
  frame.set(frame.subarray(6, 12), ip + 66);
  write16(frame, ip + 42, ~folded(wordSum(frame, ip + 8, 64) + 32 + ICMPV6) & 0xffff);
  return frame;
}
