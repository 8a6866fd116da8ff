import assert from "node:assert/strict";
import { test } from "node:test";
import { formatIpv4, formatIpv6, ipv4, parseIpv4 } from "../../src/lib/address.ts";
import { Fault } from "../../src/model/fault.ts";
import { findOperation } from "../../src/wire/operations.ts";
import type { Shape } from "../../src/wire/shape.ts";
import { type FixedRegion, fixedRegion } from "../fuzz/corpus.ts";
import { taken, withOneMore } from "../random/one-more.ts";

/** More than AWS lets anybody count; it fits 32 bits. */
const MANY = 2_000_000_000;
/** As many as fit a request's body, of short ones. */
const LONG = 8_000;
/**
 * Processor time of one request, in microseconds: a hundred times what a usual one takes, and far from what
 * work to the square takes.
 */
const LIMIT = 600_000;

test("no number in a request is worked through before it is bounded", () => {
  const region = fixedRegion();
  const slow: string[] = [];
  let tried = 0;
  for (const { operation, path, request } of variants(region, (shape) =>
    shape.kind === "integer" ? () => MANY : undefined,
  )) {
    tried += 1;
    slow.push(...costly(region, { operation, path, request }));
  }
  assert.deepEqual(slow, []);
  assert.ok(tried > 150, `${tried} numbers`);
});

test("no list in a request costs more than its length", () => {
  const region = fixedRegion();
  const slow: string[] = [];
  let tried = 0;
  for (const longer of [repeating, counting]) {
    for (const { operation, path, request } of variants(region, (shape) =>
      shape.kind === "list" ? longer : undefined,
    )) {
      tried += 1;
      slow.push(...costly(region, { operation, path: `${path} (${longer.name})`, request }));
    }
  }
  assert.deepEqual(slow, []);
  assert.ok(tried > 500, `${tried} lists`);
});

type Variant = { readonly operation: string; readonly path: string; readonly request: object };

function costly(region: FixedRegion, { operation, path, request }: Variant): string[] {
  const before = process.cpuUsage();
  try {
    region.perform(operation, request);
  } catch (error) {
    if (!(error instanceof Fault))
      throw new Error(`${operation} ${path} was not understood`, { cause: error });
  }
  const { user, system } = process.cpuUsage(before);
  return user + system > LIMIT ? [`${operation} ${path}: ${Math.round((user + system) / 1000)} ms`] : [];
}

type Change = (value: unknown) => unknown;

/**
 * Requests that the region takes, with each part whose shape is asked for changed, one at a time; also parts
 * that they did not have.
 */
function* variants(region: FixedRegion, changeOf: (shape: Shape) => Change | undefined): Generator<Variant> {
  for (const [operation, input] of taken(region)) {
    const shape = findOperation(operation)?.input;
    if (!shape) continue;
    for (const { path, request } of changed(shape, input, "", changeOf))
      yield { operation, path, request: request as object };
    for (const more of withOneMore(shape, input)) {
      for (const { path, request } of changed(shape, more.request, "", changeOf)) {
        if (path.startsWith(more.path)) yield { operation, path, request: request as object };
      }
    }
  }
}

function* changed(
  shape: Shape,
  value: unknown,
  path: string,
  changeOf: (shape: Shape) => Change | undefined,
): Generator<{ readonly path: string; readonly request: unknown }> {
  const change = changeOf(shape);
  if (change) yield { path, request: change(value) };
  if (shape.kind === "list" && Array.isArray(value) && value.length > 0) {
    for (const inner of changed(shape.item, value[0], `${path}.*`, changeOf)) {
      yield { path: inner.path, request: [inner.request, ...value.slice(1)] };
    }
  }
  if (shape.kind !== "structure" || value === null || typeof value !== "object") return;
  for (const member of shape.members) {
    const own = (value as Readonly<Record<string, unknown>>)[member.name];
    if (own === undefined) continue;
    for (const inner of changed(
      member.shape,
      own,
      path === "" ? member.name : `${path}.${member.name}`,
      changeOf,
    )) {
      yield { path: inner.path, request: { ...value, [member.name]: inner.request } };
    }
  }
}

const repeating: Change = (value) => Array.from({ length: LONG }, () => (value as readonly unknown[])[0]);
const counting: Change = (value) =>
  Array.from({ length: LONG }, (_, index) => another((value as readonly unknown[])[0], index));

/** The like of a value, and another for each place: ids, addresses, names and numbers are counted on. */
function another(value: unknown, place: number): unknown {
  if (typeof value === "number") return value + place;
  if (Array.isArray(value)) return value.map((inner) => another(inner, place));
  if (
    typeof value === "object" &&
    value !== null &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  ) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, another(inner, place)]));
  }
  if (typeof value !== "string" || place === 0) return value;
  const address = parseIpv4(value);
  if (address !== undefined) return formatIpv4(ipv4(address + place));
  const [, base] = /^([0-9a-f:]+:)[0-9a-f]*$/.exec(value) ?? [];
  if (base !== undefined)
    return base.endsWith("::") ? `${base}${place.toString(16)}` : formatIpv6(BigInt(place));
  const id = /^([a-z-]+-)[0-9a-f]{17}$/.exec(value);
  return id ? `${id[1]}${place.toString(16).padStart(17, "0")}` : `${value}${place}`;
}
