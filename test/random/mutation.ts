/** Frames with bytes changed: what no sender means, and every parser must bear. */

import { ICMP, TCP, UDP } from "../../src/reach/packet.ts";
import type { Choice } from "../kit/choice.ts";
import { ETHERNET, write16 } from "../reference/bytes.ts";
import { DF, MF, resealed, type Sent, withOnes } from "./random-frame.ts";

/** MAC addresses that are not the sender's or the router's. */
export const STRANGERS = [
  "ff:ff:ff:ff:ff:ff",
  "01:00:5e:00:00:01",
  "02:00:00:00:00:99",
  "33:33:00:00:00:01",
].map((text) => Uint8Array.from(text.split(":"), (byte) => Number.parseInt(byte, 16)));

/**
 * The same flow with one thing else: what the kernel program keeps of a flow must not hold for that, or must.
 */
export function varied(choice: Choice, past: readonly Sent[]): Sent {
  const { entrance, bytes, segment } = choice.pick(past);
  const other = Uint8Array.from(bytes);
  const transport = ETHERNET + ((bytes[ETHERNET] ?? 0) & 15) * 4;
  const [to, from] = [other.subarray(0, 6), other.subarray(6, 12)];
  choice.pick<() => void>([
    () => to.set(choice.pick(STRANGERS)),
    () => from.set(choice.pick(STRANGERS)),
    () => (other[ETHERNET + 8] = choice.below(256)),
    () => (other[ETHERNET + 1] = choice.below(256)),
    () => write16(other, ETHERNET + 6, choice.pick([0, DF, MF, 1, 0x8000])),
    () => (other[transport + 13] = choice.pick([0, 1, 2, 4, 16, 17, 18, choice.below(256)])),
    () => (other[transport + 12] = choice.below(256)),
    () => (other[ETHERNET + 9] = choice.pick([TCP, UDP, ICMP, 136])),
    () => write16(other, ETHERNET + 10, choice.below(0x10000)),
  ])();
  const sized = choice.oneIn(3)
    ? { entrance, bytes: resealed(other), segment: choice.pick([0, 1_460, 1_473, 9_000]) }
    : undefined;
  if (choice.oneIn(12)) return { entrance: choice.pick(past).entrance, bytes, segment };
  return sized ?? { entrance, bytes: choice.oneIn(8) ? other : resealed(other), segment };
}

const LONGEST = 3_590;

/**
 * An earlier frame with some bits turned, cut, lengthened, or spliced to another; its header's checksum set
 * right, or not.
 */
export function mutation(choice: Choice, past: readonly Sent[]): Sent {
  const { entrance, bytes, segment } = choice.pick(past);
  const changed = choice.weighted<() => Uint8Array>([
    [6, () => flipped(choice, Uint8Array.from(bytes))],
    [2, () => bytes.slice(0, 15 + choice.below(Math.max(1, bytes.length - 14)))],
    [1, () => joined(bytes, new Uint8Array(1 + choice.below(60)))],
    [2, () => spliced(choice, bytes, choice.pick(past).bytes)],
    [3, () => withWord(choice, Uint8Array.from(bytes))],
  ])();
  const whole = changed.length > LONGEST ? changed.subarray(0, LONGEST) : changed;
  const right = choice.oneIn(3) ? whole : resealed(whole);
  const other = choice.oneIn(12) ? choice.pick(past).entrance : entrance;
  return {
    entrance: other,
    bytes: choice.oneIn(10) && right.length > 34 ? withOnes(right) : right,
    segment: choice.oneIn(4) ? segment : 0,
  };
}

function flipped(choice: Choice, bytes: Uint8Array): Uint8Array {
  for (let count = 1 + choice.below(4); count > 0; count--) {
    const at = choice.below(Math.min(bytes.length, choice.oneIn(4) ? bytes.length : 90));
    bytes[at] = (bytes[at] ?? 0) ^ (1 << choice.below(8));
  }
  return bytes;
}

/** A field of the IP header, or behind it, with a value at some edge. */
function withWord(choice: Choice, bytes: Uint8Array): Uint8Array {
  const at = ETHERNET + 2 * choice.below(30);
  if (at + 2 > bytes.length) return bytes;
  const edges = [
    0,
    1,
    7,
    8,
    19,
    20,
    28,
    0xffff,
    0x4500,
    0x4f00,
    0x4400,
    0x6000,
    0x2000,
    0x1fff,
    1_500,
    1_501,
    bytes.length - ETHERNET,
  ];
  write16(bytes, at, choice.pick([...edges, bytes.length - ETHERNET + 1, choice.below(0x10000)]));
  return bytes;
}

function spliced(choice: Choice, first: Uint8Array, second: Uint8Array): Uint8Array {
  const at = choice.below(Math.min(first.length, second.length, 120));
  return joined(first.subarray(0, at), second.subarray(at));
}

export function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
