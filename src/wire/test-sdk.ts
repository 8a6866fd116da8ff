/** For tests: the SDK's own serializer and parser, and random values that fit its schemas. */

import * as sdk from "@aws-sdk/client-ec2";
import { NormalizedSchema } from "@smithy/core/schema";
import { HttpResponse } from "@smithy/core/transport";
import type { GeneratorValue } from "fast-check";
import * as fc from "fast-check";

type Schemas = { readonly input: NormalizedSchema; readonly output: NormalizedSchema; readonly raw: object };

const client = new sdk.EC2Client({
  region: "us-east-1",
  credentials: { accessKeyId: "AKID", secretAccessKey: "secret" },
});
const protocol = client.config.protocol as unknown as Protocol;
type Protocol = {
  setSerdeContext(context: unknown): void;
  serializeRequest(operation: object, input: object, context: object): Promise<{ readonly body: string }>;
  deserializeResponse(operation: object, context: object, response: object): Promise<{ $metadata?: unknown }>;
};
const context = {
  ...client.config,
  endpoint: () => Promise.resolve({ protocol: "http:", hostname: "localhost", path: "/" }),
};
protocol.setSerdeContext(context);

export function schemasOf(operation: string): Schemas {
  const [, namespace, name, traits, input, output] =
    (sdk as unknown as Record<string, never[]>)[`${operation}$`] ?? [];
  return {
    input: NormalizedSchema.of(deref(input)),
    output: NormalizedSchema.of(deref(output)),
    raw: { namespace, name, traits, input, output },
  };
}

function deref(schema: unknown): never {
  return (typeof schema === "function" ? (schema as () => unknown)() : schema) as never;
}

/** The request's body as the SDK writes it. */
export async function serialize(operation: string, input: object): Promise<string> {
  return (await protocol.serializeRequest(schemasOf(operation).raw, input, context)).body;
}

/** The output as the SDK reads it; rejects with what it throws for an error. */
export async function deserialize(operation: string, xml: string, statusCode = 200): Promise<object> {
  const response = new HttpResponse({ statusCode, headers: {}, body: new TextEncoder().encode(xml) });
  const output = await protocol.deserializeResponse(schemasOf(operation).raw, context, response);
  delete output.$metadata;
  return output;
}

export type Generator = GeneratorValue;
export type Leaves = {
  readonly string: () => fc.Arbitrary<string>;
  readonly number: () => fc.Arbitrary<number>;
};

/** Any text that a query can carry. */
const anyString = (): fc.Arbitrary<string> =>
  fc.oneof(fc.string({ unit: "binary", maxLength: 12 }), fc.stringMatching(/^[a-z0-9.&=+% -]{0,20}$/));
const int32 = (): fc.Arbitrary<number> => fc.integer();
export const INPUT_LEAVES: Leaves = { string: anyString, number: int32 };

/** Text that XML can carry; the SDK's parser takes text that is only white space for none. */
const xmlString = (): fc.Arbitrary<string> =>
  anyString().map((text) =>
    // oxlint-disable-next-line no-control-regex -- these are the characters in question
    text.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "?").replace(/^\s+$/, " "),
  );
const double = (): fc.Arbitrary<number> =>
  fc.oneof(
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  );
export const OUTPUT_LEAVES: Leaves = { string: xmlString, number: double };

const date = (): fc.Arbitrary<Date> =>
  fc.date({
    min: new Date("0001-01-01T00:00:00Z"),
    max: new Date("9999-12-31T23:59:59.999Z"),
    noInvalidDate: true,
  });
const blob = (): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: 10 });
const present = (oneIn: number): fc.Arbitrary<boolean> => fc.nat(oneIn - 1).map((n) => n === 0);
const count = (): fc.Arbitrary<number> => fc.nat(3);

/**
 * A random value that fits the schema. Required members are always there, and there is something in each of
 * them: a negative depth asks for that.
 */
export function generate(gen: Generator, schema: NormalizedSchema, leaves: Leaves, depth = 0): unknown {
  if (schema.isStructSchema()) return structure(gen, schema, leaves, depth);
  if (schema.isListSchema()) {
    const value = schema.getValueSchema();
    return Array.from({ length: gen(count) + (depth < 0 ? 1 : 0) }, () =>
      generate(gen, value, leaves, depth < 0 ? depth - 1 : depth + 1),
    );
  }
  if (schema.isStringSchema()) return gen(leaves.string);
  if (schema.isBooleanSchema()) return gen(fc.boolean);
  if (schema.isNumericSchema()) return gen(leaves.number);
  if (schema.isTimestampSchema()) return gen(date);
  if (schema.isBlobSchema()) return gen(blob);
  throw new Error(`a schema of a new kind: ${schema.getName(true)}`);
}

function structure(gen: Generator, schema: NormalizedSchema, leaves: Leaves, depth: number): object {
  const stated = ((schema.getSchema() as unknown as readonly unknown[])[6] ?? 0) as number;
  const required = depth < 0 ? Math.max(stated, 1) : stated;
  const value: Record<string, unknown> = {};
  let place = 0;
  for (const [name, member] of schema.structIterator()) {
    const must = place++ < required || member.isIdempotencyToken();
    if (must || gen(present, Math.abs(depth) + 2))
      value[name] = generate(gen, member, leaves, (must ? -1 : 1) * (Math.abs(depth) + 1));
  }
  return value;
}

/** The value without what a query can't tell from nothing: empty lists and empty structures. */
export function pruned(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(pruned).filter((item) => item !== undefined);
    return items.length > 0 ? items : undefined;
  }
  if (value === null || typeof value !== "object" || value instanceof Date || value instanceof Uint8Array)
    return value;
  const members = Object.entries(value).flatMap(([name, member]) => {
    const kept = pruned(member);
    return kept === undefined ? [] : [[name, kept]];
  });
  return members.length > 0 ? Object.fromEntries(members) : undefined;
}
