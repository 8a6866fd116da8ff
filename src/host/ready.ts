import { closeSync, writeSync } from "node:fs";

/** Tells who started this process, through its descriptor 3, that it answers from now on. */
export function sayReady(): void {
  try {
    writeSync(3, "ready\n");
    closeSync(3);
  } catch (error) {
    // Started by hand there is nobody to tell; who started it may be gone.
    if (!["EBADF", "EPIPE"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
