import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openDatapath } from "./loader.ts";
import { frame, udp } from "./test-frame.ts";
import { A, B, bench, bpffs, eni, INTERNET, macOf, noKernel, OBJECT } from "./test-kit.ts";

function from(slot: number, source: string): Buffer {
  const ends = { source, destination: INTERNET };
  return frame({ ...ends, from: macOf(slot), payload: udp(ends, 1000, 80) });
}

describe("the counters' totals", { skip: noKernel }, () => {
  it("go on when an interface is gone, and the next one in its slot starts at zero", () => {
    const { datapath, fromEni, put, remove } = bench();
    const before = datapath.totals();
    const drops = (totals: typeof before) => totals.drops.get("no_public_ip")?.packets ?? 0n;
    const bytes = BigInt(from(A, "10.0.1.5").length);
    fromEni(A, from(A, "10.0.1.5"));
    fromEni(A, from(A, "10.0.1.5"));
    fromEni(B, from(B, "10.0.1.6"));
    const then = datapath.totals();
    assert.equal(then.sent.packets - before.sent.packets, 2n);
    assert.equal(then.sent.bytes - before.sent.bytes, 2n * bytes);
    assert.equal(drops(then) - drops(before), 1n);
    const rows = [
      ...eni(A, { private_ip: "10.0.1.5", public_ip: "203.0.113.5" }),
      ...eni(B, { private_ip: "10.0.1.6" }),
    ];
    remove(...rows);
    assert.deepEqual(datapath.totals(), then);
    assert.equal(datapath.traffic(A).sent.packets, 0n);
    assert.deepEqual(datapath.drops(B), []);
    assert.ok(
      datapath.drops().every((drop) => drop.interface < 64),
      "those that are gone are no interface",
    );
    put(...eni(B, { private_ip: "10.0.1.6", groups: [2] }));
    fromEni(B, from(B, "10.0.1.6"));
    assert.equal(datapath.drops(B).find((drop) => drop.reason === "no_public_ip")?.packets, 1n);
    assert.equal(drops(datapath.totals()) - drops(before), 2n);
  });

  it("have every drop reason, also those that never occurred", () => {
    const { datapath } = bench();
    const { drops } = datapath.totals();
    assert.equal(drops.has("none"), false);
    assert.equal(drops.get("multicast")?.packets, 0n);
  });
});

describe("the tables' sizes", { skip: noKernel }, () => {
  it("are how many entries there are, and how many there can be", async () => {
    const { datapath, put, remove } = bench();
    const size = async (table: string) => (await datapath.tableSizes()).find((one) => one.table === table);
    const before = await size("addresses");
    assert.equal(before?.entries, datapath.rows("addresses").length);
    const [row, address, ...rest] = eni(40, { private_ip: "10.0.1.40" });
    put(...(row && address ? [row, address, ...rest] : []));
    assert.equal((await size("addresses"))?.entries, (before?.entries ?? 0) + 1);
    remove(...(address ? [address] : []));
    assert.equal((await size("addresses"))?.entries, before?.entries);
    assert.deepEqual(
      [(await size("interfaces"))?.capacity, (await size("interfaces"))?.entries],
      [64, undefined],
    );
    assert.ok(((await size("trace_events"))?.bytes ?? 0) >= 4 << 20);
  });

  it("grow to those of the program when an earlier program left shorter tables", async () => {
    const pins = bpffs();
    const capacity = async (sizes: {
      readonly interfaces: number;
      readonly flowRecords?: number;
    }): Promise<number | undefined> => {
      const datapath = openDatapath({ pins, netns: "/proc/thread-self/ns/net", object: OBJECT, sizes });
      const found = (await datapath.tableSizes()).find(({ table }) => table === "flow_records_a")?.capacity;
      datapath.close();
      return found;
    };
    assert.equal(await capacity({ interfaces: 64, flowRecords: 64 }), 64);
    assert.equal(await capacity({ interfaces: 64 }), 131_072);
    assert.equal(await capacity({ interfaces: 64, flowRecords: 64 }), 131_072);
  });
});
