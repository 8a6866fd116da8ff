/**
 * Frames for a proof, one after another: new flows and the answers to those that arrived, errors about them,
 * the same again, fragments in any order, services, ARP, nonsense, and all of these with bytes changed. What
 * a seed gives, it always gives.
 */

import { type Entry, ROUTER_MAC, type TableValue } from "../../src/contract/tables.ts";
import { ipv4Of } from "../../src/lib/address.ts";
import { ICMP, TCP, UDP } from "../../src/reach/packet.ts";
import type { Choice } from "../kit/choice.ts";
import { joined, mutation, STRANGERS, varied } from "../random/mutation.ts";
import {
  arp,
  cut,
  FLAG,
  frame,
  type Header,
  icmp,
  MF,
  type Payload,
  type Sent,
  tcp,
  udp,
} from "../random/random-frame.ts";
import {
  ipv6Answer,
  ipv6Frame,
  type Ipv6View,
  ipv6ViewOf,
  isIpv6Frame,
} from "../random/random-ipv6-frame.ts";
import { ETHERNET, read16, read32, write16, write32 } from "../reference/bytes.ts";
import type { Entrance, Forwarded } from "../reference/forward.ts";
import { build, dataOf, sealed, tcpFlags, transport, withTrimmings } from "./packet.ts";

/** What the sender of frames knows of the tables. */
export type View = {
  readonly settings: TableValue<"settings">;
  readonly enis: readonly Eni[];
  /** All that an address can be, ours or not. */
  readonly addresses: readonly number[];
  readonly ipv6: Ipv6View;
};
type Eni = {
  readonly slot: number;
  readonly mac: Uint8Array;
  readonly own: readonly number[];
  readonly up: boolean;
  readonly forwards: boolean;
  readonly dns: number;
};

export type Traffic = {
  readonly next: (view: View) => Sent;
  /** Tells what became of it. */
  readonly arrived: (sent: Sent, became: Forwarded) => void;
};

const INTERNET = ip("198.51.100.1");
const METADATA = ip("169.254.169.254");
const DNS = ip("169.254.169.253");
const TIME = ip("169.254.169.123");
const SPECIAL = (
  "198.51.100.1 198.51.100.1 198.51.100.9 192.168.0.1 172.16.5.5 100.64.0.1 240.0.0.16 242.16.0.16 169.254.169.254 169.254.169.253 169.254.169.123 169.254.1.1 " +
  "255.255.255.255 224.0.0.1 239.255.255.250 240.0.0.1 203.0.113.1 203.0.113.14 192.0.2.1 10.0.0.2 10.0.0.255 10.1.0.7 10.50.0.9 127.0.0.1 0.0.0.0 8.8.8.8"
)
  .split(" ")
  .map(ip);
const REMEMBERED = 48;

export function viewOf(entries: readonly Entry[], settings: TableValue<"settings">): View {
  const rows = entries.filter((entry) => entry.table === "interfaces");
  const dns = new Map(
    entries.filter((entry) => entry.table === "vpcs").map(({ key, value }) => [key, ip(value.dns)]),
  );
  const dnsOf = (vpc: number): number => dns.get(vpc) ?? 0;
  const held = entries
    .filter((entry) => entry.table === "addresses")
    .filter(({ key }) => !key.address.includes(":"));
  const enis = rows.map(({ key: slot, value }) => ({
    slot,
    mac: macBytes(value.mac),
    own: [
      ip(value.private_ip),
      ...held.filter((row) => row.value.interface === slot).map(({ key }) => ip(key.address)),
    ],
    up: (value.flags & 2) !== 0,
    forwards: (value.flags & 4) === 0,
    dns: dnsOf(value.vpc),
  }));
  const ours = rows
    .flatMap(({ value }) => [value.private_ip, value.public_ip, value.public_ip])
    .map(ip)
    .concat(rows.map(({ value }) => dnsOf(value.vpc)));
  return {
    settings,
    enis,
    addresses: [...SPECIAL, ...ours, ...held.map(({ value }) => ip(value.public_ip))],
    ipv6: ipv6ViewOf(entries),
  };
}

/** A frame as it arrived, at whom, and as it was sent. */
type Arrived = Sent & { readonly of: Sent };

/** `mutated`: of a hundred frames, how many are earlier ones with bytes changed. */
export function traffic(choice: Choice, mutated = 12): Traffic {
  const past: Sent[] = [];
  const arrived: Arrived[] = [];
  const waiting: Sent[] = [];
  const remember = <T extends Sent>(list: T[], sent: T): void => {
    if (list.length < REMEMBERED) list.push(sent);
    else list[choice.below(REMEMBERED)] = sent;
  };
  return {
    next: (view) => {
      const sent = runnable(nextOf(choice, view, { past, arrived, waiting }, mutated));
      remember(past, sent);
      return sent;
    },
    arrived: (sent, became) => {
      const where = whereTo(became);
      if (where && became.frame)
        remember(arrived, { entrance: where, bytes: became.frame, segment: sent.segment, of: sent });
    },
  };
}

