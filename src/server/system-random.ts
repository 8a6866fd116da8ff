import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { Random } from "../lib/random.ts";

/** The machine's own randomness. */
export const systemRandom: Random = {
  hex: (length) =>
    randomBytes(Math.ceil(length / 2))
      .toString("hex")
      .slice(0, length),
};

/** A new private key, PKCS #8 in PEM. */
export function generateKeyPair(type: "rsa" | "ed25519"): string {
  const pair = type === "rsa" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ed25519");
  return pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}
