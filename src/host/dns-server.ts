import { createSocket } from "node:dgram";
import { createServer } from "node:net";

/** What answers one query from an address; undefined for what gets no answer. */
export type AnswerQuery = (query: Uint8Array, from: string) => Uint8Array | undefined;

const IDLE_MILLISECONDS = 10_000;
const MAX_CONNECTIONS = 1_000;

/** Serves DNS over UDP and TCP (RFC 1035 section 4.2) on port 53 of the address; settles when both listen. */
export async function serveDns(address: string, answer: AnswerQuery): Promise<void> {
  await Promise.all([serveUdp(address, answer), serveTcp(address, answer)]);
}

/** An error in answering one query must not end the service for all. */
function guarded(answer: AnswerQuery, query: Uint8Array, from: string): Uint8Array | undefined {
  try {
    return answer(query, from);
  } catch (error) {
    console.error(`a query from ${from} could not be answered:`, error);
    return undefined;
  }
}

function serveUdp(address: string, answer: AnswerQuery): Promise<void> {
  const socket = createSocket("udp4");
  socket.on("message", (query, { address: from, port }) => {
    const response = guarded(answer, query, from);
    // An answer that cannot be sent is as good as lost on the way: the asker asks again.
    if (response && port !== 0) socket.send(response, port, from, () => undefined);
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(53, address, () => {
      socket.off("error", reject).on("error", (error) => console.error("DNS over UDP:", error));
      resolve();
    });
  });
}

function serveTcp(address: string, answer: AnswerQuery): Promise<void> {
  const server = createServer((socket) => {
    const from = socket.remoteAddress ?? "";
    let buffered = Buffer.alloc(0);
    socket.setTimeout(IDLE_MILLISECONDS, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.on("data", (data) => {
      buffered = Buffer.concat([buffered, data]);
      while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
        const end = 2 + buffered.readUInt16BE(0);
        const response = guarded(answer, buffered.subarray(2, end), from);
        buffered = buffered.subarray(end);
        if (!response) return void socket.destroy();
        const length = Buffer.alloc(2);
        length.writeUInt16BE(response.length);
        socket.write(Buffer.concat([length, response]));
      }
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(53, address, () => {
      server.off("error", reject).on("error", (error) => console.error("DNS over TCP:", error));
      resolve();
    });
  });
}
