import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Fault } from "../model/fault.ts";
import { decodeInput } from "./decode.ts";
import { encodeFault, encodeOutput } from "./encode.ts";
import { findOperation, operationNames, type Operation, requestedOperation } from "./operations.ts";
import { parseParameters } from "./parameters.ts";
import {
  deserialize,
  generate,
  INPUT_LEAVES,
  OUTPUT_LEAVES,
  pruned,
  schemasOf,
  serialize,
} from "./test-sdk.ts";

const RUNS = 4;
const SEED = 20_300_131;

function operation(name: string): Operation {
  const found = findOperation(name);
  assert.ok(found, name);
  return found;
}

test("every operation's input comes back from the SDK's serializer as it was", async () => {
  assert.ok(operationNames().length > 700);
  for (const name of operationNames()) {
    const { input: schema } = schemasOf(name);
    await fc.assert(
      fc.asyncProperty(fc.gen(), async (gen) => {
        const input = generate(gen, schema, INPUT_LEAVES);
        const parameters = parseParameters(await serialize(name, input as object));
        const asked = requestedOperation(parameters, () => true);
        assert.equal(asked.name, name);
        assert.deepEqual(decodeInput(asked, parameters), pruned(input) ?? {});
      }),
      { numRuns: RUNS, seed: SEED },
    );
  }
});

test("every operation's output comes back from the SDK's parser as it was", async () => {
  for (const name of operationNames()) {
    const { output: schema } = schemasOf(name);
    await fc.assert(
      fc.asyncProperty(fc.gen(), async (gen) => {
        const output = schema.isUnitSchema()
          ? {}
          : (generate(gen, schema, OUTPUT_LEAVES) as Record<string, unknown>);
        const says = !schema.isUnitSchema() && schema.getMemberSchemas()["Return"]?.isBooleanSchema();
        const read = await deserialize(name, encodeOutput(operation(name), output, "a-request-id"));
        assert.deepEqual(read, says ? { ...output, Return: output["Return"] ?? true } : output);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  }
});

test("the SDK reads errors with their code, words and request id", async () => {
  const fault = new Fault("InvalidVpcID.NotFound", "The vpc ID '<vpc & co>' does not exist");
  await assert.rejects(
    deserialize("DescribeVpcs", encodeFault(fault, "a-request-id"), fault.status),
    (error: Error & { Code?: string }) => {
      assert.equal(error.name, "InvalidVpcID.NotFound");
      assert.equal(error.message, fault.message);
      return true;
    },
  );
});

test("no two members of a structure share a name in the query, and none is a common parameter's", () => {
  const seen = new Set<object>();
  const visit = (shape: Operation["input"]): void => {
    if (!shape || seen.has(shape)) return;
    seen.add(shape);
    assert.equal(shape.byQueryName.size, shape.members.length, shape.name);
    for (const { shape: member } of shape.members) {
      const inner = member.kind === "list" ? member.item : member;
      if (inner.kind === "structure") visit(inner);
    }
  };
  for (const name of operationNames()) {
    visit(operation(name).input);
    for (const { queryName } of operation(name).input?.members ?? []) {
      assert.doesNotMatch(
        queryName,
        /^(Action|Version|Timestamp|Signature.*|AWSAccessKeyId|Expires|SecurityToken|X-Amz-.*)$/,
        name,
      );
    }
  }
});
