import { randomBytes } from "node:crypto";
import type { Random } from "../lib/random.ts";

/** The machine's own randomness. */
export const systemRandom: Random = {
  hex: (length) =>
    randomBytes(Math.ceil(length / 2))
      .toString("hex")
      .slice(0, length),
};
