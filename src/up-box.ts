/** Starts a region in a box: several machines, each a Genkan of its own, on this one. */

import { startBox } from "./box/box.ts";
import { ensureCredentials, type Home, processStart, writeRunning } from "./home/home.ts";
import { VERSION } from "./home/version.ts";
import { present } from "./lib/assert.ts";
import { beginStart } from "./start/begin.ts";
import { requireFreePort } from "./start/free-port.ts";
import type { Settings } from "./start/settings.ts";

export type UpBoxOptions = {
  readonly home: Home;
  readonly settings: Pick<Settings, "host" | "port">;
  readonly account: string | undefined;
  readonly region: string | undefined;
  readonly machines: number;
  /** The options of `genkan up` for every machine, as they were given. */
  readonly options: readonly string[];
  readonly print: (line: string) => void;
};

/** Returns when every machine is ready. */
export async function upBox(options: UpBoxOptions): Promise<{ readonly stop: () => Promise<void> }> {
  const { home, settings, print } = options;
  const begun = await beginStart(home);
  await requireFreePort(settings);
  ensureCredentials(home, options);
  const { machines, stop } = await startBox({
    home: home.folder,
    count: options.machines,
    host: settings.host,
    port: settings.port,
    options: options.options,
    main: process.argv[1] ?? "",
    log: (message) => print(`genkan: ${message}`),
  });
  writeRunning(home, {
    pid: process.pid,
    startTime: present(processStart(process.pid), "this process"),
    host: settings.host,
    port: settings.port,
    version: VERSION,
  });
  begun();
  for (const { name, address, roles, zones } of machines)
    print(`${name}  ${address}  ${roles.join(", ")}${zones.length > 0 ? ` (zones ${zones.join(" ")})` : ""}`);
  return { stop };
}
