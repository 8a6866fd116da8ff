import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { keyPairActions } from "./key-pair.ts";

const { CreateKeyPair, ImportKeyPair, DescribeKeyPairs, DeleteKeyPair } = keyPairActions;

// Made with ssh-keygen; the fingerprint is `openssl md5` over the DER form, as EC2's guide computes it.
const RSA = [
  "AAAAB3NzaC1yc2EAAAADAQABAAABAQDgFebDBFYqjL2qMf6H5PMGGFP8Syf3c+uPX0JLIRYYdYERxbx0I8hQhgg1yntZCZUOXy4DU+T8p+R/sd",
  "5obefinfl2Rrq0VY9/SXqucZ2aoJ/0FWf+6CISoKpDAmpSQlneSD+DKTM96LPkY8twSVQurowDvYyC9uxtSOZ8+dp235h7k/2XCFPEAvtiXinp",
  "yX/pWq32SwlqsPorbWA8DBgx/bmzVfdaXT0yOqxGb4/hQwX0Pz2KlxuDxcyGkLhxu5re4k4fGteMHWiI+quo4JQy3TorkszniPRT7wlFDeh/h9",
  "gkymMWz7KdXAHp05KPlPOTPOgszp0a2S0QX9nNrEyT",
].join("");
const RSA_FINGERPRINT = "99:b3:f5:5c:11:3e:47:69:36:f8:8d:3a:3b:1b:93:7c";
const ED25519 = "AAAAC3NzaC1lZDI1NTE5AAAAIKja36Hk5g1yo3vgWxq3CXQN/Jw4wYxWh9okmVktqVI9";
// From `ssh-keygen -lf`.
const ED25519_FINGERPRINT = "TV1Ql51gwhM8AdCCdB3He/Va1xMQSbxM1ZPKrVe1aMM=";

function imported(region: TestRegion, KeyName: string, text: string): string | undefined {
  return region.call(ImportKeyPair, { KeyName, PublicKeyMaterial: Buffer.from(text) }).KeyFingerprint;
}

test("a public key is imported in each of its forms, with the same fingerprint", () => {
  const region = newRegion();
  const der = createPublicKey(jwkOf(RSA)).export({ type: "spki", format: "der" }).toString("base64");
  const lines = (body: string): string => (body.match(/.{1,70}/g) ?? []).join("\n");
  const forms = {
    OpenSSH: `ssh-rsa ${RSA} me@example\n`,
    "OpenSSH without a comment": `ssh-rsa ${RSA}`,
    SSH2: [
      "---- BEGIN SSH2 PUBLIC KEY ----",
      'Comment: "2048-bit RSA, converted \\',
      'by me@example"',
      lines(RSA),
      "---- END SSH2 PUBLIC KEY ----",
    ].join("\n"),
    PEM: `-----BEGIN PUBLIC KEY-----\n${lines(der)}\n-----END PUBLIC KEY-----\n`,
    "DER in base64": der,
  };
  for (const [name, text] of Object.entries(forms))
    assert.equal(imported(region, name, text), RSA_FINGERPRINT, name);
  assert.equal(imported(region, "Ed25519", `ssh-ed25519 ${ED25519} me`), ED25519_FINGERPRINT);
  const described = region.call(DescribeKeyPairs, { IncludePublicKey: true }).KeyPairs ?? [];
  assert.deepEqual(
    described.map(({ KeyName, KeyType, PublicKey }) => [KeyName, KeyType, PublicKey]),
    [
      ...Object.keys(forms).map((name) => [name, "rsa", `ssh-rsa ${RSA} ${name}`]),
      ["Ed25519", "ed25519", `ssh-ed25519 ${ED25519} Ed25519`],
    ],
  );
});

/** The parts of an SSH-form RSA key, read apart from the code under test. */
function jwkOf(base64: string): {
  readonly key: { kty: string; e: string; n: string };
  readonly format: "jwk";
} {
  const blob = Buffer.from(base64, "base64");
  const e = blob.subarray(4 + 7 + 4, 4 + 7 + 4 + 3);
  const n = blob.subarray(4 + 7 + 4 + 3 + 4 + 1);
  return { key: { kty: "RSA", e: e.toString("base64url"), n: n.toString("base64url") }, format: "jwk" };
}

