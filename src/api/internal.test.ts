import assert from "node:assert/strict";
import type { Writable } from "node:stream";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { type EndpointName, ENDPOINTS, pathOf } from "../protocol/endpoints.ts";
import type { FlowMessage } from "../protocol/flows.ts";
import type { Handlers, Told } from "../protocol/handlers.ts";
import { BadQuestion, NotFound } from "../protocol/question.ts";
import type { TraceMessage } from "../protocol/trace.ts";
import { answerInternal, type InternalAnswer } from "./internal.ts";

const NAMES = Object.keys(ENDPOINTS) as readonly EndpointName[];
const TOKEN = "secret";
const WITH_TOKEN = `Bearer ${TOKEN}`;

type Heard = { readonly name: string; readonly id: string; readonly question: object };

/** Handlers that note which of them was called, and with what. */
function listening(heard: Heard[]): Handlers<Writable> {
  const handlers = NAMES.map((name) => {
    const { form } = ENDPOINTS[name].says;
    const handler = ({ id, question }: Omit<Heard, "name">): unknown => {
      heard.push({ name, id, question });
      return form === "answer" ? { name } : form === "text" ? Promise.resolve(name) : () => undefined;
    };
    return [name, handler];
  });
  return Object.fromEntries(handlers) as Handlers<Writable>;
}

type Call = { readonly method?: string; readonly path: string; readonly authorization?: string | undefined };

function call(
  handlers: Handlers<Writable>,
  { method = "GET", path, authorization }: Call,
): Promise<InternalAnswer> {
  const url = new URL(path, "http://localhost");
  return answerInternal(handlers, TOKEN, {
    method,
    path: url.pathname,
    query: url.searchParams,
    authorization,
  });
}

describe("questions to /_genkan", () => {
  test("come to the endpoint that was asked, whatever the name and the values", async () => {
    const text = fc
      .string({ unit: "binary", minLength: 1, maxLength: 12 })
      .filter((one) => !/^\.{1,2}$/.test(one));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...NAMES),
        text,
        fc.array(text, { maxLength: 8 }),
        async (name, id, values) => {
          const { named, question: asks, method, says } = ENDPOINTS[name];
          const question = Object.fromEntries(
            asks.flatMap((one, index) => (values[index] === undefined ? [] : [[one, values[index]]])),
          );
          const heard: Heard[] = [];
          const path = pathOf(name, { ...(named ? { id } : {}), question } as Parameters<typeof pathOf>[1]);
          const answer = await call(listening(heard), { method, path, authorization: WITH_TOKEN });
          assert.deepEqual(heard, [{ name, id: named ? id : "", question }]);
          assert.equal(answer.status, 200);
          if (says.form === "answer") assert.deepEqual(JSON.parse(answer.body), { name });
          else if (says.form === "text") assert.equal(answer.body, name);
          else assert.ok(answer.stream);
        },
      ),
    );
  });

  test("are answered without the token only where the table says so", async () => {
    const open: string[] = [];
    for (const name of NAMES) {
      const heard: Heard[] = [];
      const { method, path, named } = ENDPOINTS[name];
      for (const authorization of [undefined, "Bearer other", TOKEN]) {
        const answer = await call(listening(heard), {
          method,
          path: `/_genkan/${path}${named ? "/i-1" : ""}`,
          authorization,
        });
        assert.equal(answer.status === 401, heard.length === 0, name);
      }
      if (heard.length > 0) open.push(name);
    }
    assert.deepEqual(open, ["health", "metrics"]);
    const heard: Heard[] = [];
    assert.equal((await call(listening(heard), { path: "/_genkan/metrics?detail=interfaces" })).status, 401);
    assert.deepEqual(heard, []);
  });

  test("with another method, or to an unknown endpoint, are refused without being read", async () => {
    for (const name of NAMES) {
      const heard: Heard[] = [];
      const { method, path } = ENDPOINTS[name];
      const other = method === "GET" ? "POST" : "GET";
      const answer = await call(listening(heard), {
        method: other,
        path: `/_genkan/${path}`,
        authorization: WITH_TOKEN,
      });
      assert.deepEqual([answer.status, heard], [405, []], name);
    }
    for (const path of [
      "/_genkan",
      "/_genkan/",
      "/_genkan/toString",
      "/_genkan/__proto__",
      "/_genkan/tracePacket",
    ])
      assert.equal((await call(listening([]), { path, authorization: WITH_TOKEN })).status, 404, path);
  });

  test("that cannot be answered say why", async () => {
    const failing = (error: Error): Handlers<Writable> => ({
      ...listening([]),
      status: () => {
        throw error;
      },
    });
    const asked = async (error: Error): Promise<readonly unknown[]> => {
      const { status, body } = await call(failing(error), {
        path: "/_genkan/status",
        authorization: WITH_TOKEN,
      });
      return [status, JSON.parse(body)];
    };
    assert.deepEqual(await asked(new NotFound("none")), [404, { error: "none" }]);
    assert.deepEqual(await asked(new BadQuestion("odd")), [400, { error: "odd" }]);
    await assert.rejects(asked(new Error("ours")), /ours/);
    assert.equal(
      (await call(listening([]), { path: "/_genkan/instances/%ff", authorization: WITH_TOKEN })).status,
      400,
    );
  });

  test("have the types of the table: another endpoint's answer does not compile", () => {
    const answer = { netns: "/proc/1/ns/net" };
    const told: Told<TraceMessage, Writable> = () => undefined;
    const fits: Pick<Handlers<Writable>, "internet" | "trace"> = {
      internet: () => answer,
      trace: () => told,
    };
    // @ts-expect-error -- that is what the internet answers, not health
    const health: Handlers<Writable>["health"] = () => answer;
    // @ts-expect-error -- packets are no records of flow logs
    const flows: Handlers<Writable>["flows"] = () => told;
    const records: Told<FlowMessage, Writable> = () => undefined;
    assert.deepEqual(
      [typeof fits.trace, typeof health, typeof flows, typeof records],
      ["function", "function", "function", "function"],
    );
  });
});
