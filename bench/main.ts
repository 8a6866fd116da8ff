/** The benchmark: Genkan beside a bare cable, the kernel's router and connection-tracked NAT, in one run. See docs/performance.md. */
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openCrew } from "./crew.ts";
import { genkanPath } from "./genkan-path.ts";
import { kernelPaths } from "./kernel-paths.ts";
import { type Figures, MEASURES } from "./measures.ts";
import { seededOrder } from "./order.ts";
import type { Path } from "./path.ts";
import { POOL, benchRegion } from "./region.ts";
import { quantile } from "./row.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string" },
    only: { type: "string" },
    quick: { type: "boolean" },
    cpu: { type: "string" },
    inside: { type: "boolean" },
  },
});

/** Namespaces of its own without a way out, and an empty /run: nothing of it outlives it. */
const UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"];
const INSIDE = 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"';

async function isolated(): Promise<number> {
  const [program = "", ...args] = [
    ...UNSHARE,
    "sh",
    "-c",
    INSIDE,
    "sh",
    process.execPath,
    "--no-warnings",
    import.meta.filename,
    ...process.argv.slice(2),
    "--inside",
  ];
  const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` } });
  return new Promise((resolve, reject) => child.on("error", reject).on("close", (code) => resolve(code ?? 1)));
}

async function measure(): Promise<number> {
  const folder = mkdtempSync("/run/bench-");
  const region = benchRegion();
  const genkan = await genkanPath(join(folder, "home"), region, 24, "10.0.1.1");
  const kernel = await kernelPaths(join(folder, "ns"), {
    instance: region.privateIp,
    prefixLength: 24,
    router: "10.0.1.1",
    public: region.publicIp,
    pool: POOL,
  });
  const paths: readonly Path[] = [...kernel, genkan.path];
  const crew = openCrew(paths, Number(values.cpu ?? 1));
  const rounds = Number(values.rounds ?? 6);
  const chosen = MEASURES.filter(({ name }) => !values.only || values.only.split(",").includes(name));
  try {
    const order = seededOrder(1);
    const all: Record<string, Figures[]> = {};
    for (let round = 0; round < rounds; round += 1)
      for (const { name, run } of order.shuffled(chosen)) {
        for (const path of paths) await crew.run({ kind: "prove", path });
        const before = genkan.counts();
        const figures = await run(crew, order.shuffled(paths), { seed: round + 1, quick: values.quick ?? false });
        const after = genkan.counts();
        if (after.drops !== before.drops) throw new Error(`Genkan dropped during ${name}: ${after.dropped}`);
        (all[name] ??= []).push(figures);
        console.log(round, name, JSON.stringify(figures));
      }
    for (const [name, list] of Object.entries(all))
      for (const figure of Object.keys(list[0] ?? {}))
        for (const other of ["A", "B", "C"] as const) {
          const ratios = list.map((f) => (f[figure]?.G ?? Number.NaN) / (f[figure]?.[other] ?? Number.NaN));
          console.log(name, figure, `G ÷ ${other}`, [0.5, 0, 0.25, 0.75, 1].map((q) => quantile(ratios, q).toFixed(3)).join(" "));
        }
    return 0;
  } finally {
    crew.close();
    genkan.close();
  }
}

process.exitCode = await (values.inside ? measure() : isolated());
