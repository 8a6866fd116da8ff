import type { IncomingMessage } from "node:http";

/** The largest body that is read. The largest sensible request, a launch with user data, has about 40 KiB. */
export const MAX_BODY_BYTES = 1 << 20;
/** The limit for all unfinished bodies together. */
const MAX_UNFINISHED_BYTES = 32 << 20;

/**
 * The complete body, or why there is none: it is larger than {@link MAX_BODY_BYTES}, or it had to make room
 * for others.
 */
export type Body = Buffer | "too large" | "crowded";

type Unfinished = { bytes: number; readonly giveUp: () => void };

/** The bodies being read, whoever sends them. Together they take a limited amount of memory. */
export class Bodies {
  readonly #most: number;
  /** Oldest first. */
  readonly #unfinished = new Set<Unfinished>();
  #bytes = 0;

  constructor(most = MAX_UNFINISHED_BYTES) {
    this.#most = most;
  }

  /**
   * Reads the body. When there is no room for all bodies, the oldest is given up: a client that sends at once
   * has long finished. Rejects when the client goes away meanwhile.
   */
  read(request: IncomingMessage): Promise<Body> {
    if (statesTooMuch(request)) return Promise.resolve("too large");
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const end = (body: Body): void => {
        request.off("data", take);
        chunks.length = 0;
        this.#forget(mine);
        resolve(body);
      };
      const mine: Unfinished = { bytes: 0, giveUp: () => end("crowded") };
      const take = (chunk: Buffer): void => {
        mine.bytes += chunk.length;
        this.#bytes += chunk.length;
        chunks.push(chunk);
        if (mine.bytes > MAX_BODY_BYTES) end("too large");
        else this.#makeRoom();
      };
      this.#unfinished.add(mine);
      request.on("data", take);
      request.once("end", () => end(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
      const lost = (cause: Error): void => {
        this.#forget(mine);
        reject(cause);
      };
      request.once("error", lost);
      request.once("close", () =>
        lost(new Error("the client closed the connection before the end of its request")),
      );
    });
  }

  #makeRoom(): void {
    for (const oldest of this.#unfinished) {
      if (this.#bytes <= this.#most) return;
      oldest.giveUp();
    }
  }

  #forget(one: Unfinished): void {
    if (this.#unfinished.delete(one)) this.#bytes -= one.bytes;
  }
}

/** Whether the request itself says that its body is too large. */
export function statesTooMuch(request: IncomingMessage): boolean {
  return Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES;
}
