import assert from "node:assert/strict";
import { test } from "node:test";
import { allOf, readPings } from "./pings.ts";

const SOME = `PING 198.51.100.1 (198.51.100.1) 56(84) bytes of data.
[1764727200.100000] 64 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=0.05 ms
[1764727200.110000] 64 bytes from 198.51.100.1: icmp_seq=2 ttl=64 time=0.05 ms
[1764727200.160000] 64 bytes from 198.51.100.1: icmp_seq=7 ttl=64 time=0.05 ms
[1764727200.250000] 64 bytes from 198.51.100.1: icmp_seq=8 ttl=64 time=0.05 ms

--- 198.51.100.1 ping statistics ---
8 packets transmitted, 4 received, 50% packet loss, time 150ms
`;

test("a gap is where answers are missing, from the one before to the one after", () => {
  // Between 7 and 8 nothing is missing: the sender was slow.
  assert.deepEqual(readPings(SOME), { sent: 8, received: 4, longestGapMilliseconds: 50 });
});

test("of several flows the packets are counted together, and the longest gap of any", () => {
  const whole = { sent: 5, received: 5, longestGapMilliseconds: 0 };
  assert.deepEqual(allOf([readPings(SOME), whole]), { sent: 13, received: 9, longestGapMilliseconds: 50 });
  assert.deepEqual(allOf([]), { sent: 0, received: 0, longestGapMilliseconds: 0 });
});
