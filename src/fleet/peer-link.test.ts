import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { after, before, describe, it } from "node:test";
import { Fault } from "../model/fault.ts";
import { PeerError, Peers, servePeers } from "./peer-link.ts";

describe("machines ask each other", () => {
  let port = 0;
  let url = "";
  let close: () => Promise<void>;
  const logged: string[] = [];
  before(async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    ({ port } = probe.address() as AddressInfo);
    probe.close();
    url = `http://127.0.0.1:${port}`;
    const handlers = {
      echo: async (question: object) => question,
      lost: async () => {
        throw new Fault("Unavailable", "Nobody leads.");
      },
      broken: async () => {
        throw new Error("a secret of the machine");
      },
    };
    const log = (message: string): void => void logged.push(message);
    close = await servePeers({ host: "127.0.0.1", port, secret: "s", handlers, log });
  });
  after(() => close());
  const failure = async (call: Promise<unknown>): Promise<unknown> => {
    try {
      await call;
    } catch (error) {
      return error;
    }
    return undefined;
  };

  it("and are answered, what is not ASCII too", async () => {
    const peers = new Peers("s");
    const question = { name: "玄関", list: [1, 2] };
    assert.deepEqual(await peers.ask(url, "echo", question), question);
    assert.deepEqual(await peers.ask(url, "echo", question, { once: true }), question);
    peers.close();
  });

  it("only with the region's secret, and only what there is", async () => {
    for (const [secret, name, status] of [
      ["", "echo", 401],
      ["t", "echo", 401],
      ["ss", "echo", 401],
      ["s", "toString", 404],
      ["s", "constructor", 404],
    ] as const) {
      const error = await failure(new Peers(secret).ask(url, name, {}, { once: true }));
      assert.ok(
        error instanceof PeerError && error.message.includes(`answered ${status}`),
        `${secret} ${name}`,
      );
      assert.equal(error.reached, false, "nothing can have been done");
    }
  });

  it("and are told that nobody leads, but no cause of a failure", async () => {
    const peers = new Peers("s");
    const lost = await failure(peers.ask(url, "lost", {}));
    assert.ok(lost instanceof Fault && lost.code === "Unavailable" && lost.message === "Nobody leads.");
    const broken = await failure(peers.ask(url, "broken", {}));
    assert.ok(broken instanceof PeerError && broken.reached && !broken.message.includes("secret"));
    assert.deepEqual(logged, ["/peer/broken of another machine failed"]);
    peers.close();
  });

  it("and know whether a question can have reached a machine that does not answer", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const at = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const peers = new Peers("s");
    const cut = new AbortController();
    silent.once("connection", (socket) => {
      socket.on("error", () => undefined).once("data", () => cut.abort());
    });
    const reached = await failure(peers.ask(at, "echo", {}, { once: true, signal: cut.signal }));
    assert.ok(reached instanceof PeerError && reached.reached);
    silent.close();
    await once(silent, "close");
    const refused = await failure(peers.ask(at, "echo", {}, { once: true }));
    assert.ok(refused instanceof PeerError && !refused.reached);
  });
});
