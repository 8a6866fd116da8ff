/**
 * IPv6 frames for a proof: new flows, answers, errors, fragments, extension headers, neighbour discovery,
 * services; right and wrong.
 */

import { type Entry, ROUTER_MAC, type TableValue } from "../../src/contract/tables.ts";
import { addressBytes } from "../../src/lib/address.ts";
import { ICMPV6, TCP, UDP } from "../../src/reach/packet.ts";
import type { Choice } from "../kit/choice.ts";
import { ETHERNET, folded, read16, read32, wordSum, write16, write32 } from "../reference/bytes.ts";
import type { Entrance } from "../reference/forward.ts";
import { STRANGERS } from "./mutation.ts";
import { FLAG, icmp, type Payload, type Sent, tcp, udp, udpLite } from "./random-frame.ts";

/** What the sender of IPv6 frames knows of the tables. */
export type Ipv6View = {
  readonly enis: readonly {
    readonly slot: number;
    readonly mac: Uint8Array;
    readonly own: readonly Uint8Array[];
    readonly forwards: boolean;
  }[];
  /** Interfaces without an IPv6 address. */
  readonly strangers: Ipv6View["enis"];
  readonly addresses: readonly Uint8Array[];
  /** IPv4 addresses as NAT64 has them; none where no route leads there. */
  readonly nat64: readonly Uint8Array[];
};

type Ends = { readonly source: Uint8Array; readonly destination: Uint8Array };
type Header = Ends & { readonly to: Uint8Array; readonly from: Uint8Array };
type Settings = TableValue<"settings">;

const INTERNET = addressBytes("2001:db8:ffff::1");
const METADATA = addressBytes("fd00:ec2::254");
const DNS = addressBytes("fd00:ec2::253");
const TIME = addressBytes("fd00:ec2::123");
const SPECIAL = (
  "2001:db8:ffff::1 2001:db8:ffff::1 2001:db8:ffff::9 fd00::1 fe80::1 fe80::2 fec0::1 ff02::1 ff02::1:ff00:1 :: ::1 ::ffff:10.0.0.5 " +
  "fd00:ec2::254 fd00:ec2::253 fd00:ec2::123 fd00:6b67::10 2001:db8:0:ff::1 2001:db9::1 64:ff9b::1 2606:4700::1111 ::2"
)
  .split(" ")
  .map(addressBytes);
const NAT64_PREFIX = addressBytes("64:ff9b::");
const NAT64 =
  "198.51.100.1 198.51.100.1 198.51.100.9 10.1.0.2 0.0.0.1 127.0.0.1 169.254.169.254 224.0.0.1 240.0.0.1 100.64.0.1 203.0.113.1"
    .split(" ")
    .flatMap((address) => nat64Of(address));
const PORTS = [0, 1, 53, 80, 80, 81, 100, 1024, 40_000, 40_001, 65_535];

export function ipv6ViewOf(entries: readonly Entry[]): Ipv6View {
  const held = entries
    .filter((entry) => entry.table === "addresses")
    .filter(({ key }) => key.address.includes(":"));
  const enis = entries
    .filter((entry) => entry.table === "interfaces")
    .map(({ key: slot, value }) => ({
      slot,
      mac: macBytes(value.mac),
      own: held.filter((row) => row.value.interface === slot).map(({ key }) => addressBytes(key.address)),
      forwards: (value.flags & 4) === 0,
    }))
    .toSorted((a, b) => b.own.length - a.own.length);
  const first = enis.findIndex(({ own }) => own.length === 0);
  return {
    enis: first < 0 ? enis : enis.slice(0, first),
    strangers: first < 0 ? [] : enis.slice(first),
    nat64: nat64Ends(entries),
    addresses: [
      ...SPECIAL,
      ...held.flatMap(({ key }) => [addressBytes(key.address), addressBytes(key.address)]),
    ],
  };
}