test("text that is not a public key is refused", () => {
  const region = newRegion();
  const texts = [
    "",
    "ssh-rsa",
    "ssh-rsa AAAA",
    `ssh-rsa ${RSA.slice(0, 200)}`,
    `ssh-rsa ${ED25519}x`,
    "ssh-dss AAAAB3NzaC1kc3MAAACBAP",
    "-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----",
    "\u0000\u0001\u0002",
  ];
  for (const text of texts) {
    refuses(
      "InvalidKey.Format",
      () => imported(region, "bad", text),
      "Key is not in valid OpenSSH public key format",
    );
  }
  refuses(
    "MissingParameter",
    () => imported(region, "", `ssh-rsa ${RSA}`),
    "The request must contain the parameter KeyName",
  );
  assert.equal(region.reader().count("key-pair"), 0);
});

test("a name is taken once, found by name, id and filter, and free after deletion", () => {
  const region = newRegion();
  imported(region, "mine", `ssh-rsa ${RSA}`);
  refuses(
    "InvalidKeyPair.Duplicate",
    () => imported(region, "mine", `ssh-rsa ${RSA}`),
    "The keypair 'mine' already exists.",
  );
  imported(region, "other", `ssh-ed25519 ${ED25519}`);
  const KeyPairId = must(region.call(DescribeKeyPairs, { KeyNames: ["mine"] }).KeyPairs?.[0]?.KeyPairId);
  assert.deepEqual(
    region
      .call(DescribeKeyPairs, { Filters: [{ Name: "key-pair-id", Values: [KeyPairId] }] })
      .KeyPairs?.map(({ KeyName }) => KeyName),
    ["mine"],
  );
  refuses(
    "InvalidKeyPair.NotFound",
    () => region.call(DescribeKeyPairs, { KeyNames: ["none"] }),
    "The key pair 'none' does not exist",
  );
  assert.deepEqual(region.call(DeleteKeyPair, { KeyPairId }), { Return: true, KeyPairId });
  assert.deepEqual(region.call(DeleteKeyPair, { KeyName: "mine" }), { Return: true });
  refuses("InvalidKeyPair.NotFound", () => region.call(DescribeKeyPairs, { KeyNames: ["mine"] }));
  refuses("MissingParameter", () => region.call(DeleteKeyPair, {}));
});

test("a created key: the private key in the answer belongs to the public key that is kept", () => {
  const generateKeyPair = (type: "rsa" | "ed25519"): string => {
    const { privateKey } =
      type === "rsa" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ed25519");
    return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  };
  const region = newRegion({ generateKeyPair });
  const { KeyMaterial, KeyFingerprint } = region.call(CreateKeyPair, { KeyName: "rsa" });
  assert.match(
    must(KeyMaterial),
    /^-----BEGIN RSA PRIVATE KEY-----\n[\s\S]+\n-----END RSA PRIVATE KEY-----$/,
  );
  assert.match(must(KeyFingerprint), /^([0-9a-f]{2}:){19}[0-9a-f]{2}$/);
  const kept = must(region.call(DescribeKeyPairs, { IncludePublicKey: true }).KeyPairs?.[0]?.PublicKey);
  const spki = createPublicKey(createPrivateKey(must(KeyMaterial))).export({ type: "spki", format: "der" });
  assert.deepEqual(
    createPublicKey(jwkOf(must(kept.split(" ")[1]))).export({ type: "spki", format: "der" }),
    spki,
  );

  const curve = region.call(CreateKeyPair, { KeyName: "curve", KeyType: "ed25519" });
  assert.match(must(curve.KeyMaterial), /^-----BEGIN OPENSSH PRIVATE KEY-----\n/);
  // OpenSSH's form holds the public key itself, in its SSH form.
  const file = Buffer.from(must(curve.KeyMaterial).replaceAll(/-----[^-]+-----|\n/g, ""), "base64");
  const line = must(
    region.call(DescribeKeyPairs, { KeyNames: ["curve"], IncludePublicKey: true }).KeyPairs?.[0]?.PublicKey,
  );
  assert.ok(file.includes(Buffer.from(must(line.split(" ")[1]), "base64")));
  refuses("UnsupportedOperation", () => region.call(CreateKeyPair, { KeyName: "ppk", KeyFormat: "ppk" }));
  refuses("UnsupportedOperation", () => newRegion().call(CreateKeyPair, { KeyName: "x" }));
});
