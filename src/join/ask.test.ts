import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { after, before, describe, it } from "node:test";
import { type Identity, servePeers } from "../fleet/peer-link.ts";
import { askToJoin, findRegion } from "./ask.ts";
import { type Authority, certify, newAuthority, newKey, newRequest } from "./certificates.ts";
import { openDesk } from "./desk.ts";
import { type Token, formatToken, hashOf, newToken, parseToken } from "./token.ts";

const ADDRESS = "127.0.0.1";

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, ADDRESS);
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

describe("a machine asks one of a region to be let in", () => {
  let authority: Authority;
  let port: number;
  let close: () => Promise<void>;
  let token: Token;
  /** What the region's machine takes for the time and its version. */
  let now = Date.now;
  let version = "0.1.0";
  before(async () => {
    authority = await newAuthority(new Date());
    const key = newKey();
    const cert = await certify(authority, await newRequest(key), { addresses: [ADDRESS], now: new Date() });
    const identity: Identity = { ca: authority.certificate, cert, key };
    port = await freePort();
    const log = (): void => undefined;
    const guests = {
      hello: async (question: never) => desk().guests["hello"]?.(question) ?? {},
      join: async (question: never) => desk().guests["join"]?.(question) ?? {},
    };
    close = await servePeers({ host: ADDRESS, port, identity, handlers: {}, guests, log });
    const made = await desk().token();
    token = parseToken(made.token) ?? assert.fail("it is a token");
  });
  after(() => close());
  const desk = () =>
    openDesk({
      keys: async () => ({ authority, secret: "s" }),
      version,
      now: () => now(),
      machines: () => [],
      endpoints: () => ["https://127.0.0.1:2379"],
    });
  const here = () => ({ version: "0.1.0", time: Date.now() });
  const find = (wanted: Token = token) => findRegion({ address: ADDRESS, port }, wanted, here());

  it("gets a certificate of the region's authority, and nobody else's", async () => {
    const found = await find();
    assert.equal(found.from, ADDRESS);
    assert.ok(hashOf(found.authority).equals(hashOf(authority.certificate)));
    const key = newKey();
    const request = await newRequest(key);
    const question = { ...here(), token: formatToken(token), request, address: "127.0.0.9", home: "h" };
    const answer = await askToJoin({ address: ADDRESS, port }, found, question);
    assert.equal(answer.authority, authority.certificate);
    assert.deepEqual(answer.endpoints, ["https://127.0.0.1:2379"]);
    const other = (await newAuthority(new Date())).certificate;
    await assert.rejects(
      askToJoin({ address: ADDRESS, port }, { ...found, authority: other }, question),
      /is no machine of a region/,
    );
  });

  it("is told of another region, a clock that is wrong, and another version", async () => {
    const other = hashOf((await newAuthority(new Date())).certificate);
    await assert.rejects(find(newToken(other, token.ends, "s")), /token is not this region's/);
    now = () => Date.now() + 3_600_000;
    await assert.rejects(find(), /clocks differ by 3600 s/);
    now = Date.now;
    version = "1.0.0";
    await assert.rejects(find(), /has Genkan 0\.1\.0, and the region 1\.0\.0/);
    version = "0.1.0";
  });

  it("is told when nobody is there, or somebody else", async () => {
    const at = await freePort();
    const find2 = () => findRegion({ address: ADDRESS, port: at }, token, here());
    await assert.rejects(find2(), /Nothing answers at 127\.0\.0\.1/);
    const web = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")).listen(at, ADDRESS);
    await once(web, "listening");
    await assert.rejects(find2(), /is no machine of a region/);
    web.close();
  });
});