function nat64Ends(entries: readonly Entry[]): Ipv6View["nat64"] {
  const leads = entries.some(({ table, key }) => table === "routes" && key.address === "64:ff9b::");
  const held = entries.filter((entry) => entry.table === "addresses");
  return leads ? [...NAT64, ...held.flatMap(({ key, value }) => nat64Of(key.address, value.public_ip))] : [];
}

function nat64Of(...addresses: readonly string[]): Uint8Array[] {
  return addresses
    .filter((address) => !address.includes(":"))
    .map((address) =>
      Uint8Array.from([...NAT64_PREFIX.subarray(0, 12), ...addressBytes(address).subarray(12)]),
    );
}

export const isIpv6Frame = ({ bytes }: Sent): boolean => read16(bytes, 12) === 0x86dd;

export function ipv6Frame(choice: Choice, view: Ipv6View, settings: Settings, waiting: Sent[]): Sent {
  return choice.weighted<() => Sent>([
    [70, () => fresh(choice, view, settings, waiting)],
    [14, () => neighbour(choice, view, settings)],
    [8, () => toService(choice, view, settings)],
    [4, () => fromService(choice, settings)],
  ])();
}

/** What the receiver of the frame sends back, or an error about it. */
export function ipv6Answer(choice: Choice, { entrance, bytes }: Sent): Sent {
  const header = {
    source: bytes.slice(ETHERNET + 24, ETHERNET + 40),
    destination: bytes.slice(ETHERNET + 8, ETHERNET + 24),
    to: bytes.slice(6, 12),
    from: bytes.slice(0, 6),
  };
  if (choice.oneIn(4)) return build(choice, entrance, header, errorAbout(choice, bytes));
  const [protocol, at] = [bytes[ETHERNET + 6] ?? 0, ETHERNET + 40];
  const [there, here] = [read16(bytes, at), read16(bytes, at + 2)];
  const data = dataOf(choice);
  const flags = (bytes[at + 13] ?? 0) & FLAG.syn && !choice.oneIn(6) ? FLAG.syn | FLAG.ack : tcpFlags(choice);
  const type = bytes[at] === 128 ? 129 : bytes[at] === 129 ? 128 : (bytes[at] ?? 0);
  const payload =
    protocol === UDP
      ? udp(here, there, data)
      : protocol === TCP
        ? tcp(here, there, flags, data)
        : protocol === ICMPV6
          ? { ...icmp(type, 0, read32(bytes, at + 4), data), protocol: ICMPV6 }
          : { protocol, bytes: data };
  return build(choice, entrance, header, payload);
}

function errorAbout(choice: Choice, bytes: Uint8Array): Payload {
  const length = choice.weighted([
    [6, 48],
    [2, 40],
    [1, choice.below(48)],
    [4, bytes.length],
  ]);
  const quote = bytes.slice(ETHERNET, ETHERNET + Math.min(length, 1_200));
  if (quote.length > 0 && choice.oneIn(6)) quote[choice.below(quote.length)] = choice.below(256);
  return {
    ...icmp(choice.pick([1, 1, 2, 3, 4, 100, 0]), choice.below(3), choice.oneIn(2) ? 0 : 1_400, quote),
    protocol: ICMPV6,
  };
}

function fresh(choice: Choice, view: Ipv6View, settings: Settings, waiting: Sent[]): Sent {
  const stranger = view.strangers.length > 0 && choice.oneIn(16) ? choice.pick(view.strangers) : undefined;
  const eni = stranger ?? (view.enis.length > 0 && !choice.oneIn(3) ? choice.pick(view.enis) : undefined);
  const own = eni && eni.own.length > 0 ? choice.pick(eni.own) : INTERNET;
  const header = {
    source: choice.oneIn(eni?.forwards ? 3 : 12) ? choice.pick(view.addresses) : own,
    destination:
      view.nat64.length > 0 && !choice.oneIn(3)
        ? choice.pick(choice.oneIn(3) ? view.nat64 : view.nat64.slice(0, 2))
        : eni && choice.oneIn(3)
          ? INTERNET
          : choice.pick(view.addresses),
    ...macs(choice, settings, eni?.mac),
  };
  const entrance: Entrance = eni ? { kind: "interface", slot: eni.slot } : { kind: "internet" };
  if (choice.oneIn(12)) return fragments(choice, entrance, header, waiting);
  return build(choice, entrance, header, transport(choice));
}

