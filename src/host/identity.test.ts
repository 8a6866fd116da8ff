import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate, verify } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openIdentity } from "./identity.ts";

const folder = mkdtempSync(join(tmpdir(), "genkan-identity-"));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const DOCUMENT = JSON.stringify(
  { instanceId: "i-0123456789abcdef0", region: "us-east-1", accountId: "123456789012" },
  null,
  2,
);

/** As AWS's user guide verifies PKCS #7, with OpenSSL: what was signed. @throws when it is not as signed. */
function verified(message: string, certificate: string): string {
  writeFileSync(at("pkcs7"), `-----BEGIN PKCS7-----\n${message}\n-----END PKCS7-----\n`);
  const argv = [
    "smime",
    "-verify",
    "-in",
    at("pkcs7"),
    "-inform",
    "PEM",
    "-certfile",
    certificate,
    "-noverify",
  ];
  return execFileSync("openssl", argv, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

test("documents are signed so that AWS's own commands verify them, by keys that stay", async () => {
  const identity = await openIdentity(at("identity"));
  const [dsa, rsa] = [at("identity/dsa.pem"), at("identity/rsa.pem")];
  assert.equal(verified(identity.pkcs7(DOCUMENT), dsa), DOCUMENT);
  assert.equal(verified(identity.rsa2048(DOCUMENT), rsa), DOCUMENT);
  const { publicKey } = new X509Certificate(readFileSync(rsa));
  const signature = Buffer.from(identity.signature(DOCUMENT), "base64");
  assert.equal(verify("sha256", Buffer.from(DOCUMENT), publicKey, signature), true);
  assert.equal(verify("sha256", Buffer.from(`${DOCUMENT} `), publicKey, signature), false);
  // Another's key, and a document that was changed.
  assert.throws(() => verified(identity.pkcs7(DOCUMENT), rsa));
  const message = Buffer.from(identity.rsa2048(DOCUMENT), "base64");
  message[message.indexOf("i-0123") + 2] = 0x39;
  assert.throws(() => verified(message.toString("base64"), rsa));
  const certificates = [readFileSync(dsa), readFileSync(rsa)];
  const again = await openIdentity(at("identity"));
  assert.deepEqual([readFileSync(dsa), readFileSync(rsa)], certificates);
  assert.equal(again.signature(DOCUMENT), identity.signature(DOCUMENT));
});

test("only their owner can read the private keys, and the certificates are self-signed", async () => {
  await openIdentity(at("identity"));
  for (const kind of ["dsa", "rsa"]) {
    assert.equal(statSync(at(`identity/${kind}.key`)).mode & 0o777, 0o600);
    const certificate = new X509Certificate(readFileSync(at(`identity/${kind}.pem`)));
    assert.equal(certificate.verify(certificate.publicKey), true);
    assert.match(certificate.subject, /CN=Genkan instance identity/);
    assert.deepEqual(
      [certificate.validFrom, certificate.validTo],
      ["Jan  1 00:00:00 2020 GMT", "Dec 31 23:59:59 2199 GMT"],
    );
  }
});
