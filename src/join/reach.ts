import { connect } from "node:net";

const PATIENCE_MILLISECONDS = 3_000;

/** Whether a connection of TCP to there comes about. */
export function isReached(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const end = (reached: boolean): void => {
      socket.destroy();
      resolve(reached);
    };
    socket.setTimeout(PATIENCE_MILLISECONDS, () => end(false));
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
