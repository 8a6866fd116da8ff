import type { DropReason } from "../../src/contract/stages.ts";
import { ROUTER_MAC, type TableReader } from "../../src/contract/tables.ts";
import { formatIpv4, ipv4 } from "../../src/lib/address.ts";
import { isOurs } from "../../src/reach/internet-gateway.ts";
import { has, interfaceAt, owns } from "../../src/reach/passage.ts";
import { ETHERNET, read16, read32, write16 } from "./bytes.ts";
import { macAt } from "./mac.ts";
import { setMacs } from "./rewrite.ts";

/**
 * What becomes of an ARP packet, or one of neighbour discovery: an answer, silence, or a drop with its
 * reason.
 */
export type LinkAnswer =
  | { readonly kind: "answer"; readonly frame: Uint8Array }
  | { readonly kind: "silence" }
  | { readonly kind: "drop"; readonly reason: DropReason };

/** Offsets in the frame of RFC 826's packet for Ethernet and IPv4. */
const AT = {
  operation: ETHERNET + 6,
  senderMac: ETHERNET + 8,
  sender: ETHERNET + 14,
  targetMac: ETHERNET + 18,
  target: ETHERNET + 24,
} as const;
const END = ETHERNET + 28;
/** Ethernet, IPv4, addresses of six and four bytes. */
const HEAD = [0, 1, 8, 0, 6, 4];
const REQUEST = 1;
const ANSWER = 2;
export const SILENCE: LinkAnswer = { kind: "silence" };

/**
 * To an instance every neighbour is the router; its own addresses stay unanswered: so it may see that they
 * are free (RFC 5227).
 */
export function arpFromInterface(tables: TableReader, frame: Uint8Array, slot: number): LinkAnswer {
  if (!isWellFormed(frame)) return dropped("malformed");
  const sender = interfaceAt(tables, slot);
  if (!sender) return dropped("unknown_interface");
  if (!has(sender, "up")) return dropped("interface_down");
  if (macAt(frame, 6) !== sender.row.mac || macAt(frame, AT.senderMac) !== sender.row.mac)
    return dropped("spoofed_mac");
  const [source, target] = [ipAt(frame, AT.sender), ipAt(frame, AT.target)];
  const probes = source === "0.0.0.0";
  if (!probes && !owns(tables, sender, source) && has(sender, "source_dest_check"))
    return dropped("spoofed_source");
  if (!asks(frame) || source === target || owns(tables, sender, target)) return SILENCE;
  return { kind: "answer", frame: answer(frame, ROUTER_MAC) };
}

/** To the internet's side the gateway has all addresses of its pools. */
export function arpFromInternet(tables: TableReader, frame: Uint8Array): LinkAnswer {
  if (!isWellFormed(frame)) return dropped("malformed");
  if (!asks(frame) || !isOurs(tables, ipAt(frame, AT.target))) return SILENCE;
  return { kind: "answer", frame: answer(frame, tables.lookup("settings", 0)?.uplink_mac ?? "") };
}

/** To the services everybody is behind this link. */
export function arpFromServices(tables: TableReader, frame: Uint8Array): LinkAnswer {
  if (!isWellFormed(frame)) return dropped("malformed");
  if (!asks(frame) || ipAt(frame, AT.target) === ipAt(frame, AT.sender)) return SILENCE;
  return { kind: "answer", frame: answer(frame, tables.lookup("settings", 0)?.services_mac ?? "") };
}

export function dropped(reason: DropReason): LinkAnswer {
  return { kind: "drop", reason };
}

function isWellFormed(frame: Uint8Array): boolean {
  return frame.length >= END && HEAD.every((byte, index) => frame[ETHERNET + index] === byte);
}

function asks(frame: Uint8Array): boolean {
  return read16(frame, AT.operation) === REQUEST;
}

function ipAt(frame: Uint8Array, at: number): string {
  return formatIpv4(ipv4(read32(frame, at)));
}

/** RFC 826: the asker becomes the target, and who was asked for is the sender, at `mac`. Padding stays. */
function answer(request: Uint8Array, mac: string): Uint8Array {
  const frame = Uint8Array.from(request);
  setMacs(frame, macAt(request, AT.senderMac), mac);
  write16(frame, AT.operation, ANSWER);
  frame.set(frame.subarray(6, 12), AT.senderMac);
  frame.set(request.subarray(AT.target, END), AT.sender);
  frame.set(request.subarray(AT.senderMac, AT.senderMac + 10), AT.targetMac);
  return frame;
}
