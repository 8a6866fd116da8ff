/**
 * Says what is not in order in the state in a folder, a line each: `state-order-main.js FOLDER`. It writes
 * nothing there.
 */

import { violations } from "../model/invariants.ts";
import { openReadOnly } from "../store/read-only.ts";

const MOST_LINES = 20;

const [folder = ""] = process.argv.slice(2);
const view = openReadOnly(folder);
const found = violations(
  view.realms().map((realm) => ({ realm, reader: view.reader(realm.account, realm.region) })),
);
for (const words of found.slice(0, MOST_LINES)) console.error(words);
if (found.length > MOST_LINES) console.error(`and ${found.length - MOST_LINES} more`);
await view.close();
