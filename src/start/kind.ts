import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Home } from "../home/home.ts";
import { CommandError } from "../lib/command-error.ts";

/** What a box gives each of its machines itself, and what can't reach out of one. */
const NOT_IN_A_BOX = /^(no-packets|others|others-remote|etcd.*|machine-.*|bgp.*)$/;

/**
 * A home has the state of one machine, or the homes of several. `box`: the options, when it is to be several.
 * @throws CommandError for the other kind, and for an option that `--machines` does not go with
 */
export function requireKind({ folder }: Home, box: Readonly<Record<string, unknown>> | undefined): void {
  const has = (name: string): boolean => existsSync(join(folder, name));
  if (!box && has("machines"))
    throw new CommandError(
      `${folder} has a region of several machines: add --machines N, or choose another folder: GENKAN_HOME=FOLDER`,
    );
  if (box && has("state") && !has("machines"))
    throw new CommandError(
      `${folder} has the state of one machine. For a region of several choose another folder: GENKAN_HOME=FOLDER`,
    );
  const option = Object.keys(box ?? {}).find((name) => NOT_IN_A_BOX.test(name));
  if (option !== undefined) throw new CommandError(`--${option} does not go with --machines.`);
}
