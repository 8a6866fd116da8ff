/** A control plane that is going to be killed, see test-kit.ts. */

import { openHost } from "./host.ts";
import { ensureNamespaces } from "./namespaces.ts";
import { example, type Moment, POOL } from "./test-kit.ts";

const [home = "", number = "", moment = "up"] = process.argv.slice(2) as [string?, string?, Moment?];
const stay = (said: string): Promise<void> => {
  process.stdout.write(`${said}\n`);
  setInterval(() => undefined, 1 << 30);
  return new Promise(() => undefined);
};
const host = openHost({
  home,
  pools: [POOL],
  hostLink: true,
  // In the middle of a boot: the sandbox and its link are there, the instance waits for its go.
  attach: () => (moment === "booting" ? stay("booting") : undefined),
  log: () => undefined,
});
if (moment === "starting") {
  await ensureNamespaces(host.installation);
  await stay("starting");
}
await host.up();
const spec = example(Number(number));
await host.boot(spec);
await stay(String(host.pidOf(spec.id)));
