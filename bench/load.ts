import { connect, type Socket } from "node:net";

/** What a run of requests took. */
export type Load = {
  /** Requests answered a second, over all clients. */
  readonly rate: number;
  /** Milliseconds from a request's first byte to its answer's last, one for each request. */
  readonly latencies: Float64Array;
};

type Options = {
  readonly port: number;
  /** Connections, each of which sends its next request when the last one is answered. */
  readonly clients: number;
  /** Whole requests as bytes; each is sent once. */
  readonly requests: readonly Buffer[];
};

/**
 * Sends all requests over keep-alive connections. It does little more than the system calls, so that the
 * server is what bounds the rate. Rejects when an answer is not 200 or a connection ends.
 */
export async function sendAll({ port, clients, requests }: Options): Promise<Load> {
  const sockets = await Promise.all(Array.from({ length: clients }, () => open(port)));
  const latencies = new Float64Array(requests.length);
  let next = 0;
  const started = performance.now();
  try {
    await Promise.all(
      sockets.map((socket) =>
        drive(socket, () => (next < requests.length ? next++ : undefined), requests, latencies),
      ),
    );
    return { rate: requests.length / ((performance.now() - started) / 1000), latencies };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** Sends a single request and returns the answer's body. */
export async function sendOne(port: number, request: Buffer): Promise<string> {
  const socket = await open(port);
  try {
    return await new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      socket.on("error", reject);
      socket.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        const all = Buffer.concat(chunks);
        if (all.length < answerLength(all)) return;
        const text = all.toString();
        if (text.startsWith("HTTP/1.1 200 ")) resolve(text.slice(text.indexOf("\r\n\r\n") + 4));
        else reject(new Error(text));
      });
      socket.write(request);
    });
  } finally {
    socket.destroy();
  }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

function drive(
  socket: Socket,
  take: () => number | undefined,
  requests: readonly Buffer[],
  latencies: Float64Array,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let place: number | undefined;
    let pending: Buffer | undefined;
    let got = 0;
    let length = Number.POSITIVE_INFINITY;
    const send = (): void => {
      place = take();
      if (place === undefined) return resolve();
      sent = performance.now();
      socket.write(requests[place] ?? "");
    };
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the server closed the connection")));
    socket.on("data", (chunk: Buffer) => {
      got += chunk.length;
      if (length === Number.POSITIVE_INFINITY) {
        pending = pending ? Buffer.concat([pending, chunk]) : chunk;
        length = answerLength(pending);
        // "200" stands behind "HTTP/1.1 ".
        if (length < Number.POSITIVE_INFINITY && pending.toString("latin1", 9, 12) !== "200")
          return reject(new Error(pending.toString()));
      }
      if (got < length) return;
      if (place !== undefined) latencies[place] = performance.now() - sent;
      pending = undefined;
      got = 0;
      length = Number.POSITIVE_INFINITY;
      send();
    });
    send();
  });
}

/** How many bytes the answer that begins here has; infinite while its header is not whole. */
function answerLength(bytes: Buffer): number {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return Number.POSITIVE_INFINITY;
  const stated = /content-length: *(\d+)/i.exec(bytes.toString("latin1", 0, end))?.[1];
  return end + 4 + Number(stated ?? 0);
}
