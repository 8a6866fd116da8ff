/** TCP connections that must not break: each sends numbered lines to an echo, and counts those that come back. */

/** The command whose output is {@link talked} when no line of any connection is lost, and none comes twice. */
export function talkCommand(
  address: string,
  { connections, lines }: { readonly connections: number; readonly lines: number },
): readonly string[] {
  return [process.execPath, "-e", TALK, address, `${connections}`, `${lines}`];
}

export function talked({
  connections,
  lines,
}: {
  readonly connections: number;
  readonly lines: number;
}): string {
  return `${connections * lines} answers\n`;
}

/** A line every 10 ms on each connection; a line that is not the next one of its connection counts nothing. */
const TALK = `
const [address, connections, lines] = [process.argv[1], Number(process.argv[2]), Number(process.argv[3])];
let answers = 0;
for (let n = 0; n < connections; n++) {
  const socket = require("node:net").connect(7, address);
  let sent = 0, heard = "";
  socket.setNoDelay(true);
  socket.on("connect", () => {
    const timer = setInterval(() => {
      socket.write(String(sent++).padStart(7, "0") + "\\n");
      if (sent === lines) clearInterval(timer);
    }, 10);
  });
  socket.on("data", (chunk) => {
    heard += chunk;
    if (heard.length < 8 * lines) return;
    answers += heard.trimEnd().split("\\n").filter((line, at) => Number(line) === at).length;
    socket.destroy();
  });
}
process.on("exit", () => console.log(answers + " answers"));
`;
