import {
  createPrivateKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { bits, integer, NULL, objectId, octets, sequence, set, tagged, text, time } from "./der.ts";

/**
 * Signs instance identity documents (EC2 user guide, "Instance identity documents") as AWS does: with a DSA
 * key for `pkcs7`, and an RSA key for `rsa2048` and `signature`. Each home makes its own keys once; their
 * certificates lie beside them, for verifying.
 */
export type Identity = { readonly [Name in "pkcs7" | "rsa2048" | "signature"]: (document: string) => string };

const KINDS = ["dsa", "rsa"] as const;
type KeyKind = (typeof KINDS)[number];
type Signer = { readonly kind: KeyKind; readonly key: KeyObject; readonly certificate: X509Certificate };

const SHA256 = sequence(objectId("2.16.840.1.101.3.4.2.1"), NULL);
/** Signature algorithms as a certificate names them, and as a signed message does (RFC 5912). */
const ALGORITHMS: Readonly<Record<KeyKind, { readonly certificate: Buffer; readonly message: Buffer }>> = {
  dsa: {
    certificate: sequence(objectId("2.16.840.1.101.3.4.3.2")),
    message: sequence(objectId("2.16.840.1.101.3.4.3.2")),
  },
  rsa: {
    certificate: sequence(objectId("1.2.840.113549.1.1.11"), NULL),
    message: sequence(objectId("1.2.840.113549.1.1.1"), NULL),
  },
};

/** The identity kept in a home's folder: read, or made when there is none yet. */
export async function openIdentity(folder: string): Promise<Identity> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [dsa, rsa] = await Promise.all([signerIn(folder, "dsa"), signerIn(folder, "rsa")]);
  return {
    pkcs7: (document) => lines(signedMessage(dsa, document), 64),
    rsa2048: (document) => lines(signedMessage(rsa, document), 64),
    signature: (document) => lines(sign("sha256", Buffer.from(document), rsa.key), 76),
  };
}

async function signerIn(folder: string, kind: KeyKind): Promise<Signer> {
  const files = { key: join(folder, `${kind}.key`), certificate: join(folder, `${kind}.pem`) };
  if (!existsSync(files.certificate)) await makeSigner(kind, files);
  return {
    kind,
    key: createPrivateKey(readFileSync(files.key)),
    certificate: new X509Certificate(readFileSync(files.certificate)),
  };
}

/** Replaces a file as a whole. The certificate is written last: where it is, the key is too. */
function keep(path: string, content: string, mode: number): void {
  writeFileSync(`${path}.new`, content, { mode });
  chmodSync(`${path}.new`, mode);
  renameSync(`${path}.new`, path);
}

async function makeSigner(
  kind: KeyKind,
  files: { readonly key: string; readonly certificate: string },
): Promise<void> {
  const { publicKey, privateKey } =
    kind === "dsa"
      ? await promisify(generateKeyPair)("dsa", { modulusLength: 1024, divisorLength: 160 })
      : await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  keep(files.key, privateKey.export({ type: "pkcs8", format: "pem" }).toString(), 0o600);
  keep(files.certificate, pem("CERTIFICATE", selfSigned(kind, publicKey, privateKey)), 0o644);
}

/** Long before the first instance, and long after the last. */
const VALID = [new Date("2020-01-01T00:00:00Z"), new Date("2199-12-31T23:59:59Z")] as const;
const NAME = sequence(
  ...[
    ["2.5.4.10", "Genkan"],
    ["2.5.4.3", "Genkan instance identity"],
  ].map(([type = "", value = ""]) => set(sequence(objectId(type), text(value)))),
);

/** A certificate that says only whose key it is (RFC 5280, section 4.1, version 1). */
function selfSigned(kind: KeyKind, publicKey: KeyObject, privateKey: KeyObject): Buffer {
  const serial = integer(Buffer.concat([Buffer.of(1), randomBytes(8)]));
  const validity = sequence(...VALID.map(time));
  const spki = publicKey.export({ type: "spki", format: "der" });
  const toSign = sequence(serial, ALGORITHMS[kind].certificate, NAME, validity, NAME, spki);
  return sequence(toSign, ALGORITHMS[kind].certificate, bits(sign("sha256", toSign, privateKey)));
}

/**
 * PKCS #7's signed data, which contains the document but not the certificate: the reader must have that from
 * elsewhere (RFC 2315, section 9).
 */
function signedMessage({ kind, key, certificate }: Signer, document: string): Buffer {
  const content = Buffer.from(document);
  const issuerAndSerial = sequence(NAME, integer(Buffer.from(certificate.serialNumber, "hex")));
  const signature = octets(sign("sha256", content, key));
  const signer = sequence(
    integer(Buffer.of(1)),
    issuerAndSerial,
    SHA256,
    ALGORITHMS[kind].message,
    signature,
  );
  const data = sequence(objectId("1.2.840.113549.1.7.1"), tagged(0, octets(content)));
  const signed = sequence(integer(Buffer.of(1)), set(SHA256), data, set(signer));
  return sequence(objectId("1.2.840.113549.1.7.2"), tagged(0, signed));
}

function pem(label: string, bytes: Buffer): string {
  return `-----BEGIN ${label}-----\n${lines(bytes, 64)}\n-----END ${label}-----\n`;
}

function lines(bytes: Buffer, width: number): string {
  return bytes.toString("base64").replaceAll(new RegExp(`.{${width}}(?=.)`, "g"), "$&\n");
}
