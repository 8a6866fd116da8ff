import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { OFFERED, type Operation } from "../../src/actions/registry.ts";
import { Fault } from "../../src/model/fault.ts";
import { fixedRegion } from "../fuzz/corpus.ts";
import { taken } from "../random/one-more.ts";
import { EMPTY, FIELDS, UNSEEN } from "./filter-fields.ts";

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
      const request = {
        ...requests.get(operation),
        [parameter]: [{ Name: name, Values: ["sg-0123456789abcdef0"] }],
      };
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

test("a filter finds what shows its value, and nothing else; each is tried with every value that descriptions show", () => {
  const region = fixedRegion();
  const requests = taken(region);
  const wrong = new Set<string>();
  const empty: Operation[] = [];
  const unseen: Partial<Record<Operation, string[]>> = {};
  for (const [operation, { parameter, names }] of documented()) {
    // All that there is, where the operation can be asked for it.
    const request =
      refusal(() => region.perform(operation, {})) === undefined ? {} : (requests.get(operation) ?? {});
    const list = (input: object): readonly object[] => itemsOf(region.perform(operation, input));
    const found = (name: string, value: string): readonly object[] =>
      list({ ...request, [parameter]: [{ Name: name, Values: [value.replaceAll(/[*?\\]/g, "\\$&")] }] });
    const items = list(request);
    if (items.length === 0) empty.push(operation);
    for (const name of items.length === 0 ? [] : names) {
      const holders = new Map<string, { readonly shown: Shown; readonly items: Set<object> }>();
      for (const item of items) {
        for (const shown of shownAs(operation, name, item)) {
          const key = `${shown.filter}=${shown.text}`;
          holders.set(key, { shown, items: (holders.get(key)?.items ?? new Set()).add(item) });
        }
      }
      if (holders.size === 0 && !Object.hasOwn(NOT_TAKEN, `${operation} ${name}`))
        (unseen[operation] ??= []).push(name);
      for (const [key, { shown, items }] of holders) {
        const answer = found(shown.filter, shown.text);
        const isFound = (item: object): boolean => answer.some((one) => isDeepStrictEqual(one, item));
        if (answer.length !== items.size || ![...items].every(isFound)) wrong.add(`${operation} ${key}`);
      }
    }
  }
  assert.equal([...wrong].join("\n"), "");
  assert.deepEqual(empty, EMPTY);
  assert.deepEqual(unseen, UNSEEN, "no description in the region shows what these filters ask for");
});

type Shown = { readonly filter: string; readonly text: string };

/** The values that an item has for a documented filter, and the filters that must find it by them. */
function shownAs(operation: Operation, name: string, item: object): readonly Shown[] {
  const holder = operation === "DescribeTags" ? [] : "TagSet" in item ? ["TagSet"] : ["Tags"];
  const values = valuesAt(item, [...holder, "Value"]).map(String);
  const pairs = valuesAt(item, [...holder, "Key"]).map(
    (key, index) => [String(key), values[index] ?? ""] as const,
  );
  if (name === "tag:Name") return pairs.map(([key, value]) => ({ filter: `tag:${key}`, text: value }));
  if (name === "tag-key") return pairs.map(([key]) => ({ filter: name, text: key }));
  if (name === "tag-value") return pairs.map(([, value]) => ({ filter: name, text: value }));
  return valuesAt(item, (FIELDS[operation]?.[name] ?? name).split("."))
    .filter((value) => value !== undefined && value !== "")
    .map((value) => ({ filter: name, text: value instanceof Date ? value.toISOString() : String(value) }));
}

/** The items of an answer: of reservations, their instances, with what the reservation says of them. */
function itemsOf(answer: unknown): readonly object[] {
  const lists = Object.values(answer as object).filter((value) =>
    Array.isArray(value),
  ) as (readonly unknown[])[];
  return lists
    .flat()
    .filter((item): item is object => typeof item === "object" && item !== null)
    .flatMap((item) => {
      if (!("Instances" in item)) return [item];
      const { Instances, ...reservation } = item;
      return (Instances as readonly object[]).map((instance) => ({ ...reservation, ...instance }));
    });
}

/**
 * What stands where a filter's name points, as in `attachment.delete-on-termination`; lists are gone through.
 */
function valuesAt(value: unknown, [part, ...rest]: readonly string[]): readonly unknown[] {
  if (Array.isArray(value))
    return value.flatMap((item) => valuesAt(item, part === undefined ? [] : [part, ...rest]));
  if (part === undefined) return typeof value === "object" && !(value instanceof Date) ? [] : [value];
  if (typeof value !== "object" || value === null || value instanceof Date) return [];
  const wanted = part.replaceAll("-", "").toLowerCase();
  const found = Object.entries(value).find(([key]) =>
    [wanted, `${wanted}s`, `${wanted}set`, `${wanted}es`].includes(key.toLowerCase()),
  );
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
function documented(): ReadonlyMap<Operation, Documented> {
  const folder = join(
    dirname(fileURLToPath(import.meta.resolve("@aws-sdk/client-ec2"))),
    "../dist-types/models",
  );
  const text = readdirSync(folder)
    .filter((name) => /^models_\d+\.d\.ts$/.test(name))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
  const found = new Map<Operation, Documented>();
  for (const operation of OFFERED) {
    const body =
      new RegExp(`^export interface ${operation}Request \\{\\n(.*?)^\\}`, "ms").exec(text)?.[1] ?? "";
    const [, comment = "", parameter] =
      /\/\*\*((?:(?!\*\/).)*)\*\/\n {4}(Filters?)\?: Filter\[\]/s.exec(body) ?? [];
    if (parameter !== "Filter" && parameter !== "Filters") continue;
    const names = [...comment.matchAll(/<li>[\s*]*<p>[\s*]*<code>\s*([^<]+?)\s*<\/code>/g)].map(
      ([, name = ""]) => plain(name),
    );
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
