/** The region's one address on this machine: hands each connection to a machine that answers. */

import { connect, createServer, type Socket } from "node:net";

export type Door = { readonly close: () => Promise<void> };

type Options = {
  readonly host: string;
  readonly port: number;
  /** The sockets of the machines' APIs; the next connection goes to the next one. */
  readonly doors: readonly string[];
};

export function openDoor({ host, port, doors }: Options): Promise<Door> {
  let turn = 0;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    turn += 1;
    open.add(client);
    client.on("close", () => open.delete(client));
    client.on("error", () => client.destroy());
    handOver(client, [...doors.slice(turn % doors.length), ...doors.slice(0, turn % doors.length)]);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () =>
      resolve({
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            for (const client of open) client.destroy();
          }),
      }),
    );
  });
}

/** To the first one that takes it; a machine whose process is gone refuses at once. */
function handOver(client: Socket, [door, ...others]: readonly string[]): void {
  if (door === undefined) return void client.destroy();
  const machine = connect(door);
  const next = (): void => handOver(client, others);
  machine.once("error", next);
  machine.once("connect", () => {
    machine.off("error", next);
    machine.on("error", () => client.destroy());
    client.on("close", () => machine.destroy());
    machine.on("close", () => client.destroy());
    client.pipe(machine).pipe(client);
  });
}
