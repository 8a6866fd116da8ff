import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { after, test } from "node:test";
import { createServer, type RunningServer, type ServerOptions } from "./http.ts";

const opened: RunningServer[] = [];
after(() => Promise.all(opened.map((server) => server.close())));

async function start(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const server = await createServer({
    host: "127.0.0.1",
    port: 0,
    auth: "signature",
    lookupKey: (id) =>
      id === "AKIDEXAMPLE" ? { secretAccessKey: "a secret", account: "123456789012" } : undefined,
    defaults: { account: "123456789012", region: "us-east-1" },
    now: () => new Date("2030-01-31T12:00:00Z"),
    perform: () => Promise.resolve({ Vpcs: [] }),
    internal: ({ authorization }) =>
      Promise.resolve({
        status: 200,
        type: "application/json",
        body: "{}",
        verified: authorization === "Bearer token",
      }),
    log: () => undefined,
    ...options,
  });
  opened.push(server);
  return server;
}

async function connected({ port }: RunningServer): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

/** Sends one request on the connection, which stays open, and returns the answer's first line. */
async function ask(socket: Socket, authorization = ""): Promise<string> {
  const header = authorization === "" ? "" : `Authorization: ${authorization}\r\n`;
  socket.write(`GET /_genkan/health HTTP/1.1\r\nHost: localhost\r\n${header}\r\n`);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  return chunk.toString("latin1").split("\r\n")[0] ?? "";
}

const ended = (socket: Socket): Promise<unknown> => once(socket.resume(), "close");

test("strangers' connections are closed to make room, the oldest first, and never those of a client that has shown a key", async () => {
  const server = await start({ mostConnections: 8 });
  const known = await connected(server);
  assert.equal(await ask(known, "Bearer token"), "HTTP/1.1 200 OK");
  const strangers: Socket[] = [];
  for (let i = 0; i < 7; i++) {
    const stranger = await connected(server);
    assert.equal(await ask(stranger), "HTTP/1.1 200 OK");
    strangers.push(stranger);
  }
  const closed = strangers.map(ended);
  for (let i = 0; i < 7; i++) {
    const another = await connected(server);
    assert.equal(await ask(another), "HTTP/1.1 200 OK");
    await closed[i];
  }
  assert.equal(await ask(known, "Bearer token"), "HTTP/1.1 200 OK");
});

test("when all clients are known, the connection that was idle longest is closed to make room", async () => {
  const server = await start({ mostConnections: 2 });
  const [first, second] = [await connected(server), await connected(server)];
  for (const socket of [first, second, first]) await ask(socket, "Bearer token");
  const gone = ended(second);
  const third = await connected(server);
  await gone;
  assert.equal(await ask(third), "HTTP/1.1 200 OK");
  assert.equal(await ask(first, "Bearer token"), "HTTP/1.1 200 OK");
});

const CLAIM =
  "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20300131/us-east-1/ec2/aws4_request, SignedHeaders=host;x-amz-date, Signature=0";

type Sent = {
  readonly status: Promise<number>;
  readonly more: (bytes: number) => Promise<void>;
  readonly abandon: () => void;
};

/** A POST that announces a body of 1 MiB and has sent none of it yet. */
function unfinished({ port }: RunningServer, authorization: string | undefined): Sent {
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "content-length": 1 << 20,
    "x-amz-date": "20300131T120000Z",
    ...(authorization === undefined ? {} : { authorization }),
  };
  const request = httpRequest({ host: "127.0.0.1", port, method: "POST", path: "/", headers, agent: false });
  request.on("error", () => undefined);
  request.flushHeaders();
  const status = once(request, "response").then(([answer]) => (answer as { statusCode: number }).statusCode);
  status.catch(() => undefined);
  return {
    status,
    more: (bytes) => new Promise((resolve) => void request.write(Buffer.alloc(bytes, "x"), () => resolve())),
    abandon: () => request.destroy(),
  };
}

test("a request that cannot come from a known sender is refused before its body has come", async () => {
  const server = await start();
  const unsigned = unfinished(server, undefined);
  assert.equal(await unsigned.status, 403);
  const stranger = unfinished(server, CLAIM.replace("AKIDEXAMPLE", "AKIDOTHER"));
  assert.equal(await stranger.status, 401);
  const old = unfinished(server, CLAIM.replace("20300131", "20300130"));
  assert.equal(await old.status, 403);
  for (const one of [unsigned, stranger, old]) one.abandon();
});

test("unfinished bodies share 32 MiB: beyond that the oldest is given up, and its client is told", async () => {
  const server = await start();
  const sent = Array.from({ length: 34 }, () => unfinished(server, CLAIM));
  const first = sent[0];
  assert(first);
  await first.more((1 << 20) - 1);
  const told = first.status;
  for (const one of sent.slice(1)) await one.more((1 << 20) - 1);
  assert.equal(await told, 503);
  // The newest body is read to its end; only then is its signature checked, which is wrong.
  const last = sent.at(-1);
  assert(last);
  await last.more(1);
  assert.equal(await last.status, 403);
  for (const one of sent) one.abandon();
});
