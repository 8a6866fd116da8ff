import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { test } from "node:test";
import { OFFERED } from "../src/actions/registry.ts";
import { Fault } from "../src/model/fault.ts";
import { fixedRegion } from "./fuzz/corpus.ts";
import { taken } from "./one-more.ts";

/** Documented, and refused all the same, each with its reason. */
const NOT_TAKEN: Readonly<Record<string, string>> = Object.fromEntries(
  ["informational", "low", "medium", "high", "critical"].map((value) => [
    `DescribeImages ${value}`,
    "no filter, but a value of scan-result.highest-finding-severity-label, listed below it",
  ]),
);

test("every filter that AWS's reference names is taken, in every operation that is offered", () => {
  const region = fixedRegion();
  const requests = taken(region);
  const refused: string[] = [];
  let tried = 0;
  for (const [operation, { parameter, names }] of documented()) {
    for (const name of names) {
      tried += 1;
      const request = { ...requests.get(operation), [parameter]: [{ Name: name, Values: ["sg-0123456789abcdef0"] }] };
      const words = refusal(() => region.perform(operation, request));
      if (words !== undefined) refused.push(`${operation} ${name}: ${words}`);
    }
  }
  const unexpected = refused.filter((line) => !Object.hasOwn(NOT_TAKEN, line.split(":")[0] ?? ""));
  assert.equal(unexpected.join("\n"), "");
  assert.ok(tried > 600, `${tried} filters`);
});

test("a filter that AWS does not know is refused, in every operation that takes filters", () => {
  const region = fixedRegion();
  const requests = taken(region);
  const deaf = [...documented()].filter(([operation, { parameter }]) => {
    const request = { ...requests.get(operation), [parameter]: [{ Name: "no-such-filter", Values: ["x"] }] };
    return refusal(() => region.perform(operation, request)) === undefined;
  });
  assert.deepEqual(
    deaf.map(([operation]) => operation),
    [],
  );
});

test("what a description shows, its filter finds", () => {
  const region = fixedRegion();
  const deaf: string[] = [];
  let tried = 0;
  for (const [operation, { parameter, names }] of documented()) {
    const request = taken(region).get(operation) ?? {};
    const list = (input: object): readonly object[] => itemsOf(region.perform(operation, input));
    for (const item of list(request)) {
      for (const name of names) {
        const [value] = valuesAt(item, name.split("."));
        if (value === undefined || value === "") continue;
        tried += 1;
        const text = value instanceof Date ? value.toISOString() : String(value);
        const found = list({ ...request, [parameter]: [{ Name: name, Values: [text.replaceAll(/[*?\\]/g, "\\$&")] }] });
        if (!found.some((one) => isDeepStrictEqual(one, item))) deaf.push(`${operation} ${name}=${text}`);
      }
    }
  }
  assert.equal([...new Set(deaf)].join("\n"), "");
  assert.ok(tried > 500, `${tried} values`);
});

/** The items of an answer: of reservations, their instances. */
function itemsOf(answer: unknown): readonly object[] {
  const lists = Object.values(answer as object).filter((value) => Array.isArray(value)) as (readonly object[])[];
  const items = lists.at(-1) ?? [];
  return items
    .filter((item) => typeof item === "object")
    .flatMap((item) => ("Instances" in item ? (item.Instances as readonly object[]) : [item]));
}

/** What stands where a filter's name points, as in `attachment.delete-on-termination`; lists are gone through. */
function valuesAt(value: unknown, [part, ...rest]: readonly string[]): readonly unknown[] {
  if (Array.isArray(value)) return value.flatMap((item) => valuesAt(item, part === undefined ? [] : [part, ...rest]));
  if (part === undefined) return typeof value === "object" && !(value instanceof Date) ? [] : [value];
  if (typeof value !== "object" || value === null || value instanceof Date) return [];
  const wanted = part.replaceAll("-", "").toLowerCase();
  const found = Object.entries(value).find(([key]) => [wanted, `${wanted}s`, `${wanted}set`, `${wanted}es`].includes(key.toLowerCase()));
  return found ? valuesAt(found[1], rest) : [];
}

function refusal(ask: () => unknown): string | undefined {
  try {
    ask();
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

type Documented = { readonly parameter: "Filter" | "Filters"; readonly names: readonly string[] };

/** The filters of the offered operations, as the SDK's types quote AWS's reference. */
function documented(): ReadonlyMap<string, Documented> {
  const folder = join(dirname(fileURLToPath(import.meta.resolve("@aws-sdk/client-ec2"))), "../dist-types/models");
  const text = readdirSync(folder)
    .filter((name) => /^models_\d+\.d\.ts$/.test(name))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
  const found = new Map<string, Documented>();
  for (const operation of OFFERED) {
    const body = new RegExp(`^export interface ${operation}Request \\{\\n(.*?)^\\}`, "ms").exec(text)?.[1] ?? "";
    const [, comment = "", parameter] = /\/\*\*((?:(?!\*\/).)*)\*\/\n {4}(Filters?)\?: Filter\[\]/s.exec(body) ?? [];
    if (parameter !== "Filter" && parameter !== "Filters") continue;
    const names = [...comment.matchAll(/<li>[\s*]*<p>[\s*]*<code>\s*([^<]+?)\s*<\/code>/g)].map(([, name = ""]) => plain(name));
    found.set(operation, { parameter, names });
  }
  return found;
}

function plain(name: string): string {
  return name
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replace(/^tag(:.*)?$/, "tag:Name");
}
