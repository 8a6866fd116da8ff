import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { TakeTurn } from "./fairness.ts";

export type GateOptions = {
  /** When it is the other side's turn to be read from. */
  readonly turn: TakeTurn;
  /** How many bytes are read at a time. */
  readonly piece: number;
  /** Whether so many more bytes may come; else the connection ends. */
  readonly mayRead?: (bytes: number) => boolean;
};

/**
 * A connection that is read piece by piece, each when it is its asker's turn. A parser would make hundreds
 * of requests out of one packet at once, and nobody else would be answered meanwhile. Read in pieces, a
 * client that asks too much is held back before the parser.
 */
export class Gate extends Duplex {
  readonly #socket: Socket;
  readonly #options: GateOptions;
  #wanted = false;
  #resting = false;

  constructor(socket: Socket, options: GateOptions) {
    super();
    this.#socket = socket;
    this.#options = options;
    // An error, such as a reset by the other side, ends only this connection.
    this.on("error", () => this.destroy());
    socket.on("readable", () => this.#await());
    socket.once("end", () => this.push(null));
    socket.on("error", () => this.destroy());
    socket.once("close", () => this.destroy());
    socket.on("timeout", () => this.emit("timeout"));
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? "";
  }

  /** Reads nothing more for so long, so that a client that asked too often waits. */
  rest(milliseconds: number): void {
    if (this.#resting) return;
    this.#resting = true;
    setTimeout(() => {
      this.#resting = false;
      this.#await();
    }, milliseconds);
  }

  setTimeout(milliseconds: number): this {
    this.#socket.setTimeout(milliseconds);
    return this;
  }

  /** Ends the connection when what was written has left, as {@link Socket} does. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  override _read(): void {
    this.#wanted = true;
    this.#await();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #await(): void {
    // A read from the empty socket makes it report its end.
    if (this.#socket.readableLength === 0) this.#socket.read(0);
    if (!this.#wanted || this.#resting || this.#socket.readableLength === 0) return;
    this.#wanted = false;
    this.#options.turn(this.remoteAddress, () => this.#give());
  }

  #give(): void {
    const bytes = this.#socket.read(
      Math.min(this.#socket.readableLength, this.#options.piece),
    ) as Buffer | null;
    if (!bytes) return void (this.#wanted = true);
    if (this.#options.mayRead?.(bytes.length) === false) this.destroy();
    else this.push(bytes);
  }
}
