/** TLS between etcd's members in a box: one authority, and one certificate for all of them. */

import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { certify, newAuthority, newKey, newRequest } from "../join/certificates.ts";

export type Certificates = { readonly ca: string; readonly cert: string; readonly key: string };

/** The paths of the files; they are made when they are not there. */
export async function ensureCertificates(
  folder: string,
  addresses: readonly string[],
): Promise<Certificates> {
  const at = (name: string): string => join(folder, name);
  const files = { ca: at("ca.crt"), cert: at("machine.crt"), key: at("machine.key") };
  if (existsSync(files.cert)) return files;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const now = new Date();
  const authority = await newAuthority(now);
  const key = newKey();
  const names = { addresses: ["127.0.0.1", ...addresses], now };
  const cert = await certify(authority, await newRequest(key), names);
  writeFileSync(files.ca, authority.certificate);
  writeFileSync(files.key, key, { mode: 0o600 });
  writeFileSync(`${files.cert}.new`, cert);
  renameSync(`${files.cert}.new`, files.cert);
  return files;
}
