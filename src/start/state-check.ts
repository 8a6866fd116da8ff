/** Whether a start may open the state: it is there when it should be, and reading it ends no process. */

import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ending, start } from "../host/command.ts";
import { CommandError } from "../lib/command-error.ts";
import { StoreError } from "../store/store.ts";

/**
 * LMDB trusts its file: where pages are damaged an assertion of its own ends the process that reads them. So
 * another process reads the state first.
 * @throws CommandError when the state is gone and instances' files are there; StoreError `corrupt` with words
 * for the user.
 */
export async function requireSoundState(home: string): Promise<void> {
  const folder = join(home, "state");
  const file = join(folder, "data.mdb");
  const bytes = statSync(file, { throwIfNoEntry: false })?.size;
  if (!bytes) {
    refuseLoss(file, bytes === undefined ? "is missing" : "is empty", join(home, "instances"));
    return;
  }
  const main = join(import.meta.dirname, "state-check-main.js");
  const argv = ["sh", "-c", 'ulimit -c 0; exec "$@"', "sh", process.execPath, "--no-warnings", main, folder];
  const { status, said } = await ending(await start(argv, { stdio: ["ignore", "ignore", "pipe"] }));
  if (status === 0) return;
  // LMDB has words of its own before them.
  const last = said.split("\n").at(-1) ?? "";
  if (status === EXIT.refused) throw new StoreError("failed", last);
  if (status === EXIT.corrupt) throw new StoreError("corrupt", `${last}. ${MEND}`);
  throw new StoreError("corrupt", `${file} is damaged: whoever reads it ends with ${status}. ${MEND}`);
}

/** The exit status of the process that reads the state when it says why it can't. */
const EXIT = { corrupt: 3, refused: 4 } as const;
const MEND =
  "Put a copy of the file in its place from a time when it was whole; to begin anew, move the folder away.";

/** An empty state knows none of them: it would end the instances that are up, and remove their files. */
function refuseLoss(file: string, what: string, instances: string): void {
  const there = existsSync(instances) ? readdirSync(instances) : [];
  if (there.length === 0) return;
  throw new CommandError(
    `${file} ${what}, and there are files of ${there.length} instance${there.length === 1 ? "" : "s"} in ${instances}. ` +
      "Put the file back; or, to begin anew, run ./genkan down and move that folder away.",
  );
}
