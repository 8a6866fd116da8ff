import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeStruct } from "../contract/layout.ts";
import { indexKey } from "./map.ts";
import { bench, noKernel, region } from "./test-kit.ts";

describe("who belongs to the region, in the kernel", { skip: noKernel }, () => {
  const { datapath } = bench();
  const { maps } = datapath;

  const machine = (number: number): string =>
    decodeStruct("machine", maps.machines.lookup(indexKey(number)) ?? new Uint8Array(8)).address;
  const members = (): unknown[] => {
    const found: unknown[] = [];
    maps.members.forEach((key, value) =>
      found.push([decodeStruct("member_key", key).address, decodeStruct("member", value).machine]),
    );
    return found.sort();
  };

  it("is exactly what was said last, by number and by address", () => {
    datapath.setMachines([
      { number: 1, address: "192.0.2.1" },
      { number: 7, address: "192.0.2.7" },
    ]);
    datapath.setMachines([
      { number: 7, address: "192.0.2.8" },
      { number: 4_095, address: "192.0.2.9" },
    ]);
    assert.deepEqual([1, 7, 4_095].map(machine), ["0.0.0.0", "192.0.2.8", "192.0.2.9"]);
    assert.deepEqual(members(), [
      ["192.0.2.8", 7],
      ["192.0.2.9", 4_095],
    ]);
  });

  it("is no plan's: reconciling leaves it alone", () => {
    datapath.setMachines([{ number: 2, address: "192.0.2.2" }]);
    datapath.setNatBlocks([{ interface: 20, address: "10.0.1.9", block: 3, machine: 2 }]);
    assert.equal(datapath.reconcile(region()) >= 0, true);
    assert.equal(machine(2), "192.0.2.2");
    const blocks: unknown[] = [];
    maps.nat_blocks.forEach((key, value) =>
      blocks.push([decodeStruct("nat_block_key", key), decodeStruct("nat_block", value)]),
    );
    assert.deepEqual(blocks, [[{ interface: 20, address: "10.0.1.9", block: 3 }, { machine: 2 }]]);
    datapath.setMachines([]);
    datapath.setNatBlocks([]);
    assert.deepEqual([members(), machine(2)], [[], "0.0.0.0"]);
  });

  it("refuses a number that no machine can have", () => {
    assert.throws(() => datapath.setMachines([{ number: 0, address: "192.0.2.1" }]), /a machine's number/);
    assert.throws(
      () => datapath.setMachines([{ number: 4_096, address: "192.0.2.1" }]),
      /a machine's number/,
    );
  });
});
