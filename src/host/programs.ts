import { CommandError } from "../lib/command-error.ts";
import { succeeds } from "./command.ts";

/** @throws CommandError when a machine of a region lacks the program; `name` is that of Debian's package */
export async function requireProgram(command: string, name: string): Promise<void> {
  if (!(await succeeds(["which", command])))
    throw new CommandError(`A region of machines needs ${command}: apt-get install ${name}`);
}
