import assert from "node:assert/strict";
import { test } from "node:test";
import { formatToken, newToken } from "../join/token.ts";
import { accountOf, etcdOf, joinOf, othersOf, ownRegionsOf, regionOf, machineOf } from "./settings.ts";

test("an account has twelve digits, and a region is one of AWS's or of the user's own", () => {
  assert.equal(accountOf("012345678901"), "012345678901");
  assert.equal(accountOf(undefined), undefined);
  for (const bad of ["12", "", "1234567890123", "12345678901a", "１23456789012"])
    assert.throws(() => accountOf(bad), /12 digits/);
  for (const good of ["us-east-1", "ap-northeast-1", "us-gov-west-1", "cn-north-1"])
    assert.equal(regionOf(good, []), good);
  for (const bad of ["foo", "us-easst-1", "", "constructor", "US-EAST-1"])
    assert.throws(() => regionOf(bad, []), /is no region of AWS/);
  assert.throws(() => regionOf("my-lab-1", []), /--own-region my-lab-1/);
  assert.equal(regionOf("my-lab-1", ownRegionsOf(["my-lab-1"])), "my-lab-1");
  assert.throws(() => ownRegionsOf(["my-lab-1", "lab"]), /--own-region lab/);
});

test("--others is an origin on this machine, unless elsewhere is allowed explicitly", () => {
  const [port, here] = [4566, { port: 4566, remote: false }];
  for (const good of [
    "http://127.0.0.1:5000",
    "http://localhost:5000/",
    "https://[::1]:5000",
    "http://127.8.0.1",
  ])
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
  for (const far of [
    "http://moto:5000",
    "http://192.0.2.1",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
  ]) {
    assert.throws(() => othersOf(far, here), /--others-remote/, far);
    assert.equal(othersOf(far, { port, remote: true })?.origin, far);
  }
  assert.throws(() => othersOf("http://localhost:4566", here), /own port/);
});

test("members of etcd are on this machine, or speak TLS", () => {
  const pem = "-----BEGIN CERTIFICATE-----";
  const read = (path: string): string => {
    if (path === "gone") throw new Error("ENOENT");
    return path === "text" ? "no certificate" : `${pem} ${path}`;
  };
  const of = (text: string | undefined, files = {}) => etcdOf(text, files, read);
  assert.equal(of(undefined), undefined);
  assert.deepEqual(of("http://127.0.0.1:2379, http://[::1]:2381"), {
    endpoints: ["http://127.0.0.1:2379", "http://[::1]:2381"],
  });
  const files = { ca: "ca", cert: "cert", key: "key" };
  assert.deepEqual(of("https://10.0.0.1:2379,https://b.example:2379", files), {
    endpoints: ["https://10.0.0.1:2379", "https://b.example:2379"],
    tls: { ca: `${pem} ca`, cert: `${pem} cert`, key: `${pem} key` },
  });
  const bad: readonly (readonly [text: string | undefined, files: object, says: RegExp])[] = [
    ["127.0.0.1:2379", {}, /is no address such as/],
    ["http://127.0.0.1:2379,", {}, /is no address such as/],
    ["http://127.0.0.1:2379/v3", {}, /is no address such as/],
    ["http://user:pass@127.0.0.1:2379", {}, /is no address such as/],
    ["http://10.0.0.1:2379", {}, /is on another machine: use https/],
    ["http://127.0.0.1:2379,https://10.0.0.1:2379", files, /all members are https/],
    ["https://10.0.0.1:2379", {}, /--etcd-ca is missing/],
    ["https://10.0.0.1:2379", { ca: "ca", cert: "cert" }, /belong together/],
    ["https://10.0.0.1:2379", { ca: "gone" }, /--etcd-ca gone can't be read: ENOENT/],
    ["https://10.0.0.1:2379", { ca: "text" }, /--etcd-ca text is no PEM file/],
    [undefined, { ca: "ca" }, /--etcd-ca is for --etcd/],
  ];
  for (const [text, some, says] of bad) assert.throws(() => of(text, some), says, text);
});

test("a machine of a region: its address, zones and roles", () => {
  const given = { address: "10.0.0.1", name: undefined, zones: [], roles: undefined };
  const where = { host: "127.0.0.1", hostname: "h", known: undefined };
  assert.equal(machineOf({ ...given, address: undefined }, where), undefined);
  assert.deepEqual(machineOf({ ...given, zones: ["us-east-1b", "c"], roles: "host,control" }, where), {
    name: "h",
    address: "10.0.0.1",
    zones: ["b", "c"],
    roles: ["host", "control"],
  });
  const refused = (more: object, words: RegExp) =>
    assert.throws(() => machineOf({ ...given, ...more }, where), words);
  refused({ address: undefined, roles: "host" }, /are for --machine-address/);
  for (const address of ["127.0.0.1", "::1", "h", ""]) refused({ address }, /is no IPv4 address by which/);
  refused({ roles: "control,king" }, /'king' is none of control, host, gateway/);
  for (const zone of ["us-east-1", "1a", "A", ""]) refused({ zones: [zone] }, /is no zone/);
});

test("a machine that is in a region is what it was, but for what is given anew", () => {
  const given = { address: undefined, name: undefined, zones: [], roles: undefined };
  const known = { address: "10.0.0.1", name: "m", zones: ["a"], roles: ["host"] };
  const where = { host: "127.0.0.1", hostname: "h", known };
  assert.deepEqual(machineOf(given, where), known);
  assert.deepEqual(machineOf({ ...given, zones: ["b"], roles: "control" }, where), {
    ...known,
    zones: ["b"],
    roles: ["control"],
  });
  const { name, zones } = machineOf(given, { ...where, known: { address: "10.0.0.1" } }) ?? {};
  assert.deepEqual([name, zones], ["h", []]);
});

test("a machine that joins is told what it lacks", () => {
  const token = formatToken(newToken(Buffer.alloc(32, 1), 5, "s"));
  assert.equal(joinOf(false, undefined, undefined), undefined);
  const { address, port } = joinOf(true, "10.0.0.1:4566", token) ?? {};
  assert.deepEqual([address, port], ["10.0.0.1", 4566]);
  for (const door of [undefined, "10.0.0.1", "host:4566", "300.0.0.1:4566", "10.0.0.1:"])
    assert.throws(() => joinOf(true, door, token), /^SettingError: Usage: genkan join/);
  assert.throws(() => joinOf(true, "10.0.0.1:4566", undefined), /Usage: genkan join/);
  assert.throws(() => joinOf(true, "10.0.0.1:4566", token.slice(1)), /token is incomplete/);
  assert.throws(() => joinOf(true, "10.0.0.1:70000", token), /not a port/);
});
