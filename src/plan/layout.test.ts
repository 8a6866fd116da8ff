import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatIpv4, ipv4 } from "../lib/ip.ts";
import { decodeStruct, encodeStruct, layoutOf } from "./layout.ts";
import { type FieldType, type StructLayout, type StructName, STRUCTS } from "./tables.ts";

test("every struct has a layout without hidden padding", () => {
  for (const name of Object.keys(STRUCTS) as StructName[]) {
    const { size, fields } = layoutOf(name);
    assert.equal(
      Object.values(fields).reduce((sum, field) => sum + field.size, 0),
      size,
      name,
    );
  }
});

test("an address key's bytes, written out by hand", () => {
  const bytes = encodeStruct("address_key", { vpc: 0x01020304, address: "10.0.1.5" });
  assert.equal(Buffer.from(bytes).toString("hex"), ["04030201", "00000000000000000000ffff", "0a000105"].join(""));
});

test("an interface's bytes: integers little-endian, addresses in network order", () => {
  const bytes = encodeStruct("interface", {
    flags: 3,
    vpc: 1,
    subnet: 258,
    private_ip: "10.0.1.5",
    public_ip: "203.0.113.7",
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
    "0".repeat(32),
    "0200000a0b0c",
    "01",
    "40",
    "09000000",
  ].join("");
  assert.equal(Buffer.from(bytes).toString("hex"), expected.padEnd(108 * 2, "0"));
});

const ADDRESS = fc.nat(0xffffffff).map((value) => formatIpv4(ipv4(value)));

function arbitrary(type: FieldType): fc.Arbitrary<unknown> {
  if (typeof type !== "string") {
    if ("struct" in type) return structOf(type.struct as StructName);
    return fc.array(arbitrary(type.array), { minLength: type.length, maxLength: type.length });
  }
  switch (type) {
    case "u8":
      return fc.nat(0xff);
    case "u16":
      return fc.nat(0xffff);
    case "u32":
      return fc.nat(0xffffffff);
    case "u64":
      return fc.bigInt(0n, (1n << 64n) - 1n);
    case "mac":
      return fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join(":"));
    case "addr":
    case "be32":
      return ADDRESS;
  }
}

function structOf(name: StructName): fc.Arbitrary<unknown> {
  const fields = Object.entries(STRUCTS[name] as StructLayout).map(([field, type]) => [field, arbitrary(type)] as const);
  return fc.record(Object.fromEntries(fields), { noNullPrototype: true });
}

test("decoding undoes encoding", () => {
  for (const name of Object.keys(STRUCTS) as StructName[]) {
    fc.assert(
      fc.property(structOf(name), (value) => {
        assert.deepEqual(decodeStruct(name, encodeStruct(name, value as never)), value);
      }),
      { numRuns: 30 },
    );
  }
});
