import type { Server, Socket } from "node:net";

/**
 * Limits the number of a server's connections. Anybody who reaches the port may connect, so a new connection
 * takes the place of the oldest stranger's (a client that sends its request at once is not a stranger for
 * long). Without strangers, it takes the place of the oldest idle connection; without those, the new one is
 * closed.
 */
export class Connections {
  readonly #most: number;
  /** Connections without an authenticated request, oldest first. */
  readonly #strangers = new Set<Socket>();
  /** Idle connections, ordered by their last request. */
  readonly #idle = new Set<Socket>();
  #count = 0;

  constructor(server: Server, most: number) {
    this.#most = most;
    server.prependListener("connection", (socket: Socket) => this.#take(socket));
  }

  /** Call this when a request on the connection was authenticated. */
  trust(socket: Socket): void {
    this.#strangers.delete(socket);
    this.#idle.delete(socket);
  }

  /** Call this when an answer was sent. */
  rest(socket: Socket): void {
    if (!socket.destroyed && !this.#strangers.has(socket)) this.#idle.add(socket);
  }

  #take(socket: Socket): void {
    this.#count += 1;
    socket.once("close", () => {
      this.#count -= 1;
      this.trust(socket);
    });
    if (this.#count > this.#most) {
      const [oldest] = this.#strangers.size > 0 ? this.#strangers : this.#idle;
      (oldest ?? socket).destroy();
      if (oldest) this.trust(oldest);
      else return;
    }
    this.#strangers.add(socket);
  }
}
