import assert from "node:assert/strict";
import { test } from "node:test";
import type { Asker } from "./directory.ts";
import { answerMetadata, type MetadataContext, type MetadataResponse } from "./metadata-service.ts";
import { associate, changeInstance, exampleDirectory, SLOT } from "./test-state.ts";

const CONTEXT: MetadataContext = {
  now: new Date("2026-01-02T03:04:05Z"),
  secret: Buffer.from("a secret for tests"),
};
type Options = {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly context?: MetadataContext;
};

function ask(asker: Asker | undefined, path: string, options: Options = {}): MetadataResponse {
  return answerMetadata(
    { method: options.method ?? "GET", path, headers: options.headers ?? {} },
    asker,
    options.context ?? CONTEXT,
  );
}

function body(asker: Asker | undefined, path: string): string {
  const response = ask(asker, path);
  assert.equal(response.status, 200, path);
  return String(response.body);
}

function takeToken(asker: Asker | undefined, seconds: number): string {
  const response = ask(asker, "/latest/api/token", {
    method: "PUT",
    headers: { "x-aws-ec2-metadata-token-ttl-seconds": String(seconds) },
  });
  assert.equal(response.status, 200);
  return String(response.body);
}

test("the tree has the instance's own values", () => {
  const asker = exampleDirectory().bySlot(SLOT);
  assert.equal(body(asker, "/latest/meta-data/instance-id"), "i-00000000000000001");
  assert.equal(body(asker, "/2009-04-04/meta-data/local-ipv4"), "10.0.1.5");
  assert.equal(body(asker, "/latest/meta-data/local-hostname"), "ip-10-0-1-5.ec2.internal");
  assert.equal(body(asker, "/latest/meta-data/placement/availability-zone"), "us-east-1a");
  assert.equal(body(asker, "/latest/meta-data/security-groups"), "default");
  assert.equal(
    body(asker, "/latest/meta-data/network/interfaces/macs/02:00:00:00:00:05/local-ipv4s"),
    "10.0.1.5\n10.0.1.6",
  );
  assert.equal(
    body(asker, "/latest/meta-data/network/interfaces/macs/02:00:00:00:00:05/vpc-ipv4-cidr-blocks"),
    "10.0.0.0/16",
  );
  assert.equal(body(asker, "/latest/user-data"), "#!/bin/sh\necho héllo\n");
  assert.equal(
    JSON.parse(body(asker, "/latest/dynamic/instance-identity/document")).accountId,
    "123456789012",
  );
});

test("the identity document is there signed, as soon as there are keys", () => {
  const asker = exampleDirectory().bySlot(SLOT);
  const sign = (name: string) => (document: string) => `${name} of ${document}`;
  const identity = { pkcs7: sign("pkcs7"), rsa2048: sign("rsa2048"), signature: sign("signature") };
  const get = (name: string, context: object) =>
    answerMetadata({ method: "GET", path: `/latest/dynamic/instance-identity/${name}`, headers: {} }, asker, {
      now: new Date(0),
      secret: Buffer.from("secret"),
      ...context,
    });
  const document = String(get("document", {}).body);
  assert.equal(get("", { identity }).body, "document\npkcs7\nrsa2048\nsignature");
  for (const name of ["pkcs7", "rsa2048", "signature"]) {
    assert.equal(get(name, { identity }).body, `${name} of ${document}`);
    assert.equal(get(name, {}).status, 503);
  }
});

test("folders are listed as AWS lists them", () => {
  const asker = exampleDirectory().bySlot(SLOT);
  assert.deepEqual(
    body(asker, "/latest/").split("\n"),
    ["dynamic", "meta-data", "user-data"].map((n) => (n === "user-data" ? n : `${n}/`)),
  );
  assert.equal(body(asker, "/latest/meta-data/placement").includes("availability-zone-id"), true);
  assert.equal(body(asker, "/latest/meta-data/network/interfaces/macs/"), "02:00:00:00:00:05/");
  assert.equal(body(asker, "/latest/meta-data/public-keys/"), "0=my-key");
  assert.match(body(asker, "/latest/meta-data/public-keys/0/openssh-key"), /^ssh-ed25519 AAAA\S* my-key$/);
  assert.equal(body(asker, "/latest/meta-data/public-keys/0/"), "openssh-key");
  assert.match(body(asker, "/"), /^1\.0\n[\s\S]*\nlatest$/);
});

