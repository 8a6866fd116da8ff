import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { present } from "../../lib/assert.ts";
import type { KeyPair } from "../../model/key-pair.ts";

type KeyType = KeyPair["keyType"];

/** A public key in SSH's own form (RFC 4253 section 6.6, RFC 8709 section 4), and as the library knows it. */
export type PublicKey = { readonly keyType: KeyType; readonly blob: Buffer; readonly key: KeyObject };

/**
 * The public key in any form that EC2 imports: OpenSSH, SSH2 (RFC 4716), PEM, or the base64 of its DER form;
 * undefined when the text is none, or of another algorithm.
 */
export function parsePublicKey(text: string): PublicKey | undefined {
  try {
    const blob = sshBlob(text.trim());
    return blob ? publicKeyOf(keyOfBlob(blob)) : publicKeyOf(derKey(text.trim()));
  } catch {
    // The library refused it: not a key.
    return undefined;
  }
}

/** The key's line in `authorized_keys`. */
export function openSshLine({ keyType, blob }: PublicKey, comment: string): string {
  return `${SSH_NAMES[keyType]} ${blob.toString("base64")} ${comment}`;
}

/**
 * A public key's fingerprint as EC2 computes it for imported keys: MD5 over the DER form of an RSA key,
 * SHA-256 over the SSH form of an Ed25519 key (EC2 user guide, "Verify the fingerprint of your key pair").
 */
export function importedFingerprint(key: PublicKey): string {
  if (key.keyType === "ed25519") return createHash("sha256").update(key.blob).digest("base64");
  const der = key.key.export({ type: "spki", format: "der" });
  return colons(createHash("md5").update(der).digest("hex"));
}

export type PrivateKeyParts = {
  readonly publicKey: PublicKey;
  readonly fingerprint: string;
  readonly material: string;
};

/**
 * What EC2 answers for a key that it made itself: an RSA key in PKCS #1 with the SHA-1 of its PKCS #8 form,
 * an Ed25519 key in OpenSSH's form. `check` are eight hexadecimal digits, of any value.
 */
export function createdKey(pkcs8: string, check: string): PrivateKeyParts {
  const key = createPrivateKey(pkcs8);
  const publicKey = publicKeyOf(createPublicKey(key));
  if (publicKey.keyType === "ed25519") {
    return {
      publicKey,
      fingerprint: importedFingerprint(publicKey),
      material: openSshPrivateKey(key, publicKey, check),
    };
  }
  const der = key.export({ type: "pkcs8", format: "der" });
  const material = key.export({ type: "pkcs1", format: "pem" }).toString().trim();
  return { publicKey, fingerprint: colons(createHash("sha1").update(der).digest("hex")), material };
}

const SSH_NAMES = { rsa: "ssh-rsa", ed25519: "ssh-ed25519" } as const;

function colons(hex: string): string {
  return hex.match(/../g)?.join(":") ?? "";
}

/** The SSH form inside an OpenSSH line or an SSH2 file; undefined when the text is neither. */
function sshBlob(text: string): Buffer | undefined {
  const [, name, body] = /^(ssh-rsa|ssh-ed25519)[ \t]+([A-Za-z0-9+/]+=*)(?:[ \t].*)?$/.exec(text) ?? [];
  if (name !== undefined && body !== undefined) {
    const blob = Buffer.from(body, "base64");
    if (sshStrings(blob)[0]?.toString() !== name) throw new Error("the line's name is not the key's");
    return blob;
  }
  const file = /^---- BEGIN SSH2 PUBLIC KEY ----\r?\n([\s\S]*)\r?\n---- END SSH2 PUBLIC KEY ----$/.exec(text);
  if (file?.[1] === undefined) return undefined;
  // Header lines have a colon and may go on, after a backslash, on the next line.
  const lines = file[1].replaceAll(/^[^\n]*:(?:[^\n]*\\\r?\n)*[^\n]*\r?\n/gm, "");
  return Buffer.from(lines.replaceAll(/\s/g, ""), "base64");
}

function derKey(text: string): KeyObject {
  if (text.startsWith("-----BEGIN")) return createPublicKey(text);
  return createPublicKey({
    key: Buffer.from(text.replaceAll(/\s/g, ""), "base64"),
    format: "der",
    type: "spki",
  });
}

function publicKeyOf(key: KeyObject): PublicKey {
  const jwk = key.export({ format: "jwk" });
  if (jwk.kty === "RSA") {
    const [e, n] = [bytes(jwk.e), bytes(jwk.n)];
    return {
      keyType: "rsa",
      key,
      blob: Buffer.concat([Buffer.from("ssh-rsa"), positive(e), positive(n)].map(sshString)),
    };
  }
  if (jwk.crv !== "Ed25519") throw new Error(`no SSH key of the kind ${jwk.kty}`);
  return {
    keyType: "ed25519",
    key,
    blob: Buffer.concat([Buffer.from("ssh-ed25519"), bytes(jwk.x)].map(sshString)),
  };
}

function keyOfBlob(blob: Buffer): KeyObject {
  const [name, first, second, ...rest] = sshStrings(blob);
  const text = (part: Buffer | undefined): string => present(part, "a part of the key").toString("base64url");
  if (rest.length > 0) throw new Error("the key is too long");
  if (name?.toString() === "ssh-rsa") {
    // A leading zero byte keeps the numbers positive (RFC 4251 section 5); JWK has none.
    const jwk = { kty: "RSA", e: text(first && unsigned(first)), n: text(second && unsigned(second)) };
    return createPublicKey({ format: "jwk", key: jwk });
  }
  if (name?.toString() !== "ssh-ed25519" || second) throw new Error("no such kind of key");
  return createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x: text(first) } });
}

/** OpenSSH's PROTOCOL.key, without a passphrase. */
function openSshPrivateKey(key: KeyObject, { blob }: PublicKey, check: string): string {
  const jwk = key.export({ format: "jwk" });
  const open = bytes(jwk.x);
  const secret = Buffer.concat([
    Buffer.from(check + check, "hex"),
    ...[Buffer.from("ssh-ed25519"), open, Buffer.concat([bytes(jwk.d), open]), Buffer.alloc(0)].map(
      sshString,
    ),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const none = sshString(Buffer.from("none"));
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    none,
    none,
    sshString(Buffer.alloc(0)),
    Buffer.from([0, 0, 0, 1]),
    sshString(blob),
    sshString(Buffer.concat([secret, padding])),
  ]);
  const lines = file.toString("base64").match(/.{1,70}/g) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----"].join("\n");
}

function bytes(text: string | undefined): Buffer {
  return Buffer.from(present(text, "a part of the key"), "base64url");
}

/** RFC 4251 section 5: length in four bytes, then the bytes. */
function sshString(content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

function sshStrings(blob: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < blob.length;) {
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) throw new Error("the key is cut off");
    parts.push(blob.subarray(at + 4, end));
    at = end;
  }
  return parts;
}

function positive(number: Buffer): Buffer {
  return (number[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), number]) : number;
}

function unsigned(number: Buffer): Buffer {
  return number[0] === 0 ? number.subarray(1) : number;
}
