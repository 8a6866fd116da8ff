import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { serveDns } from "./dns-server.ts";
import { rateLimit } from "./fairness.ts";

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
  await serveDns("127.0.0.1", (query) => query, port);
  const open = (localAddress: string): ReturnType<typeof connect> => connect({ port, host: "127.0.0.1", localAddress });
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
  const questions = 400_000;
  const done = { answers: 0 };
  const answer = Buffer.alloc(100);
  await serveDns("127.0.0.1", () => (done.answers++, answer), port);
  const asker = connect(port, "127.0.0.1").pause();
  asker.write(Buffer.alloc(questions * 3, Buffer.from([0, 1, 7])));
  let before = -1;
  for (let still = 0; still < 2_000 && done.answers < questions; still = done.answers === before ? still + 1 : 0) {
    before = done.answers;
    await turn();
  }
  assert.ok(done.answers > 0 && done.answers < questions, `${done.answers} answers to an asker who reads none`);
  let bytes = 0;
  for await (const data of asker as AsyncIterable<Buffer>) {
    bytes += data.length;
    if (bytes === questions * 102) break;
  }
  assert.equal(done.answers, questions);
}

test("an address may ask so often in a second, whatever others do", { skip: process.env[INSIDE] !== undefined }, () => {
  const mayAsk = rateLimit(2);
  assert.deepEqual(
    [0, 1, 999].map((now) => mayAsk("a", now)),
    [true, true, false],
  );
  assert.equal(mayAsk("b", 999), true);
  assert.equal(mayAsk("a", 1_000), true);
});
