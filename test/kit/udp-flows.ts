/** UDP flows to one destination at the same time, each from a port of its own. */

/** The command that prints {@link answeredFlows} as soon as an answer has come on each flow. */
export function flowsCommand(address: string, flows: number): readonly string[] {
  return [process.execPath, "-e", FLOWS, address, `${flows}`];
}

export function answeredFlows(flows: number): string {
  return `${flows} flows\n`;
}

/** What has no answer is asked again. */
const FLOWS = `
const { createSocket } = require("node:dgram");
const [address, flows] = [process.argv[1], Number(process.argv[2])];
const waiting = new Map();
let answered = 0;
const timer = setInterval(() => { for (const send of waiting.values()) send(); }, 500);
const open = (n) => {
  const socket = createSocket("udp4");
  waiting.set(n, () => socket.send("flow " + n, 7, address));
  socket.on("message", (text) => {
    if (String(text) !== "flow " + n || !waiting.delete(n)) return;
    if (++answered < flows) return;
    console.log(answered + " flows");
    process.exit();
  });
  waiting.get(n)();
};
for (let n = 0; n < flows; n++) setTimeout(open, n / 4, n);
`;
