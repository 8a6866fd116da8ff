import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ALIAS, ALIAS_IPV6 } from "../contract/tables.ts";
import { formatIpv4, formatIpv6, type Ipv6, ipv4 } from "../lib/address.ts";
import { ipv4BlockOf, ipv6BlockOf } from "../lib/block.ts";
import { IPV4_ALIAS_BLOCK, IPV6_ALIAS_BLOCK, slotOfAlias } from "./alias.ts";

test("an alias is read as the contract has the data plane make it", () => {
  const slots = fc.integer({ min: 0, max: 2 ** ALIAS.slotBits - 1 });
  const indexes = fc.integer({ min: 0, max: 2 ** ALIAS.placeBits - 1 });
  fc.assert(
    fc.property(slots, indexes, fc.boolean(), (slot, index, atVpc) => {
      const bits = index * 2 ** ALIAS.slotBits + (atVpc ? 2 ** ALIAS.dnsBit : 0);
      assert.equal(slotOfAlias(formatIpv4(ipv4(ALIAS.base + bits + slot))), slot);
    }),
  );
  const { base, length } = ipv4BlockOf(IPV4_ALIAS_BLOCK);
  assert.deepEqual([base, length], [ALIAS.base, 31 - ALIAS.dnsBit]);
  assert.equal(slotOfAlias(formatIpv4(ipv4(ALIAS.base - 1))), undefined);
  assert.equal(slotOfAlias(formatIpv4(ipv4(ALIAS.base + 2 ** (ALIAS.dnsBit + 1)))), undefined);
});

test("an alias of IPv6 is read as the contract has the data plane make it", () => {
  const base = BigInt(ALIAS_IPV6) << 96n;
  const alias = (index: bigint, slot: bigint): string => formatIpv6((base + (index << 32n) + slot) as Ipv6);
  fc.assert(
    fc.property(
      fc.bigInt(0n, 2n ** 32n - 1n),
      fc.bigInt(0n, 2n ** BigInt(ALIAS.placeBits) - 1n),
      (slot, index) => {
        assert.equal(slotOfAlias(alias(index, slot)), Number(slot));
      },
    ),
  );
  assert.equal(slotOfAlias(alias(2n ** BigInt(ALIAS.placeBits), 0n)), undefined);
  assert.equal(slotOfAlias(alias(0n, -1n)), undefined);
  const { base: first, length } = ipv6BlockOf(IPV6_ALIAS_BLOCK);
  assert.deepEqual([first, length], [base, 64]);
});
