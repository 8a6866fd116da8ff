/**
 * A region in a box: machines that are network namespaces of this one, each with a home and a control plane of
 * its own, as a real machine has them.
 *
 *   client ─▶ door (this process) ─▶ a machine's API ─▶ … ─▶ the machine that leads
 */

import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Installation, installationAt } from "../host/installation.ts";
import { ensureNamespaces } from "../host/namespaces.ts";
import { ended, readRecord, recordNames, signal } from "../host/processes.ts";
import { requireProgram } from "../host/programs.ts";
import { tearDown } from "../host/tear-down.ts";
import { CommandError } from "../lib/command-error.ts";
import { type BoxMachine, boxMachines } from "./box-plan.ts";
import { type Certificates, ensureCertificates } from "./certificates.ts";
import { type Door, openDoor } from "./door.ts";
import { startEtcd } from "./etcd.ts";
import { ensureBoxNetwork, networkBetween } from "./network.ts";
import { Steady } from "./steady.ts";
import { ensureUpstream, REGION_AS, ROUTER, ROUTER_AS, uplinkAddress } from "./upstream.ts";

export type BoxOptions = {
  /** The box's own home; it has credentials. Those of the machines are inside. */
  readonly home: string;
  readonly count: number;
  /** Where clients reach the region. */
  readonly host: string;
  readonly port: number;
  /** The options of `genkan up` that every machine gets. */
  readonly options: readonly string[];
  /** The command line's own file. */
  readonly main: string;
  readonly log: (message: string) => void;
};

export type Box = {
  readonly machines: readonly BoxMachine[];
  /** Ends the machines' control planes and etcd; instances run on, and packets flow. */
  readonly stop: () => Promise<void>;
};

/** @throws CommandError when a machine does not start */
export async function startBox(options: BoxOptions): Promise<Box> {
  const { home, host, port, log } = options;
  const machines = boxMachines(options.count);
  const installation = installationAt(home);
  mkdirSync(installation.records, { recursive: true, mode: 0o700 });
  await requireProgram("etcd", "etcd-server");
  await requireProgram("bird", "bird2");
  await endLeftOver(installation);
  requireSameCount(home, options.count);
  const networks = await ensureBoxNetwork(installation, machines);
  const tls = await ensureCertificates(
    join(home, "tls"),
    machines.map(({ address }) => address),
  );
  await ensureUpstream({
    installation,
    between: networkBetween(installation),
    machines: await Promise.all(
      machines.map(async (machine) => ({ ...machine, dp: await dataPlaneOf(home, machine) })),
    ),
  });
  const gateways = machines.filter(({ roles }) => roles.includes("gateway"));
  const placed = machines.map((machine, index): Placed => {
    const place = gateways.indexOf(machine);
    return {
      ...machine,
      network: networks[index] ?? "",
      uplink: place < 0 ? undefined : uplinkAddress(place),
    };
  });
  const etcd = await startEtcd({ installation, machines: placed, tls });
  const started: Steady[] = [];
  let door: Door | undefined;
  const stop = async (): Promise<void> => {
    await door?.close();
    await Promise.all(started.map((machine) => machine.stop()));
    await etcd.stop();
  };
  try {
    for (const machine of placed) {
      const own = homeOf(home, machine);
      copyFileSync(join(home, "credentials.json"), join(own, "credentials.json"));
      const argv = commandOf(machine, options, { endpoints: etcd.endpoints, tls });
      const record = join(installation.records, `${machine.name}.json`);
      const say = (line: string): void => log(`${machine.name}: ${line}`);
      started.push(new Steady({ argv, home: own, record, say }));
    }
    await Promise.all(started.map((machine) => machine.ready()));
    const doors = machines.map((machine) => doorOf(homeOf(home, machine)));
    door = await openDoor({ host, port, doors });
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { machines, stop };
}

/** The data plane's namespace, before the machine itself is started. */
async function dataPlaneOf(home: string, machine: BoxMachine): Promise<string> {
  const own = homeOf(home, machine);
  mkdirSync(own, { recursive: true, mode: 0o700 });
  const installation = installationAt(own);
  await ensureNamespaces(installation);
  return installation.namespaces.dp;
}

type Placed = BoxMachine & {
  /** The path of its network namespace. */
  readonly network: string;
  /** Of a gateway: where the router sends packets for it. */
  readonly uplink: string | undefined;
};

type Cluster = { readonly endpoints: readonly string[]; readonly tls: Certificates };

/** The words that start a machine's control plane in its network namespace. */
function commandOf(
  { name, address, roles, zones, network, uplink }: Placed,
  { main, options }: BoxOptions,
  { endpoints, tls }: Cluster,
): readonly string[] {
  return [
    ["nsenter", `--net=${network}`, "--", process.execPath, ...process.execArgv],
    [main, "up", "--no-host-link", "--machine-name", name, "--machine-address", address],
    ["--machine-roles", roles.join(","), ...zones.flatMap((zone) => ["--machine-zone", zone])],
    ["--etcd", endpoints.join(","), "--etcd-ca", tls.ca, "--etcd-cert", tls.cert, "--etcd-key", tls.key],
    uplink === undefined
      ? []
      : ["--bgp", `${ROUTER}=${ROUTER_AS}`, "--bgp-as", `${REGION_AS}`, "--bgp-next-hop", uplink],
    options,
  ].flat();
}

/** Roles, zones and links follow from the number of machines. @throws CommandError for another one than before */
function requireSameCount(home: string, count: number): void {
  const before = namesIn(join(home, "machines")).length;
  if (before > 0 && before !== count)
    throw new CommandError(
      `${home} has a region of ${before} machines: start it with --machines ${before}, or choose another folder: GENKAN_HOME=FOLDER`,
    );
}

const END_MILLISECONDS = 15_000;

/** Ends the control planes and members of etcd that a killed supervisor left. */
async function endLeftOver({ records }: Installation): Promise<void> {
  const names = recordNames(records).filter((name) => /^(etcd-)?machine-\d+$/.test(name));
  await Promise.all(
    names.map(async (name) => {
      const record = readRecord(records, name);
      if (!record) return;
      signal(record, "SIGTERM");
      // Alone: what it started, instances among them, lives on.
      if (!(await ended(record, END_MILLISECONDS))) signal(record, "SIGKILL");
      await ended(record, END_MILLISECONDS);
    }),
  );
}

function homeOf(home: string, { name }: BoxMachine): string {
  return join(home, "machines", name);
}

/** The socket at which a machine in another network namespace is reached. */
function doorOf(home: string): string {
  return join(home, "api.sock");
}

/** Removes all that the machines of the home have on this machine; their homes stay. */
export async function tearDownMachines(home: string): Promise<void> {
  // First: what decides would take the ends of instances for their own.
  await endLeftOver(installationAt(home));
  for (const name of namesIn(join(home, "machines"))) await tearDown(join(home, "machines", name));
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
