/**
 * Numbered UDP packets, for counting gaps.
 *   receive PORT                   prints "ready", then counts until its input closes, then prints what it
 *                                  got, and how many more came as far as its socket and found no room
 *                                  there, which is only the machine's slowness
 *   send HOST PORT RATE SECONDS    prints "ready", then sends RATE packets a second; after a stop it
 *                                  catches up slowly
 */

import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { setPriority } from "node:os";

const BURST = 8;

setPriority(-20);
const [mode, ...args] = process.argv.slice(2);
if (mode === "receive") receive(Number(args[0]));
else send(args[0] ?? "", Number(args[1]), Number(args[2]), Number(args[3]));

function receive(port: number): void {
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 << 20 });
  const seen = new Set<number>();
  socket.on("message", (message) => seen.add(message.readUInt32BE(0)));
  socket.bind(port, () => console.log("ready"));
  process.stdin.resume();
  process.stdin.on("end", () => {
    const last = Math.max(0, ...[...seen].slice(-1000));
    const overflowed = overflows(port);
    console.log(JSON.stringify({ came: seen.size + overflowed, missing: last + 1 - seen.size - overflowed }));
    socket.close();
  });
}

/** The last column of the socket's line in /proc/net/udp (proc(5)). */
function overflows(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync("/proc/net/udp", "latin1").trim().split("\n");
  const line = lines.find((text) => text.trim().split(/\s+/)[1]?.endsWith(local));
  return Number(line?.trim().split(/\s+/).at(-1) ?? 0);
}

function send(host: string, port: number, rate: number, seconds: number): void {
  const socket = createSocket("udp4");
  const total = rate * seconds;
  const start = process.hrtime.bigint();
  let sent = 0;
  console.log("ready");
  const timer = setInterval(() => {
    const due = Math.min(total, Math.floor((Number(process.hrtime.bigint() - start) / 1e9) * rate));
    for (let burst = 0; sent < due && burst < BURST; sent += 1, burst += 1) {
      const message = Buffer.alloc(64);
      message.writeUInt32BE(sent);
      const last = sent === total - 1;
      socket.send(message, port, host, () => last && socket.close());
    }
    if (sent >= total) clearInterval(timer);
  }, 1);
}
