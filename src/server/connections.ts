import type { Server, Socket } from "node:net";

/**
 * Keeps a server's connections below a number. Whoever can reach the port may connect, so what makes way for a new connection is a
 * stranger's, the oldest one: a client that asks as soon as it is connected has asked long before it is that. When there are no
 * strangers, the oldest connection that is idle makes way, and when there is none, the new one is closed.
 */
export class Connections {
  readonly #most: number;
  /** In order of their coming. */
  readonly #strangers = new Set<Socket>();
  /** In order of their last question. */
  readonly #idle = new Set<Socket>();
  #count = 0;

  constructor(server: Server, most: number) {
    this.#most = most;
    server.prependListener("connection", (socket: Socket) => this.#take(socket));
  }

  /** Who asks by this connection has shown who he is. */
  trust(socket: Socket): void {
    this.#strangers.delete(socket);
    this.#idle.delete(socket);
  }

  /** An answer is out. */
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