function macs(choice: Choice, settings: Settings, mac: Uint8Array | undefined): Pick<Header, "to" | "from"> {
  const to = macBytes(mac ? ROUTER_MAC : settings.uplink_mac);
  const from = mac ?? macBytes(settings.uplink_peer_mac);
  if (!choice.oneIn(25)) return { to, from };
  const other = choice.pick(STRANGERS);
  return choice.oneIn(2) ? { to: other, from } : { to, from: other };
}

function tcpFlags(choice: Choice): number {
  return choice.pick([
    FLAG.ack,
    FLAG.ack,
    FLAG.ack,
    FLAG.syn,
    FLAG.syn | FLAG.ack,
    FLAG.fin | FLAG.ack,
    FLAG.rst,
    choice.below(256),
  ]);
}

function transport(choice: Choice): Payload {
  const [from, to] = [choice.pick(PORTS), choice.pick(PORTS)];
  const data = dataOf(choice);
  return choice.weighted<() => Payload>([
    [36, () => udp(from, to, data)],
    [36, () => tcp(from, to, choice.oneIn(3) ? tcpFlags(choice) : FLAG.syn, data, choice.oneIn(4) ? 12 : 0)],
    [
      16,
      () => ({
        ...icmp(
          choice.pick([128, 128, 128, 129, 138, 200, 1, 2, 3, 4]),
          choice.oneIn(8) ? 1 : 0,
          (choice.below(3) << 16) | 1,
          data,
        ),
        protocol: ICMPV6,
      }),
    ],
    [2, () => udpLite(data)],
    [4, () => ({ protocol: choice.pick([47, 50, 132, 59, 1, 255, 41]), bytes: data })],
    [2, () => ({ protocol: choice.pick([TCP, UDP, ICMPV6]), bytes: data.subarray(0, choice.below(24)) })],
  ])();
}

function dataOf(choice: Choice): Uint8Array {
  const length = choice.weighted([
    [60, choice.below(40)],
    [8, 1_420 + choice.below(60)],
    [5, 1_480 + choice.below(2_000)],
  ]);
  const data = new Uint8Array(length);
  for (let index = 0; index < Math.min(length, 6); index++) data[choice.below(length)] = choice.below(256);
  return data;
}

function build(choice: Choice, entrance: Entrance, header: Header, payload: Payload): Sent {
  seal(payload, header, choice.oneIn(12));
  // A test run takes no more than a page.
  const chained = payload.bytes.length < 3_000 && choice.oneIn(8) ? extended(choice, payload) : payload;
  const segment =
    chained === payload && payload.bytes.length > 500 && choice.oneIn(10)
      ? choice.pick([536, 1_400, 1_440, 1_441, 1_452, 9_000])
      : 0;
  const bytes = frame(choice, header, chained);
  return { entrance, bytes, segment: payload.protocol === TCP || payload.protocol === UDP ? segment : 0 };
}

