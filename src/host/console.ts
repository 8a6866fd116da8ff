import {
  chownSync,
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Installation } from "./installation.ts";

/** How much of an instance's console output is kept (EC2 API, GetConsoleOutput: "the most recent 64 KB"). */
const CONSOLE_BYTES = 65_536;
/** A console may grow to this before it is cut back. */
const CONSOLE_LIMIT = 4 * CONSOLE_BYTES;

/**
 * An instance may hold a lease on a file that its root owns; opening that file then takes 45 seconds
 * (fcntl(2), F_SETLEASE). So the machine's root owns the console, and nothing here waits for a file that an
 * instance has open.
 */
const UNDELAYED = constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * Opens the console for the instance to write to. It opens the file again by way of /dev/stdout and
 * /dev/console, as the group that is its root's.
 * @returns the file, to be closed by the caller
 */
export function openConsole(installation: Installation, instanceId: string, group: number): number {
  const path = pathOf(installation, instanceId);
  const file = openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | UNDELAYED, 0o600);
  chownSync(path, 0, group);
  chmodSync(path, 0o660);
  return file;
}

/** The instance's latest output, or undefined when it never ran or is gone. */
export function readConsole(installation: Installation, instanceId: string): string | undefined {
  return withConsole(installation, instanceId, constants.O_RDONLY, (file, size) =>
    tail(file, size).toString("utf8"),
  );
}

/** Cuts a console that has grown long. A line printed at the same moment may be lost. */
export function trimConsole(installation: Installation, instanceId: string): void {
  withConsole(installation, instanceId, constants.O_RDWR, (file, size) => {
    if (size <= CONSOLE_LIMIT) return;
    const kept = tail(file, size);
    ftruncateSync(file, 0);
    writeSync(file, kept, 0, kept.length, 0);
  });
}

function withConsole<T>(
  installation: Installation,
  instanceId: string,
  flags: number,
  body: (file: number, size: bigint) => T,
): T | undefined {
  let file: number;
  try {
    file = openSync(pathOf(installation, instanceId), flags | UNDELAYED);
  } catch {
    return undefined;
  }
  try {
    return body(file, fstatSync(file, { bigint: true }).size);
  } finally {
    closeSync(file);
  }
}

/**
 * The instance may make the file as long as its file system allows, so a size may not fit a JavaScript
 * number.
 */
function tail(file: number, size: bigint): Buffer {
  const kept = Buffer.alloc(Number(size < CONSOLE_BYTES ? size : BigInt(CONSOLE_BYTES)));
  return kept.subarray(0, readSync(file, kept, 0, kept.length, size - BigInt(kept.length)));
}

function pathOf(installation: Installation, instanceId: string): string {
  return join(installation.instances, instanceId, "console.log");
}
