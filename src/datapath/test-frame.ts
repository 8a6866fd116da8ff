import { addressBytes, isIpv6Text, parseIpv4 } from "../lib/address.ts";
import { present } from "../lib/assert.ts";

/** Frames for tests: built with right checksums, and read back byte by byte. */
export type FrameSpec = {
  readonly from?: string;
  readonly to?: string;
  readonly source: string;
  readonly destination: string;
  readonly protocol?: number;
  readonly ttl?: number;
  readonly id?: number;
  /** Flags and offset as on the wire; 0x4000 is "don't fragment". */
  readonly fragment?: number;
  readonly options?: Uint8Array;
  /** The transport's bytes, checksum included ({@link udp}, {@link tcp}, {@link icmp}). */
  readonly payload: Uint8Array;
};

export const ROUTER = "02:67:6b:00:00:01";

export function frame(spec: FrameSpec): Buffer {
  return Buffer.concat([macs(spec.to ?? ROUTER, spec.from ?? "02:00:00:00:00:10", 0x0800), packet(spec)]);
}

/** The same for IPv6, without the fields that only IPv4 has. */
export function ipv6Frame(
  spec: Pick<FrameSpec, "from" | "to" | "source" | "destination" | "protocol" | "ttl" | "payload">,
): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(spec.payload.length, 4);
  header[6] = spec.protocol ?? 17;
  header[7] = spec.ttl ?? 64;
  header.set(addressBytes(spec.source), 8);
  header.set(addressBytes(spec.destination), 24);
  return Buffer.concat([
    macs(spec.to ?? ROUTER, spec.from ?? "02:00:00:00:00:10", 0x86dd),
    header,
    spec.payload,
  ]);
}

/** Only the IP packet. */
export function packet(spec: FrameSpec): Buffer {
  const options = spec.options ?? new Uint8Array();
  const header = Buffer.alloc(20 + options.length);
  header.set(options, 20);
  header[0] = 0x40 | (header.length / 4);
  header.writeUInt16BE(header.length + spec.payload.length, 2);
  header.writeUInt16BE(spec.id ?? 1, 4);
  header.writeUInt16BE(spec.fragment ?? 0, 6);
  header[8] = spec.ttl ?? 64;
  header[9] = spec.protocol ?? 17;
  header.set(ip(spec.source), 12);
  header.set(ip(spec.destination), 16);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, spec.payload]);
}

type Ends = { readonly source: string; readonly destination: string };

export function udp(
  ends: Ends,
  sourcePort: number,
  destinationPort: number,
  data: Uint8Array | string = "hello",
): Buffer {
  const bytes = Buffer.from(data);
  const segment = Buffer.alloc(8 + bytes.length);
  segment.writeUInt16BE(sourcePort, 0);
  segment.writeUInt16BE(destinationPort, 2);
  segment.writeUInt16BE(segment.length, 4);
  segment.set(bytes, 8);
  segment.writeUInt16BE(checksum(Buffer.concat([pseudo(ends, 17, segment.length), segment])) || 0xffff, 6);
  return segment;
}

export const TCP = { fin: 1, syn: 2, rst: 4, ack: 16 } as const;

export function tcp(
  ends: Ends,
  sourcePort: number,
  destinationPort: number,
  flags: number,
  data: Uint8Array | string = "",
): Buffer {
  const bytes = Buffer.from(data);
  const segment = Buffer.alloc(20 + bytes.length);
  segment.writeUInt16BE(sourcePort, 0);
  segment.writeUInt16BE(destinationPort, 2);
  segment[12] = 0x50;
  segment[13] = flags;
  segment.set(bytes, 20);
  segment.writeUInt16BE(checksum(Buffer.concat([pseudo(ends, 6, segment.length), segment])), 16);
  return segment;
}

export function icmp(type: number, code: number, rest: number, data: Uint8Array | string = ""): Buffer {
  const message = Buffer.concat([Buffer.from([type, code, 0, 0]), Buffer.alloc(4), Buffer.from(data)]);
  message.writeUInt32BE(rest >>> 0, 4);
  message.writeUInt16BE(checksum(message), 2);
  return message;
}

