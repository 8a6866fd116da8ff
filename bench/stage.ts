import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { succeeds } from "../src/host/command.ts";
import { type Crew, openCrew } from "./crew.ts";
import { type GenkanPath, genkanPath } from "./genkan-path.ts";
import { bridgesAreFiltered, kernelPaths } from "./kernel-paths.ts";
import type { Path } from "./path.ts";
import { netkitPath, redirectPath } from "./redirect-path.ts";
import { benchRegion, POOL } from "./region.ts";

/**
 * All paths, side by side, and those who make traffic on them. Made anew for each round: where things lie in
 * memory is a matter of luck.
 */
export type Stage = {
  readonly crew: Crew;
  readonly paths: readonly Path[];
  readonly genkan: GenkanPath;
  /** What was found of this machine that bears on the figures. */
  readonly notes: readonly string[];
  readonly close: () => Promise<void>;
};

/** `cpu`: the processor on which everything happens. */
export async function openStage(cpu: number): Promise<Stage> {
  const folder = mkdtempSync("/run/genkan-bench-");
  const namespaces = join(folder, "ns");
  const region = benchRegion();
  const addresses = {
    instance: region.privateIp,
    prefixLength: 24,
    router: "10.0.1.1",
    public: region.publicIp,
    pool: POOL,
    ipv6: region.ipv6,
  };
  const genkan = await genkanPath(join(folder, "home"), region, addresses.prefixLength, addresses.router);
  const redirects = [await redirectPath(namespaces, addresses), await netkitPath(namespaces, addresses)];
  const paths = [
    ...(await kernelPaths(namespaces, addresses)),
    ...redirects.filter((path) => path !== undefined),
    ...genkan.paths,
  ];
  const filtered = await bridgesAreFiltered(namespaces);
  const crew = openCrew(paths, cpu);
  return {
    crew,
    paths,
    genkan,
    notes: [
      `Genkan's programs are attached by ${genkan.attachedBy}.`,
      `Path C: bridged packets ${filtered ? "go" : "do not go"} by netfilter's hooks (br_netfilter ${filtered ? "is on" : "is not there"}).`,
    ],
    close: async () => {
      crew.close();
      await genkan.close();
      // What stays behind when this fails ends with the benchmark's own namespaces.
      await succeeds(["sh", "-c", `umount "$1"/*; rm -r "$1"`, "sh", namespaces]);
    },
  };
}
