import assert from "node:assert/strict";
import { test } from "node:test";
import { accountOf, othersOf, ownRegionsOf, regionOf } from "./settings.ts";

test("an account has twelve digits, and a region is AWS's or one's own", () => {
  assert.equal(accountOf("012345678901"), "012345678901");
  assert.equal(accountOf(undefined), undefined);
  for (const bad of ["12", "", "1234567890123", "12345678901a", "１23456789012"]) assert.throws(() => accountOf(bad), /12 digits/);
  for (const good of ["us-east-1", "ap-northeast-1", "us-gov-west-1", "cn-north-1"]) assert.equal(regionOf(good, []), good);
  for (const bad of ["foo", "us-easst-1", "", "constructor", "US-EAST-1"]) assert.throws(() => regionOf(bad, []), /is no region of AWS/);
  assert.throws(() => regionOf("my-lab-1", []), /--own-region my-lab-1/);
  assert.equal(regionOf("my-lab-1", ownRegionsOf(["my-lab-1"])), "my-lab-1");
  assert.throws(() => ownRegionsOf(["my-lab-1", "lab"]), /--own-region lab/);
});

test("others are an origin on this machine, unless it is said that they are elsewhere", () => {
  const [port, here] = [4566, { port: 4566, remote: false }];
  for (const good of ["http://127.0.0.1:5000", "http://localhost:5000/", "https://[::1]:5000", "http://127.8.0.1"])
    assert.equal(othersOf(good, here)?.origin, new URL(good).origin);
  assert.equal(othersOf(undefined, here), undefined);
  const bad = [
    "",
    "moto",
    "127.0.0.1:5000",
    "ftp://127.0.0.1",
    "http://127.0.0.1/path",
    "http://user@127.0.0.1",
    "http://127.0.0.1?x",
    "file:///etc",
  ];
  for (const text of bad) assert.throws(() => othersOf(text, here), /is no address such as/, text);
  for (const far of ["http://moto:5000", "http://192.0.2.1", "http://127.0.0.1.example.com", "http://localhost.example.com"]) {
    assert.throws(() => othersOf(far, here), /--others-remote/, far);
    assert.equal(othersOf(far, { port, remote: true })?.origin, far);
  }
  assert.throws(() => othersOf("http://localhost:4566", here), /own port/);
});
