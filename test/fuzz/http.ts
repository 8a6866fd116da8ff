import { once } from "node:events";
import { connect } from "node:net";
import { createServer, type RunningServer } from "../../src/api/http.ts";
import type { SignedRequest } from "../../src/wire/sigv4.ts";
import { type Dice, dice } from "./dice.ts";
import { NOW, SECRET, signed } from "./sign.ts";
import { errorIn, malformation } from "./xml.ts";

const BODY = "Action=DescribeVpcs&Version=2016-11-15&VpcId.1=vpc-1";
const UNDERSTOOD = JSON.stringify({ VpcIds: ["vpc-1"] });

export type HttpFigures = {
  readonly statuses: ReadonlyMap<string, number>;
  readonly findings: readonly string[];
};

/**
 * Sends a signed request's bytes, changed, each over a connection of its own, to a server of the real kind:
 * what comes back is an answer with a well-formed body of the stated length, or nothing; what is understood
 * is what was signed; and the server answers on.
 */
export async function fuzzHttp(requests: number, seed: number): Promise<HttpFigures> {
  const findings: string[] = [];
  const statuses = new Map<string, number>();
  let current = "";
  const wrong = (what: string): void =>
    void findings.push(`${what}\n${JSON.stringify(current.slice(0, 1_500))}`);
  const server = await createServer({
    host: "127.0.0.1",
    port: 0,
    auth: "signature",
    lookupKey: (id) => (id === SECRET.accessKeyId ? { ...SECRET, account: "123456789012" } : undefined),
    defaults: { account: "123456789012", region: "us-east-1" },
    now: () => NOW,
    perform: ({ operation, input }) => {
      if (operation !== "DescribeVpcs" || JSON.stringify(input) !== UNDERSTOOD)
        wrong(`understood ${operation} ${JSON.stringify(input)}`);
      return Promise.resolve({ Vpcs: [] });
    },
    internal: () => Promise.resolve({ status: 200, type: "application/json", body: "{}" }),
    log: (message, cause) => wrong(`${message}: ${String(cause)}`),
  });
  try {
    for (let number = 0; number < requests && findings.length < 10; number++) {
      const chance = dice(Math.imul(seed, 0x9e3779b1) ^ number);
      const { text, whole } = changed(chance, wireText(signed(Buffer.from(BODY))));
      current = text;
      const reply = await exchange(server, Buffer.from(text, "latin1"), whole);
      const status = judge(reply, wrong);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    const last = await exchange(server, Buffer.from(wireText(signed(Buffer.from(BODY)))), true);
    if (!last.startsWith("HTTP/1.1 200"))
      findings.push(`the server no longer answers: ${last.slice(0, 200)}`);
  } finally {
    await server.close();
  }
  return { statuses, findings };
}

function wireText({ headers, body }: SignedRequest): string {
  const lines = [...headers, ["content-length", String(body.length)], ["connection", "close"]].map(
    ([name, value]) => `${name}: ${value}`,
  );
  return `POST / HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${Buffer.from(body).toString("latin1")}`;
}

type Changed = {
  readonly text: string;
  /**
   * Whether the server has all that it waits for; else the end of the connection tells it that no more will
   * come.
   */
  readonly whole: boolean;
};

function changed(chance: Dice, text: string): Changed {
  const [head = "", body = ""] = text.split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const joined = (top: string, rest: readonly string[], bottom: string): string =>
    `${[top, ...rest].join("\r\n")}\r\n\r\n${bottom}`;
  const place = chance.below(lines.length);
  switch (chance.below(9)) {
    case 0: // another header, or one that is there already
      return { text: joined(first, lines.toSpliced(place, 0, chance.pick(HEADERS)), body), whole: false };
    case 1: // one header less
      return { text: joined(first, lines.toSpliced(place, 1), body), whole: false };
    case 2: // another value
      return {
        text: joined(
          first,
          lines.with(place, (lines[place] ?? "").replace(/: .*/, `: ${chance.pick(VALUES)}`)),
          body,
        ),
        whole: false,
      };
    case 3:
      return { text: joined(chance.pick(FIRST_LINES), lines, body), whole: false };
    case 4:
      return { text: text.slice(0, chance.below(text.length)), whole: false };
    case 5: // in chunks, rightly or wrongly
      return {
        text: joined(first, [...withoutLength(lines), "transfer-encoding: chunked"], chance.pick(CHUNKS)),
        whole: false,
      };
    case 6: {
      const at = chance.below(text.length);
      return {
        text: text.slice(0, at) + String.fromCodePoint(chance.below(256)) + text.slice(at + chance.below(2)),
        whole: false,
      };
    }
    case 7: // what no signature covers may be any
      return {
        text: joined(
          first,
          [...lines, `x-note: ${chance.pick(VALUES.filter((value) => /^[ -~]*$/.test(value)))}`],
          body,
        ),
        whole: true,
      };
    default:
      return { text: text + chance.pick(["GET / HTTP/1.1\r\n\r\n", "\r\n", "x", "\0", text]), whole: true };
  }
}

function withoutLength(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => !line.startsWith("content-length"));
}

