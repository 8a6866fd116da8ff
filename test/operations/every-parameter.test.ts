import assert from "node:assert/strict";
import { test } from "node:test";
import { markOf } from "../../src/actions/marks.ts";
import { OFFERED } from "../../src/actions/registry.ts";
import { Fault } from "../../src/model/fault.ts";
import { findOperation } from "../../src/wire/operations.ts";
import { fixedRegion } from "../fuzz/corpus.ts";
import { taken, withOneMore } from "../random/one-more.ts";

test("each operation that is offered has a request that is taken", () => {
  const region = fixedRegion();
  const requests = taken(region);
  const untried = OFFERED.filter((operation) => !requests.has(operation) && hasParameters(operation));
  assert.deepEqual(untried, [], "give each a request in test/fuzz/takeable.ts");
});

function hasParameters(operation: string): boolean {
  return findOperation(operation)?.input?.members.some(({ name }) => name !== "DryRun") ?? false;
}

test("no parameter is ignored silently: each is read by its action, or the request is refused", () => {
  const region = fixedRegion();
  const ignored: string[] = [];
  let looked = 0;
  for (const [operation, input] of taken(region)) {
    for (const { path, request } of withOneMore(findOperation(operation)?.input, input)) {
      const read = new Set<string>();
      const name = `${operation} ${path}`;
      try {
        region.perform(operation, watched(request, "", read));
      } catch (error) {
        if (!(error instanceof Fault)) throw new Error(`${name} was not understood`, { cause: error });
        continue;
      }
      looked += 1;
      if (!read.has(path) && !markOf(operation).moot?.includes(path)) ignored.push(name);
    }
  }
  assert.deepEqual(ignored, []);
  assert.ok(looked > 60, `${looked} parameters beside others that pass`);
});

/** The same value, which notes which of its members are asked for; of lists, of all items together. */
function watched(value: unknown, path: string, read: Set<string>): object {
  const below = (key: string, within: object): string =>
    Array.isArray(within) ? `${path}.*` : path === "" ? key : `${path}.${key}`;
  return new Proxy(value as object, {
    get: (target, key) => {
      const inner: unknown = Reflect.get(target, key);
      if (typeof key !== "string") return inner;
      read.add(below(key, target));
      const isPlain =
        typeof inner === "object" &&
        inner !== null &&
        !(inner instanceof Date) &&
        !(inner instanceof Uint8Array);
      return isPlain && Object.hasOwn(target, key) ? watched(inner, below(key, target), read) : inner;
    },
    has: (target, key) => {
      if (typeof key === "string") read.add(below(key, target));
      return Reflect.has(target, key);
    },
  });
}