test("public-ipv4 is there only while an address is mapped, its name only with DNS host names", () => {
  const without = exampleDirectory().bySlot(SLOT);
  assert.equal(ask(without, "/latest/meta-data/public-ipv4").status, 404);
  assert.equal(body(without, "/latest/meta-data/").includes("public-ipv4"), false);
  const mapped = exampleDirectory(associate("203.0.113.9")).bySlot(SLOT);
  assert.equal(body(mapped, "/latest/meta-data/public-ipv4"), "203.0.113.9");
  assert.equal(body(mapped, "/latest/meta-data/public-hostname"), "ec2-203-0-113-9.compute-1.amazonaws.com");
  assert.equal(
    body(mapped, "/latest/meta-data/network/interfaces/macs/02:00:00:00:00:05/ipv4-associations/203.0.113.9"),
    "10.0.1.5",
  );
  const nameless = exampleDirectory(associate("203.0.113.9"), (tx) => {
    const vpc = tx.get("vpc", "vpc-00000000000000001");
    assert(vpc);
    tx.put({ ...vpc, enableDnsHostnames: false });
  }).bySlot(SLOT);
  assert.equal(ask(nameless, "/latest/meta-data/public-hostname").status, 404);
});

test("a session token opens the tree for its own instance and its own time", () => {
  const directory = exampleDirectory(
    changeInstance((i) => ({ ...i, metadataOptions: { ...i.metadataOptions, httpTokens: "required" } })),
  );
  const asker = directory.bySlot(SLOT);
  const path = "/latest/meta-data/instance-id";
  assert.equal(ask(asker, path).status, 401);
  const token = takeToken(asker, 60);
  assert.equal(token.length, 56);
  const headers = { "x-aws-ec2-metadata-token": token };
  assert.equal(ask(asker, path, { headers }).status, 200);
  const late = { ...CONTEXT, now: new Date(CONTEXT.now.getTime() + 60_000) };
  assert.equal(ask(asker, path, { headers, context: late }).status, 401);
  assert(asker?.instance);
  const other = { ...asker, instance: { ...asker.instance, id: "i-00000000000000002" } };
  assert.equal(ask(other, path, { headers }).status, 401);
  const forged = Buffer.from(token, "base64url");
  forged[0] = (forged[0] ?? 0) ^ 1;
  assert.equal(
    ask(asker, path, { headers: { "x-aws-ec2-metadata-token": forged.toString("base64url") } }).status,
    401,
  );
});

test("a wrong token is refused even where none is needed", () => {
  const asker = exampleDirectory().bySlot(SLOT);
  for (const given of ["", "x", "A".repeat(56), "é".repeat(56)])
    assert.equal(
      ask(asker, "/latest/meta-data/", { headers: { "x-aws-ec2-metadata-token": given } }).status,
      401,
    );
});

test("tokens are given as AWS gives them", () => {
  const asker = exampleDirectory().bySlot(SLOT);
  const put = (headers: Record<string, string>): number =>
    ask(asker, "/latest/api/token", { method: "PUT", headers }).status;
  const ttl = "x-aws-ec2-metadata-token-ttl-seconds";
  assert.equal(put({ [ttl]: "21600" }), 200);
  assert.equal(put({ [ttl]: "1" }), 200);
  for (const bad of ["0", "21601", "-1", "1.5", "", "abc"]) assert.equal(put({ [ttl]: bad }), 400, bad);
  assert.equal(put({}), 400);
  assert.equal(put({ [ttl]: "60", "x-forwarded-for": "10.0.0.1" }), 403);
  assert.equal(ask(asker, "/latest/api/token").status, 405);
  assert.equal(ask(asker, "/latest/meta-data/", { method: "PUT" }).status, 405);
});

test("an endpoint that is turned off, an unknown interface and an unknown path get nothing", () => {
  const off = exampleDirectory(
    changeInstance((i) => ({ ...i, metadataOptions: { ...i.metadataOptions, httpEndpoint: "disabled" } })),
  );
  assert.equal(ask(off.bySlot(SLOT), "/latest/meta-data/").status, 403);
  assert.equal(ask(exampleDirectory().bySlot(SLOT + 1), "/latest/meta-data/").status, 404);
  const asker = exampleDirectory().bySlot(SLOT);
  for (const path of [
    "/latest/meta-data/nothing",
    "/1999-01-01/",
    "/latest/meta-data/__proto__",
    "/latest/meta-data/tags/instance/Name",
  ])
    assert.equal(ask(asker, path).status, 404, path);
  assert.equal(ask(asker, "/latest/%zz").status, 400);
});

test("tags are shown when the instance allows it", () => {
  const shown = exampleDirectory(
    changeInstance((i) => ({
      ...i,
      tags: { Name: "web" },
      metadataOptions: { ...i.metadataOptions, instanceMetadataTags: "enabled" },
    })),
  );
  assert.equal(body(shown.bySlot(SLOT), "/latest/meta-data/tags/instance/Name"), "web");
  assert.equal(body(shown.bySlot(SLOT), "/latest/meta-data/tags/instance/"), "Name");
});
