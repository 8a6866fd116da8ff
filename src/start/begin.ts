/**
 * The beginning of a start: nobody else starts or removes this home's Genkan meanwhile, and who wants to end
 * it finds it.
 */

import {
  type Home,
  isAlive,
  processStart,
  readRunning,
  readStarting,
  requireWritable,
  writeStarting,
} from "../home/home.ts";
import { giveReserve } from "../host/disk-watch.ts";
import { takeTurn } from "../host/turn.ts";
import { present } from "../lib/assert.ts";
import { CommandError } from "../lib/command-error.ts";

/** How long a tear-down may take. */
const TURN_MILLISECONDS = 60_000;

/**
 * Takes the home for this start. Returns what lets go of it. @throws CommandError when it is up, being
 * started, or can't be written to.
 */
export async function beginStart(home: Home): Promise<() => void> {
  refuseSecond(home);
  requireWritable(home);
  const starting = readStarting(home);
  if (starting && isAlive(starting))
    throw new CommandError(`Genkan is being started in ${home.folder} already (process ${starting.pid}).`);
  const giveBack = await takeTurn(home.folder, TURN_MILLISECONDS);
  if (!giveBack)
    throw new CommandError(
      `Another process is starting or removing Genkan in ${home.folder}. Try again when it is done.`,
    );
  // Whoever came first may be up by now.
  refuseSecond(home);
  giveReserve(home.folder);
  try {
    writeStarting(home, { pid: process.pid, startTime: present(processStart(process.pid), "this process") });
  } catch (cause) {
    // On a disk without room a start must be possible; whoever wants to end it waits for its turn then.
    if ((cause as NodeJS.ErrnoException).code !== "ENOSPC") throw cause;
  }
  return () => {
    writeStarting(home, undefined);
    giveBack();
  };
}

function refuseSecond(home: Home): void {
  const running = readRunning(home);
  if (running && isAlive(running)) {
    throw new CommandError(
      `Genkan is already up in ${home.folder} (process ${running.pid}, http://${running.host}:${running.port}).`,
    );
  }
}
