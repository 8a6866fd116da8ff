import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { after, test } from "node:test";
import { DescribeVpcsCommand, EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { Fault } from "../model/fault.ts";
import { userOf } from "../model/principal.ts";
import type { ApiRequest } from "./api.ts";
import { createServer, type RunningServer, type ServerOptions } from "./http.ts";

const CREDENTIALS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret" };
const VPCS = {
  Vpcs: [{ VpcId: "vpc-1", CidrBlock: "10.0.0.0/16", Tags: [{ Key: "Name", Value: "<a & b>" }] }],
};
const opened: RunningServer[] = [];
after(() => Promise.all(opened.map((server) => server.close())));

type Seen = { readonly server: RunningServer; readonly requests: ApiRequest[]; readonly logged: unknown[] };

async function start(options: Partial<ServerOptions> = {}): Promise<Seen> {
  const requests: ApiRequest[] = [];
  const logged: unknown[] = [];
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
    perform: (request) => {
      requests.push(request);
      return Promise.resolve(VPCS);
    },
    internal: ({ method, path, query }) =>
      Promise.resolve({ status: 200, type: "application/json", body: `${method} ${path} ${query.get("a")}` }),
    log: (_message, cause) => logged.push(cause),
    ...options,
  });
  opened.push(server);
  return { server, requests, logged };
}

type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
};
type Call = {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
};

