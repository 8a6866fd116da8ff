import assert from "node:assert/strict";
import { test } from "node:test";
import { type Counted, loadBetween, openGatewayLoad, packetsOf, processorsOf } from "./gateway-load.ts";

const counted = (at: number, packets: number, ...processors: Counted["processors"]): Counted => ({
  at,
  packets,
  processors,
});

test("the load is that of the busiest processor, or the packets' share of the capacity that is given", () => {
  const before = counted(0, 1_000, [0, 0], [50, 100]);
  const after = counted(2_000, 5_000, [20, 200], [200, 300]);
  assert.deepEqual(loadBetween(before, after, undefined), { packets: 2_000, load: 0.75 });
  assert.deepEqual(loadBetween(before, after, 4_000), { packets: 2_000, load: 0.5 });
  assert.deepEqual(loadBetween(after, counted(3_000, 10), 4_000), { packets: 0, load: 0 }, "a new link");
});

test("a look lasts a second at least", () => {
  const looks = [0, 500, 1_000, 1_500, 2_000].map((at) => counted(at, at * 3));
  const load = openGatewayLoad(() => looks.shift() ?? assert.fail("it looks once"), 6_000);
  assert.deepEqual(
    [load(), load(), load(), load()].map((one) => one?.packets),
    [undefined, 3_000, 3_000, 3_000],
  );
});

test("the kernel's counters are read", () => {
  const dev = `Inter-|   Receive                |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo: 1 2 0 0 0 0 0 0 1 2 0 0 0 0 0 0
uplink: 1064      12    0    0    0     0          0         0     9000      30    0    0    0     0       0          0`;
  assert.equal(packetsOf(dev), 42);
  assert.equal(packetsOf(""), 0);
  const stat = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 4 5 6 7 8 90 90\ncpu1 0 0 0 100 0 0 0 0 0 0\nctxt 1\n";
  assert.deepEqual(processorsOf(stat), [
    [7, 36],
    [0, 100],
  ]);
});