/** ICMPv6; its checksum covers both addresses, too (RFC 4443, section 2.3). */
export function icmpv6(
  ends: Ends,
  type: number,
  code: number,
  rest: number,
  data: Uint8Array | string = "",
): Buffer {
  const message = Buffer.concat([Buffer.from([type, code, 0, 0]), Buffer.alloc(4), Buffer.from(data)]);
  message.writeUInt32BE(rest >>> 0, 4);
  message.writeUInt16BE(checksum(Buffer.concat([pseudo(ends, 58, message.length), message])), 2);
  return message;
}

/** An ARP frame; operation 1 asks, 2 answers. */
export function arp(
  operation: number,
  sender: { mac: string; ip: string },
  target: { mac?: string; ip: string },
  from = sender.mac,
): Buffer {
  const head = Buffer.from([0, 1, 8, 0, 6, 4, 0, operation]);
  return Buffer.concat([
    macs("ff:ff:ff:ff:ff:ff", from, 0x0806),
    head,
    mac(sender.mac),
    ip(sender.ip),
    mac(target.mac ?? "00:00:00:00:00:00"),
    ip(target.ip),
  ]);
}

export function macs(to: string, from: string, type: number): Buffer {
  return Buffer.concat([mac(to), mac(from), Buffer.from([type >> 8, type & 255])]);
}

export function mac(text: string): Buffer {
  return Buffer.from(text.replaceAll(":", ""), "hex");
}

function ip(text: string): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(present(parseIpv4(text), text));
  return bytes;
}

function pseudo(ends: Ends, protocol: number, length: number): Buffer {
  const bytes = isIpv6Text(ends.source) ? addressBytes : ip;
  return Buffer.concat([
    bytes(ends.source),
    bytes(ends.destination),
    Buffer.from([0, protocol, length >> 8, length & 255]),
  ]);
}

/** RFC 1071. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/**
 * What is wrong with a frame's lengths and checksums, including those of a packet inside an ICMP error. Empty
 * when nothing is.
 */
export function flaws(bytes: Buffer): string[] {
  return packetFlaws(bytes.subarray(14), true);
}

function packetFlaws(bytes: Buffer, whole: boolean): string[] {
  const found: string[] = [];
  const header = ((bytes[0] ?? 0) & 15) * 4;
  const total = bytes.readUInt16BE(2);
  if (whole && total > bytes.length) found.push(`total length ${total} of ${bytes.length}`);
  if (checksum(bytes.subarray(0, header)) !== 0) found.push("IP header checksum");
  const body = bytes.subarray(header, total);
  const fragment = bytes.readUInt16BE(6);
  if (fragment & 0x3fff || body.length < total - header || body.length === 0) return found;
  const protocol = bytes[9];
  const ends = { source: address(bytes, 12), destination: address(bytes, 16) };
  if (protocol === 1) {
    if (checksum(body) !== 0) found.push("ICMP checksum");
    if ([3, 4, 11, 12].includes(body[0] ?? 0) && body.length >= 28)
      found.push(...packetFlaws(body.subarray(8), false).map((flaw) => `inner ${flaw}`));
  } else if (protocol === 6 || protocol === 17) {
    const absent = protocol === 17 && body.readUInt16BE(6) === 0;
    if (!absent && checksum(Buffer.concat([pseudo(ends, protocol, body.length), body])) !== 0)
      found.push("transport checksum");
  }
  return found;
}

function address(bytes: Buffer, at: number): string {
  return [...bytes.subarray(at, at + 4)].join(".");
}

/** The parts of an IPv4 frame that tests look at. */
export function read(bytes: Buffer) {
  const packetBytes = bytes.subarray(14);
  const header = ((packetBytes[0] ?? 0) & 15) * 4;
  return {
    to: bytes.subarray(0, 6).toString("hex").match(/../g)?.join(":"),
    from: bytes.subarray(6, 12).toString("hex").match(/../g)?.join(":"),
    source: address(packetBytes, 12),
    destination: address(packetBytes, 16),
    ttl: packetBytes[8],
    totalLength: packetBytes.readUInt16BE(2),
    fragment: packetBytes.readUInt16BE(6),
    protocol: packetBytes[9],
    payload: packetBytes.subarray(header, packetBytes.readUInt16BE(2)),
  };
}
