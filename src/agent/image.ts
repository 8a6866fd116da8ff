/** The compiled tables in the state's image: what a start takes from them, and when a new image is made. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { type PackedPlan, packedRows, packPlan, patchedPlan } from "../contract/packed-plan.ts";
import { poolsOf } from "../contract/pool.ts";
import { type TableName, TABLES } from "../contract/tables.ts";
import { ending, start } from "../host/command.ts";
import { present } from "../lib/assert.ts";
import { readerOf, type World } from "../model/world.ts";
import { planDelta, resourceRows } from "../plan/compile.ts";
import { type PlanSettings, settingsRow } from "../plan/settings.ts";
import type { EmbeddedStore, LoadedImage } from "../store/embedded.ts";
import type { Addition } from "../store/image-writer.ts";

type Log = (message: string, cause?: unknown) => void;

const NAMES = Object.keys(TABLES) as readonly TableName[];

/**
 * All tables for the state: from the image and the changes since, when the image has them; else compiled
 * anew.
 */
export function startPlan(
  world: World,
  image: LoadedImage | undefined,
  settings: PlanSettings,
  log: Log = () => undefined,
): PackedPlan {
  const plan = image && compiledPlan(image, settings, log);
  if (!image || !plan)
    return packPlan([settingsRow(settings), ...resourceRows(world.regions.values(), settings.pools)]);
  const pools = poolsOf(settings.pools);
  return image.since.reduce(
    (patched, { account, region, changes }) =>
      patchedPlan(patched, planDelta(readerOf(world, account, region), changes, pools)),
    patchedPlan(plan, { puts: [settingsRow(settings)], removals: [] }),
  );
}

/** Undefined when the image's tables come from other code or other pools, or are damaged. */
function compiledPlan(image: LoadedImage, { pools }: PlanSettings, log: Log): PackedPlan | undefined {
  if (image.label !== tablesLabel(pools)) return undefined;
  const part = (name: TableName, which: string): Uint8Array =>
    present(image.section(`${name}/${which}`), `the image's ${name}`);
  try {
    return Object.fromEntries(
      NAMES.map((name) => [name, packedRows(name, part(name, "keys"), part(name, "values"))]),
    ) as PackedPlan;
  } catch (cause) {
    log("the state's image is damaged; the tables are compiled anew", cause);
    return undefined;
  }
}

/** What an image holds besides the state: its compiled tables, without the settings' row. */
export function compiledTables(pools: readonly string[]): Addition {
  return {
    label: tablesLabel(pools),
    *sections(image) {
      const plan = packPlan(resourceRows(image.world().regions.values(), pools));
      for (const name of NAMES) {
        yield [`${name}/keys`, plan[name].keys];
        yield [`${name}/values`, plan[name].values];
      }
    },
  };
}

/** What the compiled tables depend on besides the state: the pools, and the compiling code itself. */
function tablesLabel(pools: readonly string[]): string {
  const hash = createHash("sha256").update(JSON.stringify(pools));
  for (const room of ["lib", "model", "contract", "plan"]) {
    const folder = join(import.meta.dirname, "..", room);
    for (const file of readdirSync(folder).toSorted())
      if (isCode(file)) hash.update(`\n${file}\n`).update(readFileSync(join(folder, file)));
  }
  return hash.digest("hex");
}

function isCode(file: string): boolean {
  return file.endsWith(".js") && !file.endsWith(".test.js") && !file.startsWith("test-");
}

type Keeping = {
  readonly store: Pick<EmbeddedStore, "imageDue" | "imageMade">;
  /** The store's folder. */
  readonly folder: string;
  readonly pools: readonly string[];
  readonly log: (message: string, cause?: unknown) => void;
};

const LOOK_MILLISECONDS = 5_000;
/** The pause after making an image, as a multiple of the time that making it took. */
const REST = 10;
const LOW_PRIORITY = 15;

/** Makes a new image whenever one is due, in a separate process. Returns a function that stops this. */
export function keepImages({ store, folder, pools, log }: Keeping): () => void {
  let busy: AbortController | undefined;
  let rest = 0;
  const make = async ({ signal }: AbortController): Promise<void> => {
    const argv = [
      process.execPath,
      "--no-warnings",
      join(import.meta.dirname, "image-main.js"),
      folder,
      ...pools,
    ];
    const child = await start(argv, { stdio: ["ignore", "ignore", "pipe"], signal });
    if (child.pid !== undefined) setPriority(child.pid, LOW_PRIORITY);
    const { status, said } = await ending(child);
    if (status === 0) store.imageMade();
    else if (!signal.aborted) throw new Error(said || `it ended with ${status}`);
  };
  const timer = setInterval(() => {
    if (busy || performance.now() < rest || !store.imageDue()) return;
    const started = performance.now();
    busy = new AbortController();
    void make(busy)
      .catch((cause: unknown) =>
        log("the state's image could not be made; the next start takes longer", cause),
      )
      .finally(() => {
        busy = undefined;
        rest = performance.now() + (performance.now() - started) * REST;
      });
  }, LOOK_MILLISECONDS);
  return () => {
    clearInterval(timer);
    busy?.abort();
  };
}
