import { randomBytes } from "node:crypto";
import { existsSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./command.ts";
import type { Installation } from "./installation.ts";

export type Room = { readonly total: number; readonly free: number };

const MEBIBYTE = 1 << 20;

/**
 * What instances must leave free on the disk with their files: for the state, the logs and everything else.
 */
function leastFree({ total }: Pick<Room, "total">): number {
  return Math.min(256 * MEBIBYTE, Math.floor(total / 16));
}

/**
 * An instance with at least so much is to blame for a full disk; when none has so much, instances are not the
 * reason.
 */
function leastToBlame({ total }: Pick<Room, "total">): number {
  return Math.min(256 * MEBIBYTE, Math.floor(total / 8));
}

function roomAt(path: string): Room {
  const { blocks, bfree, bsize } = statfsSync(path);
  return { total: blocks * bsize, free: bfree * bsize };
}

/** The instance with the largest files, when the disk is short of room and instances are the reason. */
export async function fillingDisk(
  installation: Installation,
  instanceIds: readonly string[],
  room = roomAt(installation.home),
): Promise<{ readonly id: string; readonly bytes: number } | undefined> {
  if (instanceIds.length === 0 || room.free >= leastFree(room)) return undefined;
  const folders = instanceIds.map((id) => join(installation.instances, id));
  // Files that vanish meanwhile make it end with an error: its output counts all the same.
  const script = 'du --summarize --one-file-system --block-size=1 --null -- "$@" 2>/dev/null || :';
  const printed = await run(["timeout", "20", "sh", "-c", script, "sh", ...folders]);
  const sizes = printed.split("\0").flatMap((line) => {
    const [bytes = "", path = ""] = line.split("\t");
    const id = path.slice(path.lastIndexOf("/") + 1);
    return id === "" ? [] : [{ id, bytes: Number(bytes) }];
  });
  const largest = sizes.toSorted((a, b) => b.bytes - a.bytes)[0];
  return largest && largest.bytes >= leastToBlame(room) ? largest : undefined;
}

/** Room for what a start writes into a home, such as which processes are up. */
const RESERVE_BYTES = MEBIBYTE;

/**
 * Keeps a file that can be deleted when instances have filled the disk. Its content is random, so that no
 * file system compresses it.
 */
export function keepReserve(home: string): void {
  const path = join(home, "reserve");
  try {
    if (!existsSync(path) && roomAt(home).free > 16 * RESERVE_BYTES)
      writeFileSync(path, randomBytes(RESERVE_BYTES), { mode: 0o600 });
  } catch {
    rmSync(path, { force: true }); // Somebody was faster. Another time.
  }
}

/** Deletes the reserve, when there is no other room. */
export function giveReserve(home: string): void {
  if (roomAt(home).free < RESERVE_BYTES) rmSync(join(home, "reserve"), { force: true });
}