function frame(choice: Choice, header: Header, { protocol, bytes: payload }: Payload): Uint8Array {
  const padding = choice.oneIn(16) ? 1 + choice.below(46) : 0;
  const bytes = new Uint8Array(ETHERNET + 40 + payload.length + padding);
  bytes.set(header.to, 0);
  bytes.set(header.from, 6);
  write16(bytes, 12, 0x86dd);
  write32(bytes, ETHERNET, 0x60000000 | (choice.oneIn(8) ? choice.below(0x1000000) : 0));
  write16(bytes, ETHERNET + 4, payload.length);
  bytes[ETHERNET + 6] = protocol;
  bytes[ETHERNET + 7] = choice.oneIn(8) ? choice.pick([0, 1, 255, choice.below(256)]) : 64;
  bytes.set(header.source, ETHERNET + 8);
  bytes.set(header.destination, ETHERNET + 24);
  bytes.set(payload, ETHERNET + 40);
  return bytes;
}

function seal({ protocol, bytes }: Payload, { source, destination }: Ends, wrong: boolean): void {
  const at =
    protocol === TCP ? 16 : protocol === UDP || protocol === 136 ? 6 : protocol === ICMPV6 ? 2 : undefined;
  if (at === undefined || bytes.length < at + 2) return;
  write16(bytes, at, 0);
  const pseudo = wordSum(source, 0, 16) + wordSum(destination, 0, 16) + protocol + bytes.length;
  const right = ~folded(pseudo + wordSum(bytes, 0, bytes.length)) & 0xffff;
  const value = wrong ? (right % 3 === 0 && protocol === UDP ? 0 : right ^ 0x1234) : right;
  write16(bytes, at, value === 0 && !wrong && (protocol === UDP || protocol === 136) ? 0xffff : value);
}

/** The payload behind one to nine extension headers, some of which lie. */
function extended(choice: Choice, payload: Payload): Payload {
  let { protocol, bytes } = payload;
  for (let count = choice.oneIn(10) ? 9 : 1 + choice.below(3); count > 0; count--) {
    const kind = choice.pick([0, 43, 44, 60, 60]);
    const size = kind === 44 ? 8 : 8 * (1 + choice.below(3));
    const header = new Uint8Array(size);
    header[0] = protocol;
    if (kind !== 44) header[1] = choice.oneIn(12) ? choice.below(256) : size / 8 - 1;
    if (kind === 43) header.set([choice.pick([0, 2, 3, 4]), choice.oneIn(3) ? 1 : 0], 2);
    if (kind === 44) {
      write16(header, 2, choice.oneIn(3) ? choice.below(0x10000) : 0);
      write32(header, 4, choice.below(3));
    }
    const joined = new Uint8Array(size + bytes.length);
    joined.set(header);
    joined.set(bytes, size);
    [protocol, bytes] = [kind, joined];
  }
  return { protocol, bytes };
}

/** One packet in pieces: the first goes now, or somewhere among the others, or never. */
function fragments(choice: Choice, entrance: Entrance, header: Header, waiting: Sent[]): Sent {
  const whole = transport(choice);
  seal(whole, header, false);
  // What stands before the transport may be divided along with it.
  const options = Uint8Array.from([whole.protocol, 0, 1, 4, 0, 0, 0, 0, ...whole.bytes]);
  const payload = choice.oneIn(2)
    ? { protocol: 60, bytes: options }
    : choice.oneIn(4)
      ? extended(choice, whole)
      : whole;
  const size = payload.bytes.length > 900 ? 8 * (40 + choice.below(140)) : 8 * (1 + choice.below(4));
  const id = 1 + choice.below(4);
  const pieces: Sent[] = [];
  for (let at = 0; at === 0 || at < payload.bytes.length; at += size) {
    const part = payload.bytes.subarray(at, at + size);
    const bytes = new Uint8Array(8 + part.length);
    // The pieces after the first may name anything as what follows.
    bytes[0] = at > 0 && choice.oneIn(6) ? choice.pick([TCP, UDP, 60]) : payload.protocol;
    // And some lie over what the first one has.
    const place = at > 0 && choice.oneIn(5) ? 8 * (1 + choice.below(4)) : at;
    write16(bytes, 2, place | (at + size < payload.bytes.length ? 1 : 0));
    write32(bytes, 4, id);
    bytes.set(part, 8);
    pieces.push({ entrance, bytes: frame(choice, header, { protocol: 44, bytes }), segment: 0 });
  }
  if (choice.oneIn(3)) pieces.reverse();
  if (choice.oneIn(5)) pieces.shift();
  if (waiting.length < 48) waiting.push(...pieces.slice(1, 12));
  return pieces[0] ?? build(choice, entrance, header, payload);
}

