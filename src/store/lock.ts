import {
  closeSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  writeSync,
} from "node:fs";
import { join, sep } from "node:path";
import koffi from "koffi";
import { StoreError } from "./store.ts";

const libc = koffi.load(null);
const flock = libc.func("int flock(int fd, int operation)");
const LOCK_EX_NB = 2 | 4;

/**
 * Takes the right to write to the store in this folder, or to something else beside it. It lasts until the
 * returned function is called or the process ends in any way (flock(2): the kernel releases it).
 * @throws StoreError `locked`, with the process that holds it.
 */
export function lockForWriting(folder: string, name = "writer.lock"): () => void {
  const path = join(folder, name);
  const fd = openSync(path, "a+", 0o600);
  if (!lockFile(fd, path)) {
    closeSync(fd);
    const holder = readFileSync(path, "utf8").trim();
    throw new StoreError(
      "locked",
      `${folder} is in use by ${holder === "" ? "another process" : `process ${holder}`}`,
    );
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  return () => closeSync(fd);
}

/**
 * Locks an open file or folder; false when somebody else holds the lock. @throws StoreError `broken` when
 * that can't be found out.
 */
export function lockFile(fd: number, path: string): boolean {
  if (Number(flock(fd, LOCK_EX_NB)) === 0) return true;
  const errno = koffi.errno();
  if (errno === koffi.os.errno["EWOULDBLOCK"] || errno === koffi.os.errno["EAGAIN"]) return false;
  throw new StoreError("broken", `${path} can't be locked`, { cause: new Error(`flock: errno ${errno}`) });
}

const F_SETFD = 2;
const FD_CLOEXEC = 1;

/**
 * Keeps programs that this process starts from inheriting the store's open files: LMDB opens its data without
 * O_CLOEXEC, and an instance that inherited them could write to the state.
 */
export function closeOnExec(folder: string): void {
  if (process.platform !== "linux") return;
  const fcntl = libc.func("int fcntl(int fd, int command, ...)");
  const inside = realpathSync(folder) + sep;
  for (const name of readdirSync("/proc/self/fd")) {
    let target = "";
    try {
      target = readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      // The folder's own descriptor, closed by now.
    }
    if (target.startsWith(inside)) fcntl(Number(name), F_SETFD, "int", FD_CLOEXEC);
  }
}
