import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer as createHttpsServer, request } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { certify, newAuthority, newKey, newRequest } from "../join/certificates.ts";
import { Fault } from "../model/fault.ts";
import { GUEST_PATH, type Identity, PeerError, Peers, Refused, servePeers } from "./peer-link.ts";

/** A machine's, of a region of its own. */
async function identityOf(address: string): Promise<Identity> {
  const now = new Date();
  const [authority, key] = [await newAuthority(now), newKey()];
  const cert = await certify(authority, await newRequest(key), { addresses: [address], now });
  return { ca: authority.certificate, cert, key };
}

describe("machines ask each other", () => {
  let port = 0;
  let url = "";
  let close: () => Promise<void>;
  /** Of two regions. */
  let ours: Identity;
  let theirs: Identity;
  const logged: string[] = [];
  before(async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    ({ port } = probe.address() as AddressInfo);
    probe.close();
    url = `https://127.0.0.1:${port}`;
    [ours, theirs] = [await identityOf("127.0.0.1"), await identityOf("127.0.0.1")];
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
    const guests = {
      echo: async (question: object) => question,
      no: () => Promise.reject(new Refused("Not you.")),
    };
    close = await servePeers({ host: "127.0.0.1", port, identity: ours, handlers, guests, log });
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
    const peers = new Peers(ours);
    const question = { name: "玄関", list: [1, 2] };
    assert.deepEqual(await peers.ask(url, "echo", question), question);
    assert.deepEqual(await peers.ask(url, "echo", question, { fresh: true }), question);
    peers.close();
  });

  it("only with a certificate of the region on both sides, and only what there is", async () => {
    for (const name of ["toString", "constructor"]) {
      const error = await failure(new Peers(ours).ask(url, name, {}, { fresh: true }));
      assert.ok(error instanceof PeerError && !error.reached && error.message.includes("answered 404"));
    }
    for (const identity of [theirs, { ...ours, ca: theirs.ca }, { ...theirs, ca: ours.ca }]) {
      const error = await failure(new Peers(identity).ask(url, "echo", {}, { fresh: true }));
      assert.ok(error instanceof PeerError);
      assert.equal(error.reached, false, "nothing can have been done");
    }
    assert.deepEqual(logged, []);
  });

  /** Asks without a certificate. */
  const guest = async (path: string, body: string): Promise<readonly [number | undefined, string]> => {
    const asked = request(url + path, { method: "POST", ca: ours.ca, agent: false });
    asked.end(body);
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    return [response.statusCode, await text(response)];
  };

  it("and guests get what is for guests alone", async () => {
    assert.deepEqual(await guest(`${GUEST_PATH}echo`, "[1]"), [200, "[1]"]);
    assert.deepEqual(await guest(`${GUEST_PATH}no`, "{}"), [403, '{"error":"Not you."}']);
    assert.equal((await guest(`${GUEST_PATH}broken`, "{}"))[0], 404);
    assert.equal((await guest("/peer/echo", "[1]"))[0], 401);
    assert.equal((await guest(`${GUEST_PATH}echo`, `"${"x".repeat(70_000)}"`))[0], 413);
  });

  it("and are told that nobody leads, but no cause of a failure", async () => {
    const peers = new Peers(ours);
    const lost = await failure(peers.ask(url, "lost", {}));
    assert.ok(lost instanceof Fault && lost.code === "Unavailable" && lost.message === "Nobody leads.");
    const broken = await failure(peers.ask(url, "broken", {}));
    assert.ok(broken instanceof PeerError && broken.reached && !broken.message.includes("secret"));
    assert.deepEqual(logged, ["/peer/broken of another machine failed"]);
    peers.close();
  });

  it("and know whether a question can have reached a machine that does not answer", async () => {
    const silent = createTlsServer({ key: ours.key, cert: ours.cert }).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const at = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const peers = new Peers(ours);
    const cut = new AbortController();
    silent.once("secureConnection", (socket) => {
      socket.on("error", () => undefined).once("data", () => cut.abort());
    });
    const reached = await failure(peers.ask(at, "echo", {}, { fresh: true, signal: cut.signal }));
    assert.ok(reached instanceof PeerError && reached.reached);
    silent.close();
    await once(silent, "close");
    const refused = await failure(peers.ask(at, "echo", {}, { fresh: true }));
    assert.ok(refused instanceof PeerError && !refused.reached);
  });

  it("and ask what may not be asked twice by a connection that is alive, not by a new one each time", async () => {
    const { key, cert } = ours;
    const server = createHttpsServer({ key, cert }, (_, response) => void response.end("{}"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const at = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const connections: TLSSocket[] = [];
    server.on("secureConnection", (socket: TLSSocket) => void connections.push(socket));
    const peers = new Peers(ours);
    const ask = (): Promise<object> => peers.ask(at, "echo", {}, { fresh: true });
    for (let n = 0; n < 20; n++) await ask();
    await Promise.all([ask(), ask(), ask()]);
    assert.equal(connections.length, 3);
    // After a second without an answer nobody knows whether they are.
    await Promise.all(connections.map((socket) => once(socket.resume(), "close")));
    await ask();
    assert.equal(connections.length, 4);
    peers.close();
    server.close();
  });
});
