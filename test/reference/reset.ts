import { TCP } from "../../src/reach/packet.ts";
import {
  checksum,
  ETHERNET,
  folded,
  read16,
  read32,
  sealHeader,
  wordSum,
  write16,
  write32,
} from "./bytes.ts";
import type { Shape } from "./shape.ts";

const HEADER = 20;
const FLAG = { fin: 1, syn: 2, rst: 4, ack: 16 } as const;

/**
 * The reset that answers a segment of a connection which is not there (RFC 9293, section 3.10.7.1), back the
 * way that it came.
 */
export function resetOf(frame: Uint8Array, shape: Shape): Uint8Array {
  const ipv6 = (frame[ETHERNET] ?? 0) >> 4 === 6;
  const [header, address, ends] = ipv6 ? [40, 16, 8] : [HEADER, 4, 12];
  const message = new Uint8Array(ETHERNET + header + HEADER);
  message.set(frame.subarray(6, 12), 0);
  message.set(frame.subarray(0, 6), 6);
  message.set(frame.subarray(12, 14), 12);
  const ip = ETHERNET;
  message.set(
    ipv6 ? [0x60, 0, 0, 0, 0, HEADER, TCP, 64] : [0x45, 0, 0, 2 * HEADER, 0, 0, 0x40, 0, 64, TCP],
    ip,
  );
  const [source, destination] = [ip + ends, ip + ends + address];
  message.set(frame.subarray(destination, destination + address), source);
  message.set(frame.subarray(source, source + address), destination);
  if (!ipv6) sealHeader(message, ip);
  const tcp = ip + header;
  fill(message, tcp, frame, shape);
  const pseudo = wordSum(message, source, 2 * address) + TCP + HEADER;
  write16(message, tcp + 16, ~folded(pseudo + (~checksum(message, tcp, HEADER) & 0xffff)) & 0xffff);
  return message;
}

/** All but its checksum. */
function fill(message: Uint8Array, tcp: number, frame: Uint8Array, shape: Shape): void {
  const from = shape.transport;
  write16(message, tcp, read16(frame, from + 2));
  write16(message, tcp + 2, read16(frame, from));
  message[tcp + 12] = 5 << 4;
  const flags = frame[from + 13] ?? 0;
  if (flags & FLAG.ack) {
    write32(message, tcp + 4, read32(frame, from + 8));
    message[tcp + 13] = FLAG.rst;
  } else {
    write32(message, tcp + 8, (read32(frame, from + 4) + segmentLength(frame, shape, flags)) >>> 0);
    message[tcp + 13] = FLAG.rst | FLAG.ack;
  }
}

/** What the segment takes of the sequence space. */
function segmentLength(frame: Uint8Array, { transport, end }: Shape, flags: number): number {
  const data = end - transport - ((frame[transport + 12] ?? 0) >> 4) * 4;
  return data + (flags & FLAG.syn ? 1 : 0) + (flags & FLAG.fin ? 1 : 0);
}
