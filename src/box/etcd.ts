/** The box's etcd: a member on each machine that may lead. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Installation } from "../host/installation.ts";
import { atPriority, PROMPT } from "../host/priority.ts";
import { memberCommand } from "../store/etcd-member.ts";
import type { BoxMachine } from "./box-plan.ts";
import type { Certificates } from "./certificates.ts";
import { Steady } from "./steady.ts";

type Options = {
  readonly installation: Installation;
  readonly machines: readonly (BoxMachine & { readonly network: string })[];
  readonly tls: Certificates;
};

export type BoxEtcd = {
  readonly endpoints: readonly string[];
  readonly stop: () => Promise<void>;
};

/** Does not wait for the members: each needs another one to answer. */
export async function startEtcd({ installation, machines, tls }: Options): Promise<BoxEtcd> {
  const control = machines.filter(({ roles }) => roles.includes("control"));
  const client = ({ address }: BoxMachine): string => `https://${address}:2379`;
  const peer = ({ address }: BoxMachine): string => `https://${address}:2380`;
  const cluster = control.map((machine) => `${machine.name}=${peer(machine)}`).join(",");
  const { ca, cert, key } = tls;
  const flags = [
    ["--cert-file", cert, "--key-file", key, "--trusted-ca-file", ca, "--client-cert-auth"],
    ["--peer-cert-file", cert, "--peer-key-file", key, "--peer-trusted-ca-file", ca],
    ["--peer-client-cert-auth"],
  ].flat();
  const members = control.map((machine) => {
    const folder = join(installation.home, "etcd", machine.name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const command = memberCommand({
      folder,
      name: machine.name,
      client: client(machine),
      peer: peer(machine),
      cluster,
      flags,
    });
    return new Steady({
      argv: [...atPriority(PROMPT), "nsenter", `--net=${machine.network}`, "--", ...command],
      home: folder,
      record: join(installation.records, `etcd-${machine.name}.json`),
      say: () => undefined,
    });
  });
  return {
    endpoints: control.map(client),
    stop: async () => {
      await Promise.all(members.map((member) => member.stop()));
    },
  };
}
