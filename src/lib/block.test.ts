import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import ipaddr from "ipaddr.js";
import { type Address, formatAddress, ipv4 } from "./address.ts";
import {
  blockContains,
  blockOf,
  blockSize,
  blocksOverlap,
  formatBlock,
  ipv4BlockOf,
  lastAddress,
  parseBlock,
} from "./block.ts";

const ipv4s = fc
  .integer({ min: 0, max: 0xffff_ffff })
  .map((value): readonly [Address, number] => [ipv4(value), 32]);
const ipv6s = fc
  .bigInt({ min: 1n << 64n, max: (1n << 128n) - 1n })
  .map((value): readonly [Address, number] => [value, 128]);
/** An address with a prefix length of its family. */
const prefixed = fc.tuple(fc.oneof(ipv4s, ipv6s), fc.nat()).map(([[address, bits], length]) => ({
  address,
  length: length % (bits + 1),
  text: `${formatAddress(address)}/${length % (bits + 1)}`,
}));

test("a block holds the addresses from its first to its last and no others, as ipaddr.js has it", () => {
  fc.assert(
    fc.property(prefixed, prefixed, ({ address, text }, other) => {
      const block = blockOf(text);
      assert.ok(
        blockContains(block, address) &&
          blockContains(block, block.base) &&
          blockContains(block, lastAddress(block)),
      );
      assert.deepEqual(blockOf(formatBlock(block)), block);
      const [own, length] = ipaddr.parseCIDR(formatBlock(block));
      const one = ipaddr.parse(formatAddress(other.address));
      assert.equal(
        blockContains(block, other.address),
        one.kind() === own.kind() && one.match([own, length] as never),
      );
    }),
  );
});

test("two blocks overlap when one holds the other, and never when they are of two families", () => {
  fc.assert(
    fc.property(prefixed, prefixed, (a, b) => {
      const [one, two] = [blockOf(a.text), blockOf(b.text)];
      const shared =
        [one.base, lastAddress(one)].some((address) => blockContains(two, address)) ||
        blockContains(one, two.base);
      assert.equal(blocksOverlap(one, two), shared);
      assert.equal(blocksOverlap(two, one), shared);
      if (typeof one.base !== typeof two.base) assert.equal(shared, false);
    }),
  );
});

test("host bits are cleared, as AWS clears them", () => {
  assert.equal(formatBlock(blockOf("10.0.1.77/24")), "10.0.1.0/24");
  assert.equal(formatBlock(blockOf("2001:db8::1:2/64")), "2001:db8::/64");
  assert.equal(blockSize(ipv4BlockOf("10.0.0.0/28")), 16);
});

test("text that is not a block is refused", () => {
  const texts = [
    "",
    "/",
    "10.0.0.0",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/08",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0/8",
    "2001:db8::/129",
  ];
  for (const text of [...texts, "fe80::1%eth0/64", "::ffff:10.0.0.0/104", "::g/64"])
    assert.equal(parseBlock(text), undefined, text);
});
