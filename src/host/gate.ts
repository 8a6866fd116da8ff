import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { TakeTurn } from "./fairness.ts";

export type GateOptions = {
  /** When it is the other side's turn to be read from. */
  readonly turn: TakeTurn;
  /** Of one piece, in bytes. */
  readonly piece: number;
  /** Whether so many more bytes may come; else the connection ends. */
  readonly mayRead?: (bytes: number) => boolean;
};

/**
 * A connection that is read piece by piece, each when it is its asker's turn. A parser makes hundreds of requests out of one packet, and all of them at
 * once: nobody else is answered meanwhile, and what is too much is not to come so far.
 */
export class Gate extends Duplex {
  readonly #socket: Socket;
  readonly #options: GateOptions;
  #wanted = false;

  constructor(socket: Socket, options: GateOptions) {
    super();
    this.#socket = socket;
    this.#options = options;
    // What goes wrong with a connection, as when the other side breaks it off, is its end and nobody else's.
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
    // So its end is told.
    if (this.#socket.readableLength === 0) this.#socket.read(0);
    if (!this.#wanted || this.#socket.readableLength === 0) return;
    this.#wanted = false;
    this.#options.turn(this.remoteAddress, () => this.#give());
  }

  #give(): void {
    const bytes = this.#socket.read(Math.min(this.#socket.readableLength, this.#options.piece)) as Buffer | null;
    if (!bytes) return void (this.#wanted = true);
    if (this.#options.mayRead?.(bytes.length) === false) this.destroy();
    else this.push(bytes);
  }
}
