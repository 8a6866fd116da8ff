import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  createServer as createHttp,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { DescribeVpcsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { createServer, type RunningServer } from "./http.ts";
import { Others } from "./others.ts";

const CREDENTIALS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret" };
const closers: (() => Promise<unknown> | void)[] = [];
after(() => Promise.all(closers.map((close) => close())));

type Got = {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
};
type Play = (request: IncomingMessage, response: ServerResponse) => void;

/** A stand-in for another emulator, which keeps what it received; `play` answers in its place. */
async function standIn(play?: Play): Promise<{ readonly port: number; readonly got: Got[] }> {
  const got: Got[] = [];
  const server: Server = createHttp((request, response) => {
    if (play) return play(request, response);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      got.push({
        method: request.method ?? "",
        url: request.url ?? "",
        rawHeaders: request.rawHeaders,
        body: Buffer.concat(chunks),
      });
      response.writeHead(202, "As It Is", [
        "X-Odd",
        "one",
        "X-Odd",
        "two",
        "Content-Type",
        "text/odd",
        "Keep-Alive",
        "timeout=1",
      ]);
      response.end("the other's answer");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, got };
}

type Limits = { readonly silenceMs?: number; readonly mostBytes?: number };

async function start(otherPort: number, limits: Limits = {}): Promise<RunningServer> {
  const server = await createServer({
    host: "127.0.0.1",
    port: 0,
    auth: "signature",
    lookupKey: (id) =>
      id === CREDENTIALS.accessKeyId
        ? { secretAccessKey: CREDENTIALS.secretAccessKey, account: "123456789012" }
        : undefined,
    defaults: { account: "123456789012", region: "us-east-1" },
    now: () => new Date(),
    perform: () => Promise.resolve({ Vpcs: [] }),
    internal: () => Promise.resolve({ status: 200, type: "application/json", body: "{}" }),
    others: new Others(new URL(`http://127.0.0.1:${otherPort}`), { ...limits, log: () => undefined }),
    log: () => undefined,
  });
  closers.push(() => server.close());
  return server;
}

type Reply = {
  readonly status: number;
  readonly words: string;
  readonly rawHeaders: readonly string[];
  readonly body: string;
};
type Call = {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
};

function call(
  { port }: RunningServer,
  { method = "POST", path = "/", headers = [], body = "" }: Call,
): Promise<Reply> {
  const length = Buffer.byteLength(body);
  const own = ["Host", `127.0.0.1:${port}`, ...(length > 0 ? ["Content-Length", String(length)] : [])];
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { host: "127.0.0.1", port, method, path, headers: [...own, ...headers], agent: false },
      (answer) => {
        let text = "";
        answer.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
        answer.on("error", reject);
        answer.on("end", () =>
          resolve({
            status: answer.statusCode ?? 0,
            words: answer.statusMessage ?? "",
            rawHeaders: answer.rawHeaders,
            body: text,
          }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

const signedFor = (service: string): readonly string[] => [
  "authorization",
  `AWS4-HMAC-SHA256 Credential=AKID/20300101/us-east-1/${service}/aws4_request, SignedHeaders=host;x-amz-date, Signature=00ff`,
  "x-amz-date",
  "20300101T000000Z",
];
const FORM = ["Content-Type", "application/x-www-form-urlencoded; charset=utf-8"];
const valuesOf = (raw: readonly string[], name: string): string[] =>
  raw.filter((_, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === name.toLowerCase());

test("another service's request goes on as it came, and the answer comes back as it is", async () => {
  const { port, got } = await standIn();
  const server = await start(port);
  const headers = [
    ...signedFor("rds"),
    ...FORM,
    "X-Twice",
    "a",
    "X-Twice",
    "b",
    "Connection",
    "close, X-Hop",
    "X-Hop",
    "here only",
  ];
  const reply = await call(server, {
    path: "/a%2Fb?x=%20+&y",
    headers,
    body: "Action=DescribeDBInstances&Version=2014-10-31",
  });
  assert.deepEqual([reply.status, reply.words, reply.body], [202, "As It Is", "the other's answer"]);
  assert.deepEqual(
    [valuesOf(reply.rawHeaders, "x-odd"), valuesOf(reply.rawHeaders, "server")],
    [["one", "two"], []],
  );
  const [seen] = got;
  assert.ok(seen);
  assert.deepEqual(
    [seen.method, seen.url, seen.body.toString()],
    ["POST", "/a%2Fb?x=%20+&y", "Action=DescribeDBInstances&Version=2014-10-31"],
  );
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? "";
    if (["connection", "x-hop"].includes(name.toLowerCase())) continue;
    assert.ok(valuesOf(seen.rawHeaders, name).includes(headers[index + 1] ?? ""), name);
  }
  assert.deepEqual(
    [valuesOf(seen.rawHeaders, "host"), valuesOf(seen.rawHeaders, "x-hop")],
    [[`127.0.0.1:${server.port}`], []],
  );
});

test("a body streams through, of known length or not, and an empty one stays empty", async () => {
  const { port, got } = await standIn();
  const server = await start(port);
  const body = Buffer.alloc(5 << 20, "0123456789abcdef");
  const put = { method: "PUT", path: "/bucket/key", body };
  await call(server, { ...put, headers: signedFor("s3") });
  await call(server, { method: "PUT", path: "/bucket/none", headers: signedFor("s3") });
  const sum = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
  assert.deepEqual([sum(got[0]?.body ?? Buffer.alloc(0)), got[1]?.body.length], [sum(body), 0]);
  const chunked = await new Promise<number>((resolve, reject) => {
    const headers = [
      "Host",
      `127.0.0.1:${server.port}`,
      "Transfer-Encoding",
      "chunked",
      "Expect",
      "100-continue",
      ...signedFor("s3"),
    ];
    const sent = httpRequest(
      { host: "127.0.0.1", port: server.port, method: "PUT", path: "/bucket/chunks", headers },
      (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode ?? 0));
      },
    );
    sent.on("error", reject);
    sent.on("continue", () => {
      sent.write("one ");
      sent.end("two");
    });
  });
  assert.deepEqual([chunked, got[2]?.body.toString()], [202, "one two"]);
});

test("a body is never taken for another request, and only the other side is asked", async () => {
  const { port, got } = await standIn();
  const server = await start(port);
  const hidden = "GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (const method of ["GET", "DELETE", "POST"]) {
    const headers = [...signedFor("s3"), "Connection", "close, Content-Length, Host"];
    assert.equal((await call(server, { method, path: "/b/k", headers, body: hidden })).status, 202, method);
    const [seen, ...more] = got.splice(0);
    assert.deepEqual([seen?.method, seen?.url, seen?.body.toString(), more], [method, "/b/k", hidden, []]);
    assert.deepEqual(valuesOf(seen?.rawHeaders ?? [], "host"), [`127.0.0.1:${server.port}`]);
  }
  for (const path of ["http://169.254.169.254/latest/meta-data/", "http://localhost:1/", "*"]) {
    const proxied = await call(server, { method: "OPTIONS", path, headers: signedFor("s3") });
    assert.deepEqual([proxied.status, got.length], [400, 0], path);
  }
});

test("requests for EC2 and STS, and those of web pages, are never handed on", async () => {
  const { port, got } = await standIn();
  const server = await start(port);
  const client = new EC2Client({
    endpoint: `http://127.0.0.1:${server.port}`,
    region: "us-east-1",
    credentials: CREDENTIALS,
    maxAttempts: 1,
  });
  assert.deepEqual((await client.send(new DescribeVpcsCommand({}))).Vpcs, []);
  client.destroy();
  for (const [service, path] of [
    ["ec2", "/"],
    ["sts", "/"],
    ["ec2", "/x"],
  ] as const) {
    const { status } = await call(server, {
      path,
      headers: [...signedFor(service), ...FORM],
      body: "Action=CreateFleet&Version=2016-11-15",
    });
    assert.ok(status === 401 || status === 403 || status === 404, `${service} ${path} ${status}`);
  }
  assert.equal((await call(server, { path: "/_genkan/none", headers: signedFor("s3") })).status, 200);
  const page = await call(server, {
    path: "/b/k",
    method: "GET",
    headers: [...signedFor("s3"), "Origin", "http://evil.example"],
  });
  assert.deepEqual([page.status, got.length], [403, 0]);
});

test("an error of the other side is answered in the protocol of the request", async () => {
  const gone = await start(1);
  const query = await call(gone, {
    headers: [...signedFor("iam"), ...FORM],
    body: "Action=ListUsers&Version=2010-05-08",
  });
  assert.equal(query.status, 503);
  assert.match(
    query.body,
    /^<ErrorResponse><Error><Type>Receiver<\/Type><Code>ServiceUnavailable<\/Code><Message>.*127\.0\.0\.1:1 .*ECONNREFUSED/,
  );
  const json = await call(gone, {
    headers: [...signedFor("logs"), "X-Amz-Target", "Logs_20140328.DescribeLogGroups"],
    body: "{}",
  });
  assert.match(json.body, /^{"__type":"ServiceUnavailable","message":".*ECONNREFUSED/);
  const mute = await standIn(() => undefined);
  const slow = await call(await start(mute.port, { silenceMs: 50 }), {
    method: "GET",
    path: "/b/k",
    headers: signedFor("s3"),
  });
  assert.deepEqual([slow.status, /no word for 0\.05 s/.test(slow.body)], [503, true]);
  const torn = await standIn((_request, response) => {
    response.writeHead(200, { "Content-Length": 100 });
    response.write("half", () => response.destroy());
  });
  await assert.rejects(
    call(await start(torn.port), { method: "GET", path: "/b/k", headers: signedFor("s3") }),
  );
});

test("bodies have a bound, stated or not, and requests that come back are stopped", async () => {
  const { port, got } = await standIn();
  const server = await start(port, { mostBytes: 1000 });
  const stated = await call(server, {
    method: "PUT",
    path: "/b/k",
    headers: signedFor("s3"),
    body: "x".repeat(1001),
  });
  assert.deepEqual([stated.status, /<Code>EntityTooLarge</.test(stated.body), got.length], [413, true, 0]);
  const chunked = ["Transfer-Encoding", "chunked", ...signedFor("s3")];
  const unstated = await new Promise<number>((resolve, reject) => {
    const headers = ["Host", `127.0.0.1:${server.port}`, ...chunked];
    const sent = httpRequest(
      { host: "127.0.0.1", port: server.port, method: "PUT", path: "/b/k", headers },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    sent.on("error", reject);
    sent.end("x".repeat(1001));
  });
  assert.deepEqual([unstated, got.length], [413, 0]);
  const looped = await call(server, {
    method: "GET",
    path: "/b/k",
    headers: [...signedFor("s3"), "Via", "1.1 genkan"],
  });
  assert.deepEqual([looped.status, /to itself/.test(looped.body)], [503, true]);
});

test("Systems Manager's public parameters are answered here; its other requests are handed on", async () => {
  const { port, got } = await standIn();
  const server = await createServer({
    host: "127.0.0.1",
    port: 0,
    auth: "none",
    lookupKey: () => undefined,
    defaults: { account: "123456789012", region: "us-east-1" },
    now: () => new Date(),
    perform: () => Promise.resolve({}),
    internal: () => Promise.resolve({ status: 200, type: "application/json", body: "{}" }),
    others: new Others(new URL(`http://127.0.0.1:${port}`), { log: () => undefined }),
    log: () => undefined,
  });
  closers.push(() => server.close());
  const ask = (operation: string, input: object) =>
    call(server, { headers: ["X-Amz-Target", `AmazonSSM.${operation}`], body: JSON.stringify(input) });
  const own = await ask("GetParametersByPath", { Path: "/aws/service/debian", Recursive: true });
  assert.match(own.body, /"Value":"ami-/);
  assert.match((await ask("GetParameter", { Name: "/aws/service/none" })).body, /ParameterNotFound/);
  assert.equal(got.length, 0);
  for (const [operation, input] of [
    ["GetParameter", { Name: "/mine" }],
    ["GetParameters", { Names: ["/aws/service/debian/x", "/mine"] }],
    ["GetParametersByPath", { Path: "/" }],
    ["PutParameter", { Name: "/aws/service/x", Value: "y" }],
  ] as const) {
    assert.equal((await ask(operation, input)).status, 202, operation);
    assert.equal(got.pop()?.body.toString(), JSON.stringify(input));
  }
});