/**
 * BPF_PROG_TEST_RUN takes no IP frames that are shorter than their IP header: those are lengthened with
 * zeros.
 */
function runnable(sent: Sent): Sent {
  const type = read16(sent.bytes, 12);
  const least = type === 0x0800 ? 34 : type === 0x86dd ? 54 : 14;
  return sent.bytes.length >= least
    ? sent
    : { ...sent, bytes: joined(sent.bytes, new Uint8Array(least - sent.bytes.length)) };
}

/** Who got it, and can answer. */
function whereTo({ verdict, target }: Forwarded): Entrance | undefined {
  if (verdict === "deliver") return { kind: "interface", slot: target };
  return verdict === "internet"
    ? { kind: "internet" }
    : verdict === "service"
      ? { kind: "services" }
      : undefined;
}

type History = {
  readonly past: readonly Sent[];
  readonly arrived: readonly Arrived[];
  readonly waiting: Sent[];
};

function nextOf(choice: Choice, view: View, { past, arrived, waiting }: History, mutated: number): Sent {
  if (waiting.length > 0 && !choice.oneIn(4))
    return (
      waiting.splice(choice.oneIn(3) ? choice.below(waiting.length) : 0, 1)[0] ?? fresh(choice, view, waiting)
    );
  if (past.length > 0 && choice.below(100) < mutated) return mutation(choice, past);
  return choice.weighted<() => Sent>([
    [arrived.length > 0 ? 30 : 0, () => answer(choice, choice.pick(arrived))],
    [arrived.length > 0 ? 5 : 0, () => conversation(choice, choice.pick(arrived), waiting)],
    [arrived.length > 0 ? 8 : 0, () => errorAbout(choice, view, choice.pick(arrived))],
    [view.ipv6.enis.length > 0 ? 24 : 3, () => ipv6Frame(choice, view.ipv6, view.settings, waiting)],
    [past.length > 0 ? 14 : 0, () => choice.pick(past)],
    [past.length > 0 ? 6 : 0, () => varied(choice, past)],
    [40, () => fresh(choice, view, waiting)],
    [6, () => toService(choice, view)],
    [2, () => fromService(choice, view)],
    [5, () => arpFrame(choice, view)],
    [3, () => otherFrame(choice, view)],
  ])();
}

/* The other side's part */

/** What the receiver of the frame sends back, or on. */
function answer(choice: Choice, sent: Sent): Sent {
  if (isIpv6Frame(sent)) return ipv6Answer(choice, sent);
  const { entrance, bytes } = sent;
  const at = ETHERNET + ((bytes[ETHERNET] ?? 0) & 15) * 4;
  const ends = { source: read32(bytes, ETHERNET + 16), destination: read32(bytes, ETHERNET + 12) };
  const protocol = bytes[ETHERNET + 9] ?? 0;
  const [there, here] = [read16(bytes, at), read16(bytes, at + 2)];
  const data = dataOf(choice);
  const payload =
    protocol === UDP
      ? udp(here, there, data)
      : protocol === TCP
        ? tcp(here, there, answerFlags(choice, bytes[at + 13] ?? 0), data)
        : protocol === ICMP
          ? icmp(icmpAnswer(bytes[at] ?? 0), 0, read32(bytes, at + 4), data)
          : { protocol, bytes: data };
  if (protocol === UDP && choice.oneIn(20))
    return unsummedPiece(
      entrance,
      { ...ends, to: bytes.subarray(6, 12), from: bytes.subarray(0, 6) },
      payload,
    );
  return build(choice, entrance, { ...ends, to: bytes.subarray(6, 12), from: bytes.subarray(0, 6) }, payload);
}

/** One side twice, the other, and the first again: as who asks once more speaks, and who asks on. */
function conversation(choice: Choice, sent: Arrived, waiting: Sent[]): Sent {
  if (waiting.length < REMEMBERED) waiting.push(sent.of, answer(choice, sent), sent.of);
  return sent.of;
}

/** UDP without a checksum, of which more is to come: what NAT64 cannot carry. */
function unsummedPiece(entrance: Entrance, header: Header, { protocol, bytes }: Payload): Sent {
  write16(bytes, 6, 0);
  return { entrance, bytes: frame({ ...header, fragment: MF, id: 5 }, protocol, bytes), segment: 0 };
}

