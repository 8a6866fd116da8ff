import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { cidr6Contains, cidr6Of, cidrs6Overlap, formatCidr6, formatIpv6, lastAddress6, parseCidr6, parseIpv6 } from "./cidr6.ts";

const address = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).filter((value) => value >> 32n !== 0xffffn);

test("an address survives its text", () => {
  fc.assert(fc.property(address, (value) => parseIpv6(formatIpv6(value)) === value));
  assert.equal(formatIpv6(0x20010db8_00000000_00000000_00000001n), "2001:db8::1");
  for (const text of ["10.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "2001:db8::g", ""]) assert.equal(parseIpv6(text), undefined, text);
});

test("a block holds its first and last address and those alone", () => {
  fc.assert(
    fc.property(address, fc.integer({ min: 1, max: 128 }), (value, length) => {
      const block = parseCidr6(`${formatIpv6(value)}/${length}`);
      if (block === undefined) return; // It stands for IPv4 addresses.
      assert.ok(cidr6Contains(block, value) && cidr6Contains(block, block.base) && cidr6Contains(block, lastAddress6(block)));
      assert.ok(!cidr6Contains(block, block.base - 1n) && !cidr6Contains(block, lastAddress6(block) + 1n));
      assert.deepEqual(cidr6Of(formatCidr6(block)), block);
    }),
  );
});

test("blocks overlap when one holds the other", () => {
  const [wide, inside, beside] = ["2001:db8:0:800::/56", "2001:db8:0:801::/64", "2001:db8:0:900::/64"].map(cidr6Of);
  assert.ok(wide && inside && beside);
  assert.ok(cidrs6Overlap(wide, inside) && cidrs6Overlap(inside, wide) && !cidrs6Overlap(wide, beside));
  assert.ok(!cidr6Contains(inside, wide));
});
