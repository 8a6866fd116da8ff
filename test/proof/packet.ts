/** The packets of a proof's traffic: what is in them, and what else may be in a header. */

import { TCP, UDP } from "../../src/reach/packet.ts";
import type { Choice } from "../kit/choice.ts";
import {
  DF,
  type Ends,
  FLAG,
  frame,
  type Header,
  icmp,
  MF,
  type Payload,
  type Sent,
  seal,
  type Sum,
  tcp,
  udp,
  udpLite,
} from "../random/random-frame.ts";
import type { Entrance } from "../reference/forward.ts";

const PORTS = [0, 1, 53, 123, 80, 80, 81, 100, 1024, 40_000, 40_001, 65_535];

/**
 * Around what each way takes: 1500 through gateways, 8500 to other regions and through NAT gateways, 9001
 * inside.
 */
const SEGMENTS = [536, 1_400, 1_448, 1_460, 1_461, 1_472, 1_473, 8_460, 8_500, 8_900, 9_000];

export function tcpFlags(choice: Choice): number {
  return choice.weighted([
    [10, FLAG.ack],
    [3, FLAG.syn],
    [1, FLAG.syn | FLAG.ack],
    [2, FLAG.fin | FLAG.ack],
    [1, FLAG.rst],
    [1, FLAG.rst | FLAG.ack],
    [1, choice.below(256)],
  ]);
}

export function transport(choice: Choice): Payload {
  const [from, to] = [choice.pick(PORTS), choice.pick(PORTS)];
  const data = dataOf(choice);
  return choice.weighted<() => Payload>([
    [36, () => udp(from, to, data)],
    [36, () => tcp(from, to, choice.oneIn(3) ? tcpFlags(choice) : FLAG.syn, data, choice.oneIn(4) ? 12 : 0)],
    [
      12,
      () =>
        icmp(
          choice.pick([8, 8, 8, 0, 13, 14, 15, 17, 18, 5, 9]),
          choice.oneIn(8) ? 1 : 0,
          (choice.below(3) << 16) | 1,
          data,
        ),
    ],
    [2, () => icmp(choice.pick([3, 4, 11, 12]), choice.below(5), 0, data)],
    [2, () => udpLite(data)],
    [4, () => ({ protocol: choice.pick([47, 50, 132, 4, 0, 255, 41]), bytes: data })],
    [2, () => short(choice, choice.oneIn(2) ? udp(from, to, data) : tcp(from, to, FLAG.syn, data))],
  ])();
}

/** Less of it than its header takes; or a TCP header that says it is shorter, or longer, than it is. */
function short(choice: Choice, { protocol, bytes }: Payload): Payload {
  if (protocol === TCP && choice.oneIn(2)) bytes[12] = choice.below(256);
  return {
    protocol: choice.oneIn(6) ? 136 : protocol,
    bytes: bytes.subarray(0, choice.oneIn(3) ? bytes.length : choice.below(24)),
  };
}

export function dataOf(choice: Choice): Uint8Array {
  const length = choice.weighted([
    [60, choice.below(40)],
    [8, 1_440 + choice.below(60)],
    [6, choice.below(1_400)],
    [5, 1_480 + choice.below(2_000)],
  ]);
  const data = new Uint8Array(length);
  // Only a few bytes differ: checksums need no more, and time is short.
  for (let index = 0; index < Math.min(length, 6); index++) data[choice.below(length)] = choice.below(256);
  return data;
}

/** The frame of a payload, with what else may be in a header. */
export function build(choice: Choice, entrance: Entrance, header: Header, payload: Payload): Sent {
  const bytes = frame(withTrimmings(choice, header), payload.protocol, sealed(choice, payload, header));
  const segment = payload.bytes.length > 500 && choice.oneIn(6) ? choice.pick(SEGMENTS) : 0;
  return { entrance, bytes, segment: payload.protocol === TCP || payload.protocol === UDP ? segment : 0 };
}

export function sealed(choice: Choice, payload: Payload, ends: Ends): Uint8Array {
  seal(
    payload,
    ends,
    choice.weighted<Sum>([
      [85, "right"],
      [6, "wrong"],
      [5, "absent"],
      [4, "partial"],
    ]),
  );
  return payload.bytes;
}

export function withTrimmings(choice: Choice, header: Header): Header {
  return {
    ...header,
    ttl: choice.oneIn(6) ? choice.pick([0, 1, 255, choice.below(256)]) : 64,
    tos: choice.oneIn(10) ? choice.below(256) : 0,
    id: choice.oneIn(2) ? 0 : choice.below(8),
    fragment: choice.weighted([
      [55, DF],
      [40, 0],
      [1, 0x8000],
      [1, MF],
      [1, MF | DF],
      [1, choice.below(0x10000)],
      [1, 0x1ff0 + choice.below(16)],
    ]),
    ...(choice.oneIn(16) ? { options: optionsOf(choice) } : {}),
    ...(choice.oneIn(16) ? { padding: 1 + choice.below(46) } : {}),
  };
}

/** Options of an IP header: none, the end, routes to record or to follow, times, and false lengths. */
function optionsOf(choice: Choice): Uint8Array {
  const options = new Uint8Array(4 * (1 + choice.below(10))).fill(1);
  if (choice.oneIn(2)) return options;
  const at = choice.below(options.length);
  const type = choice.pick([0, 7, 68, 131, 137, 148, choice.below(256)]);
  options.set(
    [type, choice.pick([3, 4, options.length - at, 0, 1, choice.below(48)]), 4].slice(0, options.length - at),
    at,
  );
  return options;
}
