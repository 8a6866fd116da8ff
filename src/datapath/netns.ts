import { closeSync, openSync } from "node:fs";
import koffi from "koffi";
import { KernelError } from "./libbpf.ts";

const libc = koffi.load("libc.so.6");
const setns = libc.func("int setns(int fd, int nstype)");
const CLONE_NEWNET = 0x40000000;

/**
 * Runs `work` with this thread in the network namespace bound at `path`, and always comes back. `work` must
 * be synchronous: anything else that runs on this thread meanwhile would be in that namespace, too. When the
 * way back fails the process ends, since nothing it did afterwards would be where it belongs.
 */
export function inNamespace<T>(path: string, work: () => T): T {
  const home = openSync("/proc/thread-self/ns/net", "r");
  const there = openOr(path, home);
  try {
    if (Number(setns(there, CLONE_NEWNET)) !== 0) throw new KernelError(`enter ${path}`, koffi.errno());
    try {
      const result = work();
      if (result instanceof Promise)
        throw new Error("assertion failed: work in another namespace is synchronous");
      return result;
    } finally {
      if (Number(setns(home, CLONE_NEWNET)) !== 0) process.abort();
    }
  } finally {
    closeSync(there);
    closeSync(home);
  }
}

function openOr(path: string, home: number): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    closeSync(home);
    throw cause;
  }
}
