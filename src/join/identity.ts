/** This machine's certificate and key, in the home. */

import { X509Certificate } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Identity } from "../fleet/peer-link.ts";

/** The paths of the files. */
export function filesOf(home: string): Readonly<Record<keyof Identity, string>> {
  const at = (name: string): string => join(home, "tls", name);
  return { ca: at("ca.crt"), cert: at("machine.crt"), key: at("machine.key") };
}

/** Undefined: the home has none. */
export function readIdentity(home: string): Identity | undefined {
  const { ca, cert, key } = filesOf(home);
  if (!existsSync(cert)) return undefined;
  const read = (path: string): string => readFileSync(path, "utf8");
  return { ca: read(ca), cert: read(cert), key: read(key) };
}

/** Readable only by its owner; the certificate comes last, and says that all is there. */
export function writeIdentity(home: string, identity: Identity): void {
  mkdirSync(join(home, "tls"), { recursive: true, mode: 0o700 });
  const files = filesOf(home);
  for (const name of ["ca", "key", "cert"] as const) {
    const draft = `${files[name]}.new`;
    writeFileSync(draft, identity[name], { mode: 0o600 });
    chmodSync(draft, 0o600);
    renameSync(draft, files[name]);
  }
}

/** Whether it is the authority's, and for a machine with this address. */
export function isFor({ ca, cert }: Identity, authority: string, address: string): boolean {
  const certificate = new X509Certificate(cert);
  return (
    ca === authority &&
    certificate.checkIssued(new X509Certificate(authority)) &&
    certificate.checkIP(address) !== undefined
  );
}
