import type { IncomingMessage } from "node:http";

/** The largest body that is read. The largest request that makes sense, a launch with user data, has about 40 KiB. */
export const MAX_BODY_BYTES = 1 << 20;

/** The whole body; undefined when it is larger than {@link MAX_BODY_BYTES}. Rejects when the client goes away meanwhile. */
export function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (statesTooMuch(request)) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) {
        chunks.push(chunk);
        return;
      }
      request.off("data", take);
      resolve(undefined);
    };
    request.on("data", take);
    request.once("end", () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    request.once("error", reject);
    request.once("close", () => reject(new Error("the client closed the connection before the end of its request")));
  });
}

/** Whether the request says itself that its body is too large. */
export function statesTooMuch(request: IncomingMessage): boolean {
  return Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES;
}