function toService(choice: Choice, { enis }: Ipv6View, settings: Settings): Sent {
  if (enis.length === 0) return fromService(choice, settings);
  const eni = choice.pick(enis);
  const [destination, port] = choice.pick([
    [METADATA, 80],
    [METADATA, 80],
    [DNS, 53],
    [DNS, 53],
    [METADATA, 53],
    [DNS, 80],
    [TIME, 123],
    [TIME, 123],
  ] as const);
  const payload = choice.oneIn(2)
    ? tcp(40_000, port, choice.pick([FLAG.syn, FLAG.ack]), dataOf(choice))
    : udp(40_000, port, dataOf(choice));
  return build(
    choice,
    { kind: "interface", slot: eni.slot },
    { source: choice.pick(eni.own), destination, ...macs(choice, settings, eni.mac) },
    payload,
  );
}

function fromService(choice: Choice, settings: Settings): Sent {
  const destination = addressBytes("fd00:6b67::");
  destination[15] = choice.below(70);
  if (choice.oneIn(3)) destination[11] = choice.below(34);
  if (choice.oneIn(12)) destination[choice.below(12)] = 1;
  const header = {
    source: choice.pick([METADATA, METADATA, DNS, DNS, TIME, INTERNET]),
    destination,
    to: macBytes(settings.services_mac),
    from: macBytes(settings.services_peer_mac),
  };
  return build(
    choice,
    { kind: "services" },
    header,
    choice.oneIn(2) ? tcp(80, 40_000, FLAG.ack, dataOf(choice)) : udp(53, 40_000, dataOf(choice)),
  );
}

/** Solicitations, probes for one's own address, advertisements, listener reports; some of them wrong. */
function neighbour(choice: Choice, { enis, addresses }: Ipv6View, settings: Settings): Sent {
  const eni = enis.length > 0 && !choice.oneIn(3) ? choice.pick(enis) : undefined;
  const other: Entrance = { kind: choice.oneIn(2) ? "internet" : "services" };
  const type = choice.pick([135, 135, 135, 135, 135, 136, 133, 134, 137, 130, 143]);
  const own = eni ? choice.pick(eni.own) : INTERNET;
  const target = choice.pick([own, choice.pick(addresses), choice.pick(addresses), addressBytes("fe80::1")]);
  const body = new Uint8Array(choice.pick([16, 16, 24, 24, 32, choice.below(30)]));
  body.set(target.subarray(0, body.length));
  const payload = { ...icmp(type, choice.oneIn(16) ? 1 : 0, 0, body), protocol: ICMPV6 };
  const header = {
    source: choice.pick([own, own, own, addressBytes("fe80::5"), addressBytes("::"), choice.pick(addresses)]),
    destination: choice.pick([addressBytes("ff02::1:ff00:1"), addressBytes("fe80::1"), target]),
    to: choice.pick([macBytes("33:33:ff:00:00:01"), macBytes(ROUTER_MAC)]),
    from: choice.oneIn(12) ? macBytes("02:00:00:00:00:99") : (eni?.mac ?? macBytes(settings.uplink_peer_mac)),
  };
  seal(payload, header, choice.oneIn(12));
  const bytes = frame(choice, header, payload);
  if (!choice.oneIn(8)) bytes[ETHERNET + 7] = 255;
  return { entrance: eni ? { kind: "interface", slot: eni.slot } : other, bytes, segment: 0 };
}

function macBytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(":"), (byte) => Number.parseInt(byte, 16));
}
