/** TLS between the machines of a box: one authority, and one certificate for all of them. */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../host/command.ts";

export type Certificates = { readonly ca: string; readonly cert: string; readonly key: string };

const DAYS = "3650";

/** The paths of the files; they are made when they are not there. */
export async function ensureCertificates(
  folder: string,
  addresses: readonly string[],
): Promise<Certificates> {
  const at = (name: string): string => join(folder, name);
  const files = { ca: at("ca.crt"), cert: at("machine.crt"), key: at("machine.key") };
  if (existsSync(files.cert)) return files;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await openssl([
    "req",
    "-x509",
    ...newKey,
    "-days",
    DAYS,
    "-subj",
    "/CN=genkan",
    "-keyout",
    at("ca.key"),
    "-out",
    files.ca,
  ]);
  const request = at("machine.csr");
  await openssl(["req", ...newKey, "-subj", "/CN=genkan-machine", "-keyout", files.key, "-out", request]);
  const names = ["127.0.0.1", ...addresses].map((address) => `IP:${address}`).join(",");
  writeFileSync(at("names"), `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`);
  const signed = at("machine.crt.new");
  const authority = ["-CA", files.ca, "-CAkey", at("ca.key"), "-CAcreateserial"];
  await openssl([
    "x509",
    "-req",
    "-in",
    request,
    ...authority,
    "-days",
    DAYS,
    "-extfile",
    at("names"),
    "-out",
    signed,
  ]);
  await run(["mv", signed, files.cert]);
  return files;
}

const openssl = (words: readonly string[]): Promise<string> => run(["openssl", ...words]);
