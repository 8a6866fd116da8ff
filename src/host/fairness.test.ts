import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { serveDns } from "./dns-server.ts";
import { serveEchoTcp } from "./echo.ts";
import { askersInTurn, connectionLimit, rateLimit } from "./fairness.ts";
import { type MetadataServing, serveMetadata } from "./metadata-server.ts";

// A server listens as long as its process lives: so the tests have one of their own.
const INSIDE = "GENKAN_TEST_OF_FAIRNESS";

if (process.env[INSIDE] === undefined) {
  test("one asker leaves room for the others", async () => {
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
    const child = fork(fileURLToPath(import.meta.url), { env: { ...environment, [INSIDE]: "yes" } });
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });
} else {
  await manyConnections();
  await unreadAnswers();
  await manyQueries();
  await manyRequests();
  await manyBytes();
  await halfOpen();
  await brokenOff();
  await greedyClients();
  await idleClients();
  process.exit(0);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** Beyond the connections that one address may have, each is closed at once, and others are not. */
async function manyConnections(): Promise<void> {
  const port = await freePort();
  await serveDns({ addresses: ["127.0.0.1"], answer: (query) => query, port });
  const open = (localAddress: string): ReturnType<typeof connect> =>
    connect({ port, host: "127.0.0.1", localAddress });
  const greedy = Array.from({ length: 40 }, () => open("127.0.0.2"));
  const closed = greedy.map((socket) => once(socket.resume(), "close"));
  await Promise.race(closed);
  const modest = open("127.0.0.3");
  modest.write(Buffer.from([0, 1, 7]));
  assert.deepEqual((await once(modest, "data"))[0], Buffer.from([0, 1, 7]));
  for (const socket of [...greedy, modest]) socket.destroy();
}

/** Who asks and does not read the answers is not answered on and on. */
async function unreadAnswers(): Promise<void> {
  const port = await freePort();
  const questions = 150_000;
  const done = { answers: 0 };
  const answer = Buffer.alloc(100);
  // However slow the machine is, what ends this is that the answers stand still, and not that the asker did.
  const limits = { queriesPerSecond: questions, idleMilliseconds: 3_600_000 };
  await serveDns({ addresses: ["127.0.0.1"], answer: () => (done.answers++, answer), port, ...limits });
  const asker = connect(port, "127.0.0.1").pause();
  asker.write(Buffer.alloc(questions * 3, Buffer.from([0, 1, 7])));
  let before = -1;
  for (
    let still = 0;
    still < 2_000 && done.answers < questions;
    still = done.answers === before ? still + 1 : 0
  ) {
    before = done.answers;
    await turn();
  }
  assert.ok(
    done.answers > 0 && done.answers < questions,
    `${done.answers} answers to an asker who reads none`,
  );
  let bytes = 0;
  for await (const data of asker as AsyncIterable<Buffer>) {
    bytes += data.length;
    if (bytes === questions * 102) break;
  }
  assert.equal(done.answers, questions);
}

/**
 * Over TCP an asker gets as many answers in a second as over UDP: the others wait, and so does nobody else.
 */
async function manyQueries(): Promise<void> {
  const port = await freePort();
  const questions = 2_500;
  const second = Math.floor(Date.now() / 1000);
  await serveDns({ addresses: ["127.0.0.1"], answer: (query) => query, port });
  const greedy = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" });
  greedy.on("error", () => undefined);
  const taken = bytesOf(greedy, questions * 3);
  greedy.write(Buffer.alloc(questions * 3, Buffer.from([0, 1, 7])));
  const modest = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.3" });
  modest.write(Buffer.from([0, 1, 7]));
  assert.deepEqual((await once(modest, "data"))[0], Buffer.from([0, 1, 7]));
  assert.equal((await taken).length, questions * 3);
  const seconds = Math.floor(Date.now() / 1000) - second + 1;
  assert.ok(questions <= 1_024 * seconds, `${questions} answers in ${seconds} s`);
  greedy.destroy();
  const long = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.3" });
  long.write(Buffer.from([0x40, 0, 7]));
  assert.equal((await bytesOf(long)).length, 0);
  modest.destroy();
}

/** Requests in a row on one connection: after so many in a second comes one 503, and the end. */
async function manyRequests(): Promise<void> {
  const port = await freePort();
  await serveMetadata(serving(port, { mayAsk: rateLimit(5) }));
  const ask = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const greedy = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" });
  greedy.write(ask.repeat(500));
  const modest = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.3" });
  modest.write(ask);
  assert.match(String((await once(modest, "data"))[0]), /^HTTP\/1.1 404 /);
  const statuses = (await bytesOf(greedy)).toString().match(/^HTTP\/1.1 \d+/gm) ?? [];
  // Where a second ended in between, as many again.
  assert.ok(statuses.length >= 6 && statuses.length <= 11, `${statuses.length} answers`);
  assert.deepEqual(
    [statuses.slice(0, -1).every((line) => line.endsWith("404")), statuses.at(-1)],
    [true, "HTTP/1.1 503"],
  );
  modest.destroy();
}

function serving(
  port: number,
  limits: Partial<Pick<MetadataServing, "askerAt" | "mayAsk" | "mayRead">>,
): MetadataServing {
  return {
    address: "127.0.0.1",
    port,
    askerAt: () => undefined,
    mayAsk: rateLimit(1_000),
    mayRead: rateLimit(1_000_000),
    turn: askersInTurn(),
    limit: connectionLimit({ most: 100, ofOne: () => 64 }),
    secret: Buffer.from("secret"),
    ...limits,
  };
}

/**
 * Who says more than is read in a second loses his connection, and of what he says no more is looked at than
 * that.
 */
async function manyBytes(): Promise<void> {
  const port = await freePort();
  const looked: string[] = [];
  await serveMetadata(
    serving(port, { mayRead: rateLimit(400), askerAt: (address) => void looked.push(address) }),
  );
  const ask = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const greedy = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" });
  const taken = bytesOf(greedy);
  greedy.write(ask.repeat(500));
  const modest = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.3" });
  modest.write(ask);
  assert.match(String((await once(modest, "data"))[0]), /^HTTP\/1.1 404 /);
  await taken;
  const ofGreedy = looked.filter((address) => address === "127.0.0.2").length;
  // Where a second ended in between, as many again.
  assert.ok(ofGreedy <= 2 * Math.floor(400 / ask.length), `${ofGreedy} requests of one who says too much`);
  assert.equal(looked.length - ofGreedy, 1);
  modest.destroy();
}

/** Who has said all, and closes his side, is answered: a request, and what is echoed, of several pieces. */
async function halfOpen(): Promise<void> {
  const [port, echo] = [await freePort(), await freePort()];
  await serveMetadata(serving(port, {}));
  await serveEchoTcp({
    address: "127.0.0.1",
    port: echo,
    limit: connectionLimit({ most: 100, ofOne: () => 64 }),
  });
  const asker = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  asker.end(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(5_000)}\r\n\r\n`);
  assert.match((await bytesOf(asker)).toString(), /^HTTP\/1.1 404 .*<\/html>\n$/s);
  const caller = connect({ port: echo, host: "127.0.0.1", allowHalfOpen: true });
  const said = randomBytes(300_000);
  caller.end(said);
  assert.deepEqual(await bytesOf(caller), said);
}

/** A client that goes away with answers on their way to it takes nobody along. */
async function brokenOff(): Promise<void> {
  const port = await freePort();
  await serveEchoTcp({ address: "127.0.0.1", port, limit: connectionLimit({ most: 100, ofOne: () => 64 }) });
  for (let client = 0; client < 20; client += 1) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    await once(socket, "connect");
    // It takes nothing of what comes back, until no more of what it says is taken.
    socket.pause();
    for (let pieces = 0; pieces < 500 && socket.write(Buffer.alloc(16_384)); pieces += 1) await turn();
    await turn();
    socket.resetAndDestroy();
    await once(socket, "close");
  }
  const other = connect(port, "127.0.0.1");
  other.write("?");
  assert.equal((await bytesOf(other, 1)).toString(), "?");
  other.destroy();
}

/** A client has a quarter of what is left, and the next one a quarter of the rest. */
async function greedyClients(): Promise<void> {
  const port = await freePort();
  await serveEchoTcp({
    address: "127.0.0.1",
    port,
    limit: connectionLimit({ most: 100, ofOne: (free) => Math.max(2, free / 4) }),
  });
  const kept = async (localAddress: string): Promise<number> => {
    const sockets = Array.from({ length: 60 }, () => connect({ port, host: "127.0.0.1", localAddress }));
    const alive = await Promise.all(sockets.map((socket) => (socket.write("?"), bytesOf(socket, 1))));
    return alive.filter((bytes) => bytes.length > 0).length;
  };
  assert.deepEqual([await kept("127.0.0.2"), await kept("127.0.0.3"), await kept("127.0.0.4")], [20, 16, 13]);
}

/** Whom nobody hears of any more, and who says nothing, is let go. */
async function idleClients(): Promise<void> {
  const port = await freePort();
  const limit = connectionLimit({ most: 100, ofOne: () => 100 });
  await serveEchoTcp({ address: "127.0.0.1", port, limit, idleMilliseconds: 20 });
  assert.equal((await bytesOf(connect(port, "127.0.0.1"))).length, 0);
}

/** What comes until the other side ends the connection, or until there is so much. */
async function bytesOf(
  socket: ReturnType<typeof connect>,
  enough = Number.POSITIVE_INFINITY,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("error", () => undefined);
  await new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (chunks.reduce((sum, { length }) => sum + length, 0) >= enough) resolve();
    });
  });
  return Buffer.concat(chunks);
}

test(
  "an address may ask so often in a second, whatever others do",
  { skip: process.env[INSIDE] !== undefined },
  () => {
    const mayAsk = rateLimit(2);
    assert.deepEqual(
      [0, 1, 999].map((now) => mayAsk("a", now)),
      [true, true, false],
    );
    assert.equal(mayAsk("b", 999), true);
    assert.equal(mayAsk("a", 1_000), true);
  },
);

test(
  "who has much to do waits for himself, and others for one piece of it",
  { skip: process.env[INSIDE] !== undefined },
  async () => {
    const turn = askersInTurn((address) => address.slice(0, 1));
    const done: string[] = [];
    const work = (name: string, again: number): void =>
      turn(name, () => {
        done.push(name);
        if (again > 0) work(name, again - 1);
      });
    for (const name of ["a1", "a2", "a3"]) work(name, 1);
    work("b1", 0);
    await new Promise<void>((resolve) => turn("b2", resolve));
    // Of `a` one piece had its turn for each of `b`'s, by whichever of its addresses.
    assert.deepEqual(done, ["a1", "b1", "a2"]);
    await new Promise<void>((resolve) => turn("a4", resolve));
    assert.deepEqual(done, ["a1", "b1", "a2", "a3", "a1", "a2"]);
  },
);
