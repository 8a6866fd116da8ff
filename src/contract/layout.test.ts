import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatIpv4, ipv4 } from "../lib/address.ts";
import {
  decodeStruct,
  elementOf,
  encodeStruct,
  type Field,
  fieldsOf,
  layoutOf,
  type SharedName,
  viewOf,
} from "./layout.ts";
import { mapSizes, rowSizes } from "./map-sizes.ts";
import { RECORDS } from "./records.ts";
import type { FieldType, Structs } from "./struct.ts";
import { STRUCTS } from "./tables.ts";

const SHARED: Structs = { ...STRUCTS, ...RECORDS };
const NAMES = Object.keys(SHARED) as SharedName[];
const fieldList = (name: SharedName): [string, Field<unknown>][] =>
  Object.entries(fieldsOf(name) as Readonly<Record<string, Field<unknown>>>);

test("no struct is both a table's and a record's", () => {
  assert.equal(NAMES.length, Object.keys(STRUCTS).length + Object.keys(RECORDS).length);
});

test("every struct has a layout without hidden padding", () => {
  for (const name of NAMES) {
    let end = 0;
    for (const [field, { offset, size }] of fieldList(name)) {
      assert.equal(offset, end, `${name}.${field}`);
      end += size;
    }
    assert.equal(end, layoutOf(name).size, name);
  }
});

test("a flow record's key, written out by hand", () => {
  const bytes = encodeStruct("flow_record_key", {
    source: "10.0.1.5",
    destination: "2001:db8::1",
    interface: 258,
    source_port: 40_000,
    destination_port: 443,
    protocol: 6,
    egress: 1,
    action: 2,
    path: 8,
  });
  const expected = [
    "00000000000000000000ffff0a000105",
    "20010db8000000000000000000000001",
    "02010000",
    "409c",
    "bb01",
    "06010208",
  ];
  assert.equal(Buffer.from(bytes).toString("hex"), expected.join(""));
});

test("an entry of the fast path, written out by hand: ports as the frame has them", () => {
  const key = { link: 1, source: "10.0.1.5", destination: "198.51.100.1", ports: 0x3500_8813, protocol: 17 };
  const bytes = encodeStruct("flow_entry", {
    key,
    target_slot: 2,
    epoch: 3n,
    until: 4n,
    source_vpc: 5,
    target_vpc: 6,
    link: 7,
    from: "10.0.1.5",
    to: "203.0.113.5",
    port_from: 5000,
    port_to: 1024,
    header_delta: 0x0102,
    mtu: 1500,
    macs: [1, 2, 3],
    new_macs: [],
    field: 12,
    hops: 1,
    machine: 3,
  });
  const expected = [
    ["01000000", "0a000105", "c6336401", "13880035", "11000000"],
    ["02000000", "0300000000000000", "0400000000000000", "05000000", "06000000", "07000000"],
    [
      "0a000105",
      "cb007105",
      "1388",
      "0400",
      "0201",
      "dc05",
      "010203".padEnd(24, "0"),
      "0".repeat(24),
      "0c01",
      "0300",
    ],
  ];
  assert.equal(Buffer.from(bytes).toString("hex"), expected.flat().join(""));
});

test("an address key's bytes, written out by hand", () => {
  const bytes = encodeStruct("address_key", { vpc: 0x01020304, address: "10.0.1.5" });
  assert.equal(
    Buffer.from(bytes).toString("hex"),
    ["04030201", "00000000000000000000ffff", "0a000105"].join(""),
  );
});

test("an interface's bytes: integers little-endian, addresses in network order", () => {
  const bytes = encodeStruct("interface", {
    flags: 3,
    vpc: 1,
    subnet: 258,
    private_ip: "10.0.1.5",
    public_ip: "203.0.113.7",
    machine: 2,
    ipv6: "::",
    mac: "02:00:00:0a:0b:0c",
    group_count: 1,
    hop_limit: 64,
    groups: [9],
  });
  const expected = [
    "03000000",
    "01000000",
    "02010000",
    "0a000105",
    "cb007107",
    "02000000",
    "0".repeat(32),
    "0200000a0b0c",
    "01",
    "40",
    "09000000",
  ].join("");
  assert.equal(Buffer.from(bytes).toString("hex"), expected.padEnd(112 * 2, "0"));
});

const ADDRESS = fc.nat(0xffffffff).map((value) => formatIpv4(ipv4(value)));

function arbitrary(type: FieldType): fc.Arbitrary<unknown> {
  if (typeof type !== "string") {
    if ("struct" in type) return structOf(type.struct as SharedName);
    return fc.array(arbitrary(type.array), { minLength: type.length, maxLength: type.length });
  }
  switch (type) {
    case "u8":
      return fc.nat(0xff);
    case "u16":
    case "be16":
      return fc.nat(0xffff);
    case "u32":
      return fc.nat(0xffffffff);
    case "u64":
      return fc.bigInt(0n, (1n << 64n) - 1n);
    case "mac":
      return fc
        .uint8Array({ minLength: 6, maxLength: 6 })
        .map((bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join(":"));
    case "addr":
    case "be32":
      return ADDRESS;
  }
}

function structOf(name: SharedName): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  const fields = Object.entries(SHARED[name] ?? {}).map(([field, type]) => [field, arbitrary(type)] as const);
  return fc.record(Object.fromEntries(fields), { noNullPrototype: true });
}

test("decoding undoes encoding; read and written field by field it is the same", () => {
  for (const name of NAMES) {
    fc.assert(
      fc.property(structOf(name), fc.nat(20), (value, at) => {
        const bytes = encodeStruct(name, value as never);
        assert.deepEqual(decodeStruct(name, bytes), value);
        const [view, written] = [
          viewOf(Buffer.concat([Buffer.alloc(at), bytes])),
          Buffer.alloc(at + bytes.length),
        ];
        for (const [field, { read, write }] of fieldList(name)) {
          assert.deepEqual(read(view, at), value[field], `${name}.${field}`);
          write(viewOf(written), at, value[field]);
        }
        assert.ok(written.subarray(at).equals(bytes), name);
      }),
      { numRuns: 30 },
    );
  }
});

test("an element of an array stands where the array has it", () => {
  const bytes = encodeStruct("flow_share", { taken: 1n, skipped: [7, 9] });
  assert.deepEqual(
    [0, 1].map((place) => elementOf("flow_share", "skipped", place).read(viewOf(bytes), 0)),
    [7, 9],
  );
  assert.throws(() => elementOf("flow_share", "skipped", 2), /has an element 2/);
  assert.throws(() => elementOf("flow_share", "taken", 0), /is an array/);
});

test("a map's rows: numbers, structs, structs with a lock, and none in a ring", () => {
  assert.deepEqual(mapSizes("epochs"), { key: 4, value: 4 });
  assert.deepEqual(mapSizes("trace_lost"), { key: 4, value: 8 });
  assert.deepEqual([rowSizes("interfaces").value, mapSizes("interfaces")], [112, { key: 4, value: 116 }]);
  assert.deepEqual(mapSizes("connections"), { key: 44, value: 24 });
  assert.deepEqual(mapSizes("trace_events"), { key: 0, value: 0 });
});
