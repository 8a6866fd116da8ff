/**
 * Makes the image of the state in a folder, with the tables compiled for these pools: `image-main.js FOLDER
 * POOL…`.
 */

import { reasons } from "../lib/reasons.ts";
import { writeImage } from "../store/image-writer.ts";
import { compiledTables } from "./image.ts";

const [folder = "", ...pools] = process.argv.slice(2);
try {
  await writeImage(folder, compiledTables(pools));
} catch (cause) {
  process.stderr.write(`${reasons(cause)}\n`);
  process.exitCode = 1;
}
