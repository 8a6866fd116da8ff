import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  addressBytes,
  addressOf,
  formatAddress,
  formatBytes,
  ipv4,
  type Ipv4,
  parseAddress,
  parseIpv4,
  parseIpv6,
} from "./address.ts";

const ipv4s = fc.integer({ min: 0, max: 0xffff_ffff }).map((value) => ipv4(value));
const ipv6s = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).filter((value) => value >> 32n !== 0xffffn);

test("an address of either family survives its text and its bytes", () => {
  fc.assert(
    fc.property(fc.oneof(ipv4s, ipv6s), (address) => {
      const text = formatAddress(address);
      assert.equal(addressOf(text), address);
      assert.equal(formatBytes(addressBytes(text)), text);
    }),
  );
});

test("texts of addresses are canonical: dotted quad, and RFC 5952", () => {
  assert.equal(formatAddress(0xcb00_7101 as Ipv4), "203.0.113.1");
  assert.equal(formatAddress(0x20010db8_00000000_00000000_00000001n), "2001:db8::1");
  assert.equal(formatAddress(addressOf("2001:DB8:0:0:1:0:0:1")), "2001:db8::1:0:0:1");
});

test("text that is not an address is refused, whatever other programs make of it", () => {
  for (const text of [
    "",
    "1",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "1.2.3.256",
    "1.2.3.-4",
    " 1.2.3.4",
    "1.2.3.4 ",
    "0x1.2.3.4",
    "1..2.3",
  ]) {
    assert.equal(parseIpv4(text), undefined, text);
    assert.equal(parseAddress(text), undefined, text);
  }
  for (const text of [
    "10.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a00:1",
    "fe80::1%eth0",
    "2001:db8::g",
    "",
    ":",
    "1::2::3",
  ])
    assert.equal(parseIpv6(text), undefined, text);
});

test("a number out of an address's range is a programmer's error", () => {
  for (const value of [-1, 2 ** 32, 0.5, Number.NaN]) assert.throws(() => ipv4(value), /is an IPv4 address/);
  assert.throws(() => addressOf("10.0.0"), /assertion failed/);
});
