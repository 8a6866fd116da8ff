/** `genkan join`: makes this machine's home one of a machine of a region that is there. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  ensureMembership,
  type Home,
  isAlive,
  readOwnRegion,
  readRunning,
  writeMembership,
} from "./home/home.ts";
import { VERSION } from "./home/version.ts";
import { requireProgram } from "./host/programs.ts";
import { askToJoin, type Door, type Found, findRegion } from "./join/ask.ts";
import { newKey, newRequest } from "./join/certificates.ts";
import { writeIdentity } from "./join/identity.ts";
import { requireEtcd } from "./join/own-etcd.ts";
import { isReached } from "./join/reach.ts";
import { formatToken, type Token } from "./join/token.ts";
import { CommandError } from "./lib/command-error.ts";
import type { MachineSettings, Settings } from "./start/settings.ts";

export type JoinSettings = Door & { readonly token: Token };

/** A region that this machine may ask to be let in. */
export type Approached = Found & { readonly door: JoinSettings };

const hello = () => ({ version: VERSION, time: Date.now() });

/** @throws CommandError when the home can't join a region, or the region is not there */
export async function approach(home: Home, door: JoinSettings): Promise<Approached> {
  const running = readRunning(home);
  if (readOwnRegion(home))
    throw new CommandError(
      `${home.folder} is a machine of a region already: ./genkan up takes part again, ./genkan leave takes it out.`,
    );
  if (running && isAlive(running))
    throw new CommandError(
      `Genkan is up in ${home.folder}: ./genkan down first, or choose another GENKAN_HOME`,
    );
  if (existsSync(join(home.folder, "state")))
    throw new CommandError(
      `${home.folder} has a state of its own, which the region would not have: choose another folder: GENKAN_HOME=FOLDER`,
    );
  return { ...(await findRegion(door, door.token, hello())), door };
}

type Machine = {
  readonly home: Home;
  readonly machine: MachineSettings;
  readonly packets: boolean;
  readonly etcd: Settings["etcd"];
};

/** What a machine needs to take part. @throws CommandError */
export async function requireMachine({ home, machine, packets, etcd }: Machine): Promise<void> {
  const region = readOwnRegion(home);
  if (region && etcd)
    throw new CommandError(
      `${home.folder} is a machine of a region that has an etcd of its own: leave --etcd out, or choose another GENKAN_HOME`,
    );
  if (packets) await requireProgram("bird", "bird2");
  await requireProgram("openssl", "openssl");
  // One that is in a region may have its member running.
  if (!etcd && !region && machine.roles.includes("control")) await requireEtcd(machine);
}

/** Has the region make this machine a certificate. @throws CommandError when it refuses */
export async function enter(home: Home, approached: Approached, machine: MachineSettings): Promise<void> {
  const { door } = approached;
  const key = newKey();
  const membership = ensureMembership(home);
  const { authority, certificate, endpoints } = await askToJoin(door, approached, {
    ...hello(),
    token: formatToken(door.token),
    request: await newRequest(key),
    address: machine.address,
    home: membership.home,
  });
  for (const endpoint of endpoints) {
    const { hostname: address, port } = new URL(endpoint);
    if (!(await isReached(address, Number(port))))
      throw new CommandError(
        `etcd at ${address}:${port} can't be reached from here: let TCP 2379 and 2380 pass between the region's machines`,
      );
  }
  writeIdentity(home.folder, { ca: authority, cert: certificate, key });
  writeMembership(home, { ...membership, region: { endpoints, machine } });
}