function call(
  { port }: RunningServer,
  { method = "POST", path = "/", headers = {}, body = "" }: Call,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const form = method === "POST" ? { "content-type": "application/x-www-form-urlencoded" } : {};
    const sent = httpRequest(
      { host: "127.0.0.1", port, method, path, headers: { ...form, ...headers }, agent: false },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        answer.on("end", () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Writes raw bytes and reads until the server closes. */
function raw({ port }: RunningServer, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
  });
}

function ec2({ port }: RunningServer, credentials = CREDENTIALS): EC2Client {
  return new EC2Client({
    endpoint: `http://127.0.0.1:${port}`,
    region: "eu-west-1",
    credentials,
    maxAttempts: 1,
  });
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

const DESCRIBE = "Action=DescribeVpcs&Version=2016-11-15";

test("the SDK's client is understood, and understands the answer", async () => {
  const { server, requests } = await start();
  const client = ec2(server);
  const answer = await client.send(
    new DescribeVpcsCommand({ Filters: [{ Name: "state", Values: ["available"] }] }),
  );
  assert.deepEqual(answer.Vpcs, VPCS.Vpcs);
  await client.send(
    new RunInstancesCommand({
      ImageId: "ami-1",
      MinCount: 1,
      MaxCount: 1,
      ClientToken: "t",
      UserData: "aGVsbG8=",
    }),
  );
  assert.deepEqual(requests, [
    {
      account: "123456789012",
      region: "eu-west-1",
      caller: userOf("123456789012"),
      operation: "DescribeVpcs",
      input: { Filters: [{ Name: "state", Values: ["available"] }] },
    },
    {
      account: "123456789012",
      region: "eu-west-1",
      caller: userOf("123456789012"),
      operation: "RunInstances",
      input: { ImageId: "ami-1", MinCount: 1, MaxCount: 1, ClientToken: "t", UserData: "aGVsbG8=" },
    },
  ]);
  client.destroy();
});

test("the SDK's client meets AWS's errors", async () => {
  const { server, requests } = await start({
    perform: () => Promise.reject(new Fault("InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist")),
  });
  const client = ec2(server);
  await assert.rejects(
    client.send(new DescribeVpcsCommand({})),
    (error: Error & { $metadata?: { httpStatusCode?: number } }) => {
      assert.deepEqual(
        [error.name, error.message, error.$metadata?.httpStatusCode],
        ["InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist", 400],
      );
      return true;
    },
  );
  const stranger = ec2(server, { ...CREDENTIALS, secretAccessKey: "wrong" });
  await assert.rejects(stranger.send(new DescribeVpcsCommand({})), { name: "SignatureDoesNotMatch" });
  assert.equal(requests.length, 0);
  client.destroy();
  stranger.destroy();
});

test("STS tells who asks, and has its own form of errors", async () => {
  const { server } = await start();
  const sts = (credentials: typeof CREDENTIALS): STSClient =>
    new STSClient({
      endpoint: `http://127.0.0.1:${server.port}`,
      region: "us-east-1",
      credentials,
      maxAttempts: 1,
    });
  const known = sts(CREDENTIALS);
  const { Account, Arn, UserId } = await known.send(new GetCallerIdentityCommand({}));
  assert.match(UserId ?? "", /^AIDA[A-Z2-7]{17}$/);
  assert.deepEqual([Account, Arn, UserId], ["123456789012", "arn:aws:iam::123456789012:user/genkan", UserId]);
  const unknown = sts({ ...CREDENTIALS, accessKeyId: "AKIDOTHER" });
  await assert.rejects(unknown.send(new GetCallerIdentityCommand({})), {
    name: "InvalidClientTokenId",
    message: /security token/,
  });
  known.destroy();
  unknown.destroy();
});

test("a region that nobody has is refused, signed or not, and never made", async () => {
  for (const auth of ["signature", "none"] as const) {
    const { server, requests } = await start({
      auth,
      hasRegion: (name, account) => name === "my-lab-1" && account === "123456789012",
    });
    const ask = (region: string): Promise<unknown> => {
      const client = new EC2Client({
        endpoint: `http://127.0.0.1:${server.port}`,
        region,
        credentials: CREDENTIALS,
        maxAttempts: 1,
      });
      return client.send(new DescribeVpcsCommand({})).finally(() => client.destroy());
    };
    const words = {
      name: "SignatureDoesNotMatch",
      message: /valid region, not 'us-easst-1'\..*--own-region us-easst-1/,
    };
    await assert.rejects(ask("us-easst-1"), words);
    await assert.rejects(ask("foo"), { name: "SignatureDoesNotMatch" });
    assert.equal(requests.length, 0);
    await ask("my-lab-1");
    assert.deepEqual(
      requests.map(({ region }) => region),
      ["my-lab-1"],
    );
  }
});

test("an answer carries EC2's headers and its own request id", async () => {
  const { server } = await start({ auth: "none" });
  const [one, two] = await Promise.all([
    call(server, { body: DESCRIBE }),
    call(server, { method: "GET", path: `/?${DESCRIBE}` }),
  ]);
  assert.equal(one.status, 200);
  assert.equal(one.headers["content-type"], "text/xml;charset=UTF-8");
  assert.equal(one.headers["server"], "AmazonEC2");
  assert.equal(one.headers["access-control-allow-origin"], undefined);
  const id = String(one.headers["x-amzn-requestid"]);
  assert.ok(
    one.body.includes(
      `<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>${id}</requestId><vpcSet>`,
    ),
  );
  assert.notEqual(two.headers["x-amzn-requestid"], id);
});

test("an unsigned request is refused, unless signatures are turned off", async () => {
  const strict = await start();
  const refused = await call(strict.server, { body: DESCRIBE });
  assert.equal(refused.status, 403);
  assert.match(refused.body, /<Response><Errors><Error><Code>MissingAuthenticationToken<.*<RequestID>/);
  const open = await start({ auth: "none" });
  await call(open.server, { body: DESCRIBE });
  const authorization =
    "AWS4-HMAC-SHA256 Credential=X/20300131/ap-northeast-1/ec2/aws4_request, SignedHeaders=host, Signature=0";
  await call(open.server, { body: DESCRIBE, headers: { authorization, "x-amz-date": "20300131T000000Z" } });
  assert.deepEqual(
    open.requests.map(({ region }) => region),
    ["us-east-1", "ap-northeast-1"],
  );
  assert.match(
    (await call(open.server, { body: "Action=GetCallerIdentity&Version=2011-06-15" })).body,
    /<Account>123456789012</,
  );
});

test("a web page elsewhere can't reach the API", async () => {
  const { server, requests } = await start({ auth: "none", names: ["genkan.test"] });
  const own = `127.0.0.1:${server.port}`;
  const statusOf = async (headers: Record<string, string>, path = "/"): Promise<number> =>
    (await call(server, { body: DESCRIBE, path, headers })).status;
  for (const host of [own, "localhost", "LOCALHOST:80", "[::1]:1", "genkan.test:4566", "192.0.2.1"])
    assert.equal(await statusOf({ host }), 200, host);
  const reached = requests.length;
  const disguised = ["0.0.0.0:4566", "[::]", "[0:0::0]:4566", "[::ffff:127.0.0.1]", "[::FFFF:7f00:1]"];
  for (const host of [
    "evil.test",
    "evil.test:4566",
    "127.0.0.1.evil.test",
    "localhost.",
    "localhost@evil",
    ...disguised,
  ]) {
    assert.equal(await statusOf({ host }), 403, host);
    assert.equal(await statusOf({ host }, "/_genkan/reset"), 403, host);
  }
  assert.match(
    await raw(server, "GET /?Action=DescribeVpcs HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n"),
    /^HTTP\/1\.1 403 /,
  );
  assert.equal(await statusOf({ origin: `http://${own}` }), 200);
  for (const origin of ["http://evil.test", "null", `https://${own}`, "http://localhost"])
    assert.equal(await statusOf({ origin }), 403, origin);
  for (const site of ["cross-site", "same-site"])
    assert.equal(await statusOf({ "sec-fetch-site": site }), 403, site);
  assert.equal(await statusOf({ "sec-fetch-site": "same-origin" }), 200);
  const browser = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64)" };
  assert.equal(await statusOf(browser), 403);
  assert.equal(await statusOf({ ...browser, "sec-fetch-site": "none" }), 200);
  assert.equal(
    (await call(server, { method: "OPTIONS", headers: { origin: "http://evil.test" } })).status,
    403,
  );
  assert.equal(requests.length, reached + 3);
});

test("a request that is not an EC2 query is refused with a reason", async () => {
  const { server, requests } = await start({ auth: "none" });
  const expect = async (wish: Call, status: number, words: RegExp): Promise<void> => {
    const { status: got, body } = await call(server, wish);
    assert.equal(got, status, body);
    assert.match(body, words);
  };
  await expect({ method: "PUT", body: DESCRIBE }, 405, /GET and POST/);
  await expect({ path: "/other", body: DESCRIBE }, 404, /nothing here/);
  await expect({ headers: { "content-type": "application/json" }, body: "{}" }, 400, /x-www-form-urlencoded/);
  await expect(
    { headers: { "x-amz-target": "DynamoDB.Scan" }, body: "{}" },
    400,
    /does not answer DynamoDB\.Scan/,
  );
  await expect({ headers: { "content-encoding": "gzip" }, body: DESCRIBE }, 400, /compressed/);
  await expect({ body: "Action=Nothing&Version=2016-11-15" }, 400, /InvalidAction/);
  await expect({ body: Buffer.from([0x41, 0x3d, 0xff]) }, 400, /MalformedQueryString/);
  await expect({ body: `${DESCRIBE}&Nonsense=1` }, 400, /UnknownParameter/);
  assert.match(await raw(server, "nonsense\r\n\r\n"), /^HTTP\/1\.1 400 .*InvalidRequest/s);
  assert.match(
    await raw(server, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(70_000)}\r\n\r\n`),
    /^HTTP\/1\.1 431 /,
  );
  assert.match(
    await raw(server, "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    /^HTTP\/1\.1 4/,
  );
  assert.equal(requests.length, 0);
});

test("a body over 1 MiB is refused, stated or not, and the client gets to read why", async () => {
  const { server, requests } = await start({ auth: "none" });
  const padding = `&ClientToken=${"x".repeat((1 << 20) - DESCRIBE.length - 13)}`;
  assert.equal(Buffer.byteLength(DESCRIBE + padding), 1 << 20);
  assert.match((await call(server, { body: DESCRIBE + padding })).body, /UnknownParameter/);
  for (const headers of [{}, { "transfer-encoding": "chunked" }, { expect: "100-continue" }] as Record<
    string,
    string
  >[]) {
    const { status, body } = await call(server, {
      body: `${DESCRIBE}${padding}x`.padEnd(4 << 20, "x"),
      headers,
    });
    assert.equal(status, 413, JSON.stringify(headers));
    assert.match(body, /RequestEntityTooLarge/);
  }
  assert.equal(requests.length, 0);
  assert.equal((await call(server, { body: DESCRIBE })).status, 200);
});

test("an internal error is logged, and the client is not told its cause", async () => {
  const cause = new Error("a secret path");
  const { server, logged } = await start({ auth: "none", perform: () => Promise.reject(cause) });
  const { status, body } = await call(server, { body: DESCRIBE });
  assert.equal(status, 500);
  assert.match(body, /<Code>InternalError<\/Code><Message>An internal error has occurred<\/Message>/);
  assert.ok(!body.includes("secret"));
  assert.deepEqual(logged, [cause]);
  const own = await start({ internal: () => Promise.reject(cause) });
  const answer = await call(own.server, { method: "GET", path: "/_genkan/status" });
  assert.deepEqual([answer.status, answer.body], [500, '{"error":"An internal error has occurred."}\n']);
  assert.deepEqual(own.logged, [cause]);
});

test("a client that goes away in the middle leaves nothing behind", async () => {
  const { server, requests, logged } = await start({ auth: "none" });
  await new Promise<void>((resolve, reject) => {
    const socket = connect(server.port, "127.0.0.1", () => {
      socket.write(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nAction=",
        () => {
          socket.destroy();
          resolve();
        },
      );
    });
    socket.on("error", reject);
  });
  assert.equal((await call(server, { body: DESCRIBE })).status, 200);
  assert.equal(requests.length, 1);
  assert.deepEqual(logged, []);
});

test("requests under /_genkan go to their own handlers", async () => {
  const { server, requests } = await start();
  const { status, body, headers } = await call(server, { method: "GET", path: "/_genkan/health?a=b" });
  assert.deepEqual(
    [status, body, headers["content-type"]],
    [200, "GET /_genkan/health b", "application/json"],
  );
  assert.equal((await call(server, { path: "/_genkan/reset", body: "x".repeat(2 << 20) })).status, 413);
  assert.equal(requests.length, 0);
});

test("closing lets requests under way finish, and takes no new ones", async () => {
  const begun = deferred<void>();
  const finish = deferred<object>();
  const { server } = await start({
    auth: "none",
    perform: () => {
      begun.resolve();
      return finish.promise;
    },
  });
  const answer = call(server, { body: DESCRIBE });
  await begun.promise;
  const closed = server.close();
  await assert.rejects(call(server, { body: DESCRIBE }), { code: "ECONNREFUSED" });
  finish.resolve(VPCS);
  assert.equal((await answer).status, 200);
  await closed;
  opened.splice(opened.indexOf(server), 1);
});

test("an address that is taken is an error of its own", async () => {
  const { server } = await start();
  await assert.rejects(start({ port: server.port }), { code: "EADDRINUSE" });
});

test("Systems Manager's parameters of images are answered in its own protocol, and other services refused in theirs", async () => {
  const ask = (server: RunningServer, target: string): Promise<Reply> => {
    const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": target };
    return call(server, { headers, body: '{"Path":"/aws/service/debian","Recursive":true}' });
  };
  const { server } = await start({ auth: "none" });
  const answer = await ask(server, "AmazonSSM.GetParametersByPath");
  assert.deepEqual([answer.status, answer.headers["content-type"]], [200, "application/x-amz-json-1.1"]);
  assert.match(answer.body, /"Value":"ami-[0-9a-f]{17}"/);
  const strict = await start();
  const unsigned = await ask(strict.server, "AmazonSSM.GetParametersByPath");
  assert.match(unsigned.body, /^{"__type":"MissingAuthenticationTokenException"/);
  for (const each of [server, strict.server])
    assert.match((await ask(each, "Other.Do")).body, /^{"__type":"UnknownOperationException"/);
});
