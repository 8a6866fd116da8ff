/**
 * Numbered UDP packets, for counting gaps.
 *   receive PORT                   prints "ready", then counts until its input closes, then prints what it got
 *   send HOST PORT RATE SECONDS    prints "ready", then sends RATE packets a second
 */
import { createSocket } from "node:dgram";

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
    console.log(JSON.stringify({ received: seen.size, missing: last + 1 - seen.size }));
    socket.close();
  });
}

function send(host: string, port: number, rate: number, seconds: number): void {
  const socket = createSocket("udp4");
  const total = rate * seconds;
  const start = process.hrtime.bigint();
  let sent = 0;
  console.log("ready");
  const timer = setInterval(() => {
    const due = Math.min(total, Math.floor((Number(process.hrtime.bigint() - start) / 1e9) * rate));
    for (; sent < due; sent += 1) {
      const message = Buffer.alloc(64);
      message.writeUInt32BE(sent);
      const last = sent === total - 1;
      socket.send(message, port, host, () => last && socket.close());
    }
    if (sent >= total) clearInterval(timer);
  }, 1);
}
