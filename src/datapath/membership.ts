import { encodeStruct, layoutOf } from "../contract/layout.ts";
import { MOST_MACHINES } from "../contract/overlay.ts";
import { assert } from "../lib/assert.ts";
import type { Epochs } from "./epoch.ts";
import { indexKey, type KernelMap } from "./map.ts";

/** A machine of the region. `number`: 1 to {@link MOST_MACHINES}; `address`: its underlay address, IPv4. */
export type MachineAddress = { readonly number: number; readonly address: string };

/** The ports of a NAT gateway's private address in a block: block * 1,024 and the 1,023 that follow. */
export type NatBlock = {
  /** The slot of the gateway's interface. */
  readonly interface: number;
  readonly address: string;
  readonly block: number;
  /** The machine that opens connections on these ports, and to which answers go. */
  readonly machine: number;
};

type Maps = {
  readonly machines: KernelMap;
  readonly members: KernelMap;
  readonly nat_blocks: KernelMap;
};

/** The rows that no plan knows: who belongs to the region (bpf/overlay.h). Each call costs what differs. */
export function openMembership(maps: Maps, change: Epochs["change"]) {
  return {
    setMachines: (machines: readonly MachineAddress[]): void => {
      for (const { number } of machines)
        assert(number >= 1 && number <= MOST_MACHINES, `${number} is a machine's number`);
      const rows = machines.map(({ number, address }): Pair => [
        indexKey(number),
        encodeStruct("machine", { address, flags: 0 }),
      ]);
      const members = machines.map(({ number, address }): Pair => [
        encodeStruct("member_key", { address }),
        encodeStruct("member", { machine: number }),
      ]);
      change(undefined, () => {
        holdArray(maps.machines, rows);
        holdHash(maps.members, members);
      });
    },
    setNatBlocks: (blocks: readonly NatBlock[]): void => {
      const rows = blocks.map(({ machine, ...key }): Pair => [
        encodeStruct("nat_block_key", key),
        encodeStruct("nat_block", { machine }),
      ]);
      change(undefined, () => holdHash(maps.nat_blocks, rows));
    },
  };
}

type Pair = readonly [key: Uint8Array, value: Uint8Array];

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

function holdHash(map: KernelMap, pairs: readonly Pair[]): void {
  const wanted = new Map(pairs.map(([key, value]) => [text(key), { key, value }]));
  const gone: Buffer[] = [];
  map.forEach((key, value) => {
    const row = wanted.get(text(key));
    if (!row) gone.push(Buffer.from(key));
    else if (value.equals(row.value)) wanted.delete(text(key));
  });
  for (const { key, value } of wanted.values()) map.update(key, value);
  if (gone.length > 0) map.deleteMany(Buffer.concat(gone));
}

function holdArray(map: KernelMap, pairs: readonly Pair[]): void {
  const wanted = new Map(pairs.map(([key, value]) => [text(key), value]));
  const none = Buffer.alloc(layoutOf("machine").size);
  map.forEach((key, value) => {
    const row = wanted.get(text(key)) ?? none;
    if (!value.equals(row)) map.update(Buffer.from(key), row);
  });
}
