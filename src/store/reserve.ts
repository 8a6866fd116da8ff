import { closeSync, fstatSync, openSync } from "node:fs";
import { join } from "node:path";
import koffi from "koffi";

const fallocate =
  process.platform === "linux"
    ? koffi.load(null).func("int fallocate(int fd, int mode, int64_t offset, int64_t length)")
    : undefined;
const FALLOC_FL_KEEP_SIZE = 1;

/**
 * Enough for deleting and stopping things: a commit that changes a few records takes some tens of kilobytes.
 */
const RESERVED_BYTES = 1 << 20;

/**
 * Disk space reserved beyond the end of the data file (fallocate(2)), for changes that free space when others
 * have used up the rest. Only this file can use it. File systems that lack this have no reserve.
 */
export class Reserve {
  readonly #file: number;

  constructor(folder: string) {
    this.#file = openSync(join(folder, "data.mdb"), "r+");
  }

  /** Fills the reserve. @returns the system's error when there is no room for it */
  fill(): Error | undefined {
    if (
      !fallocate ||
      Number(fallocate(this.#file, FALLOC_FL_KEEP_SIZE, fstatSync(this.#file).size, RESERVED_BYTES)) === 0
    )
      return undefined;
    const code = koffi.errno();
    const { ENOSPC, EDQUOT } = koffi.os.errno;
    return code === ENOSPC || code === EDQUOT
      ? Object.assign(new Error("no space is left on the disk"), { code })
      : undefined;
  }

  close(): void {
    closeSync(this.#file);
  }
}
