import { generateKeyPairSync, randomFillSync } from "node:crypto";
import type { Random } from "../lib/random.ts";

/**
 * Unused random bytes, drawn in bulk: a system call for each id would cost more than everything else in
 * making one.
 */
const pool = Buffer.alloc(4096);
let used = pool.length;

/** The machine's own randomness. */
export const systemRandom: Random = {
  hex: (length) => {
    const bytes = Math.ceil(length / 2);
    if (bytes > pool.length) throw new Error(`assertion failed: ${length} digits at a time`);
    if (used + bytes > pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    used += bytes;
    return pool.toString("hex", used - bytes, used).slice(0, length);
  },
};

/** A new private key, PKCS #8 in PEM. */
export function generateKeyPair(type: "rsa" | "ed25519"): string {
  const pair =
    type === "rsa" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ed25519");
  return pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}