const VALUES = [
  ..."0 -1 1e3 52 0x34 99999999999999999999 +52 text/plain application/json multipart/form-data identity gzip chunked null".split(
    " ",
  ),
  ..."evil.example 127.0.0.1 localhost [::1] 0.0.0.0 http://evil.example 100-continue upgrade keep-alive".split(
    " ",
  ),
  "52, 52",
  "",
  "a".repeat(70_000),
  "\0",
  "é",
  "\x7f",
];
const HEADERS = [
  ...VALUES.slice(0, 30).flatMap((value) =>
    ["content-length", "content-type", "transfer-encoding", "host", "expect", "upgrade", "origin"].map(
      (name) => `${name}: ${value}`,
    ),
  ),
  "content-encoding: gzip",
  "x-amz-target: x",
  "sec-fetch-site: cross-site",
  " folded: x",
  "no colon",
  ": no name",
  "x-amz-date : 1",
  "__proto__: x",
  ...Array.from({ length: 5 }, (_, at) =>
    Array.from({ length: 200 * (at + 1) }, (_, n) => `x-${n}: ${n}`).join("\r\n"),
  ),
];
const FIRST_LINES = [
  ..."GET|PUT|OPTIONS|HEAD|CONNECT|TRACE|BREW".split("|").map((method) => `${method} / HTTP/1.1`),
  ..."/_genkan /_genkan/health //_genkan/reset /x /?a=b /?%zz /%00 * http://evil.example/ ?x"
    .split(" ")
    .map((path) => `POST ${path} HTTP/1.1`),
  "POST / HTTP/1.0",
  "POST / HTTP/2.0",
  "POST / HTTP/9",
  "POST /",
  "",
  "\0",
  `POST /?${"a".repeat(70_000)} HTTP/1.1`,
];
const CHUNKS = [
  `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`,
  `1\r\n${BODY[0]}\r\n${(BODY.length - 1).toString(16)};x=y\r\n${BODY.slice(1)}\r\n0\r\nx-trailer: 1\r\n\r\n`,
  `-1\r\n${BODY}\r\n0\r\n\r\n`,
  `ffffffffffffffff\r\n${BODY}`,
  `0x34\r\n${BODY}\r\n0\r\n\r\n`,
  `1\r\n${BODY}\r\n0\r\n\r\n`,
  `${BODY.length.toString(16)}\n${BODY}\n0\n\n`,
  "zz\r\n",
];

/** What the server sends until it closes the connection. */
async function exchange({ port }: RunningServer, bytes: Buffer, whole: boolean): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const chunks: Buffer[] = [];
  // A connection that is reset has nothing more to say; what came before counts.
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    chunks.push(chunk);
    if (isWhole(Buffer.concat(chunks).toString("latin1"))) socket.destroy();
  });
  socket.on("end", () => socket.destroy());
  const closed = once(socket, "close");
  socket.write(bytes, () => {
    // The server reads what there is before it hears of the end.
    if (!whole) setImmediate(() => socket.end());
  });
  await closed;
  return Buffer.concat(chunks).toString("utf8");
}

function isWhole(reply: string): boolean {
  const end = reply.indexOf("\r\n\r\n");
  const length = /^content-length: (\d+)/im.exec(reply.slice(0, end))?.[1];
  return end > 0 && length !== undefined && reply.length >= end + 4 + Number(length);
}

function judge(reply: string, wrong: (what: string) => void): string {
  if (reply === "") return "none";
  const [head = "", ...rest] = reply.split("\r\n\r\n");
  const body = rest.join("\r\n\r\n");
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1];
  if (status === undefined) {
    wrong(`answered ${JSON.stringify(reply.slice(0, 100))}`);
    return "other";
  }
  if (status === "100" || body === "") return status;
  if (status.startsWith("5")) wrong(`answered ${head}`);
  if (/^content-type: text\/xml/im.test(head)) {
    const bad = malformation(body);
    if (bad !== undefined) wrong(`no XML: ${bad}: ${body.slice(0, 200)}`);
    else if (status !== "200" && !errorIn(body)) wrong(`an error of another form: ${body.slice(0, 200)}`);
  }
  return status;
}
