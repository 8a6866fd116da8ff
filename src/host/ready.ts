import { closeSync, writeSync } from "node:fs";

/** Tells this process's starter, through descriptor 3, that it answers from now on. */
export function sayReady(): void {
  try {
    writeSync(3, "ready\n");
    closeSync(3);
  } catch (error) {
    // A process started by hand has nobody to tell, and a starter may be gone.
    if (!["EBADF", "EPIPE"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
