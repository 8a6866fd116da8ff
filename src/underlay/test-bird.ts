import { spawnSync } from "node:child_process";

/** Why tests with BIRD can't run here. */
export const noBird: string | false =
  spawnSync("bird", ["--version"]).status === 0 ? false : "BIRD is not here (apt-get install bird2)";
