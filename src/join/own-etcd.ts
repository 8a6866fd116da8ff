/** This machine's member of the region's etcd: a process that outlives the control plane. */

import { closeSync, existsSync, mkdirSync, openSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { CLEAN_ENVIRONMENT, start } from "../host/command.ts";
import { disinherit } from "../host/inheritance.ts";
import type { Installation } from "../host/installation.ts";
import { atPriority, ofSession, PROMPT } from "../host/priority.ts";
import { ended, isAlive, readRecord, RECORD_SELF, signal } from "../host/processes.ts";
import { requireProgram } from "../host/programs.ts";
import { CommandError } from "../lib/command-error.ts";
import { memberCommand } from "../store/etcd-member.ts";
import { filesOf } from "./identity.ts";

const NAME = "etcd";
const CLIENT_PORT = 2379;
const PEER_PORT = 2380;
const END_MILLISECONDS = 10_000;

export function clientUrl(address: string): string {
  return `https://${address}:${CLIENT_PORT}`;
}

export function peerUrl(address: string): string {
  return `https://${address}:${PEER_PORT}`;
}

/** The address in a URL of a member. */
export function addressOf(url: string): string {
  return new URL(url).hostname;
}

export type OwnEtcd = {
  readonly installation: Installation;
  /** This machine's, on the network between the machines. */
  readonly address: string;
};

/** Whether this machine's member has data: it was started once, and not removed since. */
export function hasData({ installation }: OwnEtcd): boolean {
  // Without its log, which comes in one step, a member would begin a cluster.
  return existsSync(join(folderOf(installation), "member/wal"));
}

export function isRunning({ installation }: OwnEtcd): boolean {
  const record = readRecord(installation.records, NAME);
  return record !== undefined && isAlive(record);
}

/** @throws CommandError when etcd is not installed, or something else has its ports */
export async function requireEtcd({ address }: Pick<OwnEtcd, "address">): Promise<void> {
  await requireProgram("etcd", "etcd-server");
  for (const port of [CLIENT_PORT, PEER_PORT]) await requirePort(address, port);
}

function requirePort(address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (cause: NodeJS.ErrnoException) => reject(portError(cause, address, port)));
    probe.listen(port, address, () => probe.close(() => resolve()));
  });
}

function portError(cause: NodeJS.ErrnoException, address: string, port: number): Error {
  if (cause.code === "EADDRINUSE")
    return new CommandError(
      `TCP port ${port} of ${address}, which Genkan's etcd needs, is in use by another program: end that (ss -ltnp | grep ${port})`,
    );
  if (cause.code === "EADDRNOTAVAIL")
    return new CommandError(`--machine-address ${address} is no address of this machine.`);
  return cause;
}

/**
 * Starts the member, unless it runs.
 * @param others - peer addresses of the cluster's other members; none: it begins a cluster. They count only
 * at its first start
 */
export async function startMember(
  { installation, address }: OwnEtcd,
  others: readonly string[],
): Promise<void> {
  if (isRunning({ installation, address })) return;
  for (const folder of [installation.logs, installation.records, folderOf(installation)])
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  const log = openSync(join(installation.logs, `${NAME}.log`), "a", 0o600);
  disinherit();
  const child = await start(
    [
      atPriority(PROMPT),
      ["sh", "-ec", `${RECORD_SELF}\nrecord "$1"; shift\n${ofSession(PROMPT)}\nexec "$@"`, "sh"],
      [join(installation.records, `${NAME}.json`)],
      commandOf({ installation, address }, others),
    ].flat(),
    { detached: true, cwd: "/", stdio: ["ignore", log, log], env: CLEAN_ENVIRONMENT },
  ).finally(() => closeSync(log));
  child.unref();
}

function commandOf({ installation, address }: OwnEtcd, others: readonly string[]): readonly string[] {
  const { ca, cert, key } = filesOf(installation.home);
  const all = [address, ...others.map(addressOf)];
  return memberCommand({
    folder: folderOf(installation),
    name: address,
    client: clientUrl(address),
    peer: peerUrl(address),
    cluster: all.map((one) => `${one}=${peerUrl(one)}`).join(","),
    flags: [
      ["--initial-cluster-state", others.length > 0 ? "existing" : "new"],
      ["--cert-file", cert, "--key-file", key, "--trusted-ca-file", ca, "--client-cert-auth"],
      ["--peer-cert-file", cert, "--peer-key-file", key, "--peer-trusted-ca-file", ca],
      ["--peer-client-cert-auth"],
    ].flat(),
  });
}

/** Ends the member in order. */
export async function stopMember({ installation }: Pick<OwnEtcd, "installation">): Promise<void> {
  const record = readRecord(installation.records, NAME);
  if (!record || !isAlive(record)) return;
  signal(record, "SIGTERM");
  if (!(await ended(record, END_MILLISECONDS))) signal(record, "SIGKILL");
  await ended(record, END_MILLISECONDS);
}

/** Forgets what a member that the cluster has removed knew. */
export function removeData({ installation }: Pick<OwnEtcd, "installation">): void {
  rmSync(folderOf(installation), { recursive: true, force: true });
}

function folderOf({ home }: Pick<Installation, "home">): string {
  return join(home, NAME);
}
