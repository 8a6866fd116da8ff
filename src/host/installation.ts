import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { join } from "node:path";

/** The paths and names of one installation: under its home, and, while it is up, under `/run/genkan-<id>`. */
export type Installation = {
  /**
   * Six hexadecimal digits made of the home's path: they distinguish this installation's files, links and
   * groups from another's.
   */
  readonly id: string;
  readonly home: string;
  /**
   * Holds what the installation has on the machine, except the host link and the control groups: namespaces,
   * the bpffs, the records of processes.
   */
  readonly run: string;
  readonly namespaces: { readonly dp: string; readonly internet: string; readonly services: string };
  /** A bpffs. */
  readonly bpf: string;
  /** One file for each process that was started: its id and its start time. */
  readonly records: string;
  /** The filter of instances' system calls, see seccomp.ts. */
  readonly seccomp: string;
  /**
   * An empty folder where each instance's sandbox, in a mount namespace of its own, puts its root together.
   */
  readonly root: string;
  readonly instances: string;
  readonly logs: string;
  /** The link by which the machine itself is a host of the simulated internet. */
  readonly hostLink: string;
};

/** The installation whose home this folder is. The folder must exist. */
export function installationAt(home: string): Installation {
  const real = realpathSync(home);
  const id = createHash("sha256").update(real).digest("hex").slice(0, 6);
  const run = `/run/genkan-${id}`;
  return {
    id,
    home: real,
    run,
    namespaces: {
      dp: join(run, "ns/dp"),
      internet: join(run, "ns/internet"),
      services: join(run, "ns/services"),
    },
    bpf: join(run, "bpf"),
    records: join(run, "proc"),
    seccomp: join(run, "seccomp"),
    root: join(run, "root"),
    instances: join(real, "instances"),
    logs: join(real, "log"),
    hostLink: `genkan-${id}`,
  };
}

/** Addresses of the simulated internet, from the ranges for documentation (RFC 5737, RFC 3849). */
export const INTERNET_IPV4 = "198.51.100.1";
export const INTERNET_IPV6 = "2001:db8:ffff::1";
/** The machine itself, on the simulated internet. */
export const MACHINE_IPV4 = "198.51.100.2";
/** The metadata service and the VPC's resolver, as on AWS. */
export const METADATA_IPV4 = "169.254.169.254";
export const RESOLVER_IPV4 = "169.254.169.253";
export const METADATA_IPV6 = "fd00:ec2::254";
export const RESOLVER_IPV6 = "fd00:ec2::253";
/** The Amazon Time Sync Service. */
export const TIME_IPV4 = "169.254.169.123";
export const TIME_IPV6 = "fd00:ec2::123";