function answerFlags(choice: Choice, flags: number): number {
  if (flags & FLAG.syn && !choice.oneIn(6)) return flags & FLAG.ack ? FLAG.ack : FLAG.syn | FLAG.ack;
  return tcpFlags(choice);
}

function icmpAnswer(type: number): number {
  return type === 8 ? 0 : type === 13 || type === 15 || type === 17 ? type + 1 : type === 0 ? 8 : type;
}

/**
 * An ICMP error about a frame that arrived, from who got it or from a router on the way; and at times it
 * lies.
 */
function errorAbout(choice: Choice, view: View, sent: Sent): Sent {
  if (isIpv6Frame(sent)) return ipv6Answer(choice, sent);
  const { entrance, bytes } = sent;
  const source =
    entrance.kind === "internet" && choice.oneIn(2) ? ip("198.51.100.9") : read32(bytes, ETHERNET + 16);
  const ends = { source, destination: read32(bytes, ETHERNET + 12) };
  const header = ((bytes[ETHERNET] ?? 0) & 15) * 4;
  const length = choice.weighted([
    [6, header + 8],
    [2, header],
    [1, header + 5],
    [1, choice.below(28)],
    [2, header + 16 + choice.below(4)],
    [4, bytes.length],
  ]);
  const quote = bytes.slice(ETHERNET, ETHERNET + Math.min(length, 1_400));
  if (quote.length >= 20 && choice.oneIn(6))
    write32(quote, choice.pick([12, 16]), choice.pick(view.addresses));
  if (quote.length > 0 && choice.oneIn(8)) quote[choice.below(quote.length)] = choice.below(256);
  const [type, code] = choice.pick([
    [3, 1],
    [3, 3],
    [3, 4],
    [11, 0],
    [12, 0],
    [4, 0],
    [5, 1],
  ] as const);
  const payload = icmp(type, code, choice.oneIn(2) ? 0 : 1_400, quote);
  return build(choice, entrance, { ...ends, to: bytes.subarray(6, 12), from: bytes.subarray(0, 6) }, payload);
}

/* New flows */

function fresh(choice: Choice, view: View, waiting: Sent[]): Sent {
  const eni = view.enis.length > 0 && !choice.oneIn(3) ? pickEni(choice, view) : undefined;
  const ends = {
    source: choice.oneIn(eni?.forwards ? 3 : 12)
      ? choice.pick(view.addresses)
      : eni
        ? choice.pick(eni.own)
        : INTERNET,
    destination: eni && choice.oneIn(3) ? INTERNET : choice.pick(view.addresses),
  };
  const entrance: Entrance = eni ? { kind: "interface", slot: eni.slot } : { kind: "internet" };
  const header = { ...ends, ...macs(choice, view, eni) };
  if (choice.oneIn(14)) return fragments(choice, entrance, header, waiting);
  return build(choice, entrance, header, transport(choice));
}

function pickEni(choice: Choice, { enis }: View): Eni {
  const eni = choice.pick(enis);
  return eni.up ? eni : choice.pick(enis);
}

/** As a well-behaved sender has them, mostly. */
function macs(choice: Choice, view: View, eni: Eni | undefined): Pick<Header, "to" | "from"> {
  const to = eni ? macBytes(ROUTER_MAC) : macBytes(view.settings.uplink_mac);
  const from = eni ? eni.mac : macBytes(view.settings.uplink_peer_mac);
  if (!choice.oneIn(25)) return { to, from };
  const other = choice.pick(STRANGERS);
  return choice.oneIn(2) ? { to: other, from } : { to, from: other };
}

/** One packet in pieces: the first goes now, or somewhere among the others, or never. */
function fragments(choice: Choice, entrance: Entrance, header: Header, waiting: Sent[]): Sent {
  const payload = transport(choice);
  const size = payload.bytes.length > 900 ? 8 * (40 + choice.below(140)) : 8 * (1 + choice.below(4));
  const trimmed = { ...withTrimmings(choice, header), id: choice.below(4) };
  const pieces = cut(trimmed, payload.protocol, sealed(choice, payload, header), size).map((bytes) => ({
    entrance,
    bytes,
    segment: 0,
  }));
  if (choice.oneIn(3)) pieces.reverse();
  if (choice.oneIn(5)) pieces.shift();
  if (waiting.length < REMEMBERED) waiting.push(...pieces.slice(1, 12));
  return pieces[0] ?? build(choice, entrance, header, payload);
}

/* Services */

