import { createServer } from "node:net";
import { CommandError } from "../lib/command-error.ts";

/** Looked at first: a start that can't end well should not begin to change the machine. */
export function requireFreePort({
  host,
  port,
}: {
  readonly host: string;
  readonly port: number;
}): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (cause) => reject(portError(cause, port)));
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

export function portError(cause: NodeJS.ErrnoException, port: number): Error {
  if (cause.code === "EADDRINUSE")
    return new CommandError(
      `Port ${port} is in use by another program. Choose another: ./genkan up --port PORT`,
    );
  if (cause.code === "EACCES")
    return new CommandError(
      `Port ${port} may not be used by this user. Choose another: ./genkan up --port PORT`,
    );
  return cause;
}

/** Why other machines can't be answered at this machine's address. */
export function memberPortError(
  cause: NodeJS.ErrnoException,
  { address, url }: { readonly address: string; readonly url: string },
): Error {
  if (cause.code === "EADDRNOTAVAIL")
    return new CommandError(`--machine-address ${address} is no address of this machine.`);
  return cause.code === "EADDRINUSE"
    ? new CommandError(`${url} is in use by another program. Choose another port: ./genkan up --port PORT`)
    : cause;
}
