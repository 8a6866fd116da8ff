/** The region's certificate authority, and its machines' certificates (openssl makes them). */

import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../host/command.ts";
import { requireProgram } from "../host/programs.ts";

/** PEM */
export type Authority = { readonly certificate: string; readonly key: string };

/** A certificate counts from a day ago: machines' clocks differ. */
const BEFORE_SECONDS = 24 * 60 * 60;
const YEARS = 20;

/** A key of a machine or an authority (PKCS #8, PEM). */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }) as string;
}

/** @throws CommandError when openssl is missing */
export async function newAuthority(now: Date): Promise<Authority> {
  const key = newKey();
  const certificate = await signed({
    request: await newRequest(key),
    extensions: ["basicConstraints = critical, CA:true", "keyUsage = critical, keyCertSign, cRLSign"],
    name: "genkan region",
    signer: { key },
    now,
  });
  return { certificate, key };
}

/** Asks for a certificate of the key: what it says of itself is not read. @throws CommandError */
export async function newRequest(key: string): Promise<string> {
  await requireProgram("openssl", "openssl");
  // openssl opens its input by name, which it can with a pipe, but not with the socket that it is here.
  return await run(["sh", "-c", "cat | openssl req -new -key /dev/stdin -subj /CN=genkan"], key);
}

/** A machine's certificate, for both ends of a connection. */
export function certify(
  authority: Authority,
  request: string,
  { addresses, now }: { readonly addresses: readonly string[]; readonly now: Date },
): Promise<string> {
  return signed({
    request,
    extensions: [
      "basicConstraints = critical, CA:false",
      "extendedKeyUsage = serverAuth, clientAuth",
      `subjectAltName = ${addresses.map((address) => `IP:${address}`).join(", ")}`,
    ],
    name: "genkan machine",
    signer: authority,
    now,
  });
}

type Signing = {
  readonly request: string;
  readonly extensions: readonly string[];
  readonly name: string;
  /** Without a certificate: the key is the request's own. */
  readonly signer: { readonly key: string; readonly certificate?: string };
  readonly now: Date;
};

async function signed({ request, extensions, name, signer, now }: Signing): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "genkan-sign-"));
  const at = (file: string): string => join(folder, file);
  try {
    writeFileSync(at("index"), "");
    writeFileSync(at("config"), configOf(folder, extensions));
    writeFileSync(at("request"), request);
    writeFileSync(at("key"), signer.key, { mode: 0o600 });
    if (signer.certificate !== undefined) writeFileSync(at("signer"), signer.certificate);
    const by = signer.certificate === undefined ? ["-selfsign"] : ["-cert", at("signer")];
    const from = new Date(now.getTime() - BEFORE_SECONDS * 1_000);
    const to = new Date(now);
    to.setUTCFullYear(now.getUTCFullYear() + YEARS);
    const times = ["-startdate", timeOf(from), "-enddate", timeOf(to)];
    const what = ["-in", at("request"), "-keyfile", at("key"), "-subj", `/CN=${name}`];
    return await run(
      ["openssl", "ca", "-batch", "-notext", "-config", at("config"), ...by, ...times, ...what].flat(),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function configOf(folder: string, extensions: readonly string[]): string {
  return [
    "[ca]",
    "default_ca = signing",
    "[signing]",
    `database = ${folder}/index`,
    `new_certs_dir = ${folder}`,
    "rand_serial = yes",
    "default_md = sha256",
    "policy = any",
    "unique_subject = no",
    "copy_extensions = none",
    "x509_extensions = extensions",
    "[any]",
    "commonName = supplied",
    "[extensions]",
    "subjectKeyIdentifier = hash",
    ...extensions,
    "",
  ].join("\n");
}

/** As ASN.1's GeneralizedTime has it. */
function timeOf(date: Date): string {
  return `${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`;
}