function toService(choice: Choice, view: View): Sent {
  if (view.enis.length === 0) return otherFrame(choice, view);
  const eni = pickEni(choice, view);
  const [destination, port] = choice.pick([
    [METADATA, 80],
    [METADATA, 80],
    [DNS, 53],
    [eni.dns, 53],
    [METADATA, 53],
    [eni.dns, 80],
    [DNS, 80],
    [TIME, 123],
    [TIME, 123],
    [TIME, 53],
  ] as const);
  const source =
    (choice.oneIn(3) ? (choice.oneIn(2) ? eni.own.at(-1) : choice.pick(eni.own)) : eni.own[0]) ?? 0;
  const payload = choice.oneIn(2)
    ? tcp(40_000, port, FLAG.syn, dataOf(choice))
    : udp(40_000, port, dataOf(choice));
  const chosen =
    destination === METADATA && choice.oneIn(2) ? tcp(40_000, port, FLAG.ack, dataOf(choice)) : payload;
  return build(
    choice,
    { kind: "interface", slot: eni.slot },
    { source, destination, ...macs(choice, view, eni) },
    chosen,
  );
}

/**
 * From the services to an interface's alias, or to nobody's. Answers to what arrived there come from {@link
 * answer}.
 */
function fromService(choice: Choice, view: View): Sent {
  const slot = view.enis.length > 0 && !choice.oneIn(5) ? choice.pick(view.enis).slot : choice.below(70);
  const ends = {
    source: choice.pick([METADATA, METADATA, DNS, DNS, TIME, INTERNET]),
    destination:
      (choice.oneIn(2) ? 0xf0000000 : 0xf2000000) + (choice.oneIn(2) ? 0 : choice.below(32) << 20) + slot,
  };
  const header = {
    ...ends,
    to: macBytes(view.settings.services_mac),
    from: macBytes(view.settings.services_peer_mac),
  };
  return build(choice, { kind: "services" }, header, transport(choice));
}

/* What is no IPv4 */

function arpFrame(choice: Choice, view: View): Sent {
  const eni = view.enis.length > 0 && choice.oneIn(2) ? choice.pick(view.enis) : undefined;
  const inside: Entrance = eni
    ? { kind: "interface", slot: eni.slot }
    : { kind: choice.oneIn(2) ? "internet" : "services" };
  const mac = eni?.mac ?? macBytes(view.settings.uplink_peer_mac);
  const other = macBytes("02:00:00:00:00:99");
  const own = eni?.own[0] ?? INTERNET;
  const bytes = arp({
    to: choice.oneIn(2) ? macBytes("ff:ff:ff:ff:ff:ff") : macBytes(ROUTER_MAC),
    from: choice.oneIn(12) ? other : mac,
    operation: choice.pick([1, 1, 1, 1, 2, 3, 0]),
    senderMac: choice.oneIn(12) ? other : mac,
    sender: choice.pick([own, own, own, 0, choice.pick(view.addresses)]),
    targetMac: choice.oneIn(2) ? new Uint8Array(6) : other,
    target: choice.pick([own, choice.pick(view.addresses), choice.pick(view.addresses)]),
    padding: choice.oneIn(2) ? 18 : 0,
  });
  if (choice.oneIn(10)) bytes[14 + choice.below(8)] = choice.below(9);
  const cutShort = choice.oneIn(16) ? bytes.subarray(0, 15 + choice.below(bytes.length - 15)) : bytes;
  return { entrance: inside, bytes: cutShort, segment: 0 };
}

/** VLAN tags, IPv6, LLDP, lengths in place of a type (IEEE 802.3), and any other type. */
function otherFrame(choice: Choice, view: View): Sent {
  const eni = view.enis.length > 0 && choice.oneIn(2) ? choice.pick(view.enis) : undefined;
  const bytes = new Uint8Array(15 + choice.below(80));
  for (let index = 0; index < bytes.length; index++) bytes[index] = choice.below(256);
  bytes.set(macBytes(ROUTER_MAC), 0);
  if (eni) bytes.set(eni.mac, 6);
  write16(
    bytes,
    12,
    choice.pick([
      0x8100,
      0x88a8,
      0x86dd,
      0x86dd,
      0x88cc,
      0x0026,
      0x05dc,
      0x0800,
      0x0806,
      choice.below(0x10000),
    ]),
  );
  const other: Entrance = choice.oneIn(2) ? { kind: "internet" } : { kind: "services" };
  const slot = eni && choice.oneIn(6) ? choice.pick([1, 15, 40, 63, 64, 1_000]) : eni?.slot;
  return { entrance: slot === undefined ? other : { kind: "interface", slot }, bytes, segment: 0 };
}

function ip(text: string): number {
  return ipv4Of(text);
}

const MACS = new Map<string, Uint8Array>();

function macBytes(text: string): Uint8Array {
  const known = MACS.get(text);
  if (known) return known;
  const bytes = Uint8Array.from(text.split(":"), (byte) => Number.parseInt(byte, 16));
  MACS.set(text, bytes);
  return bytes;
}
