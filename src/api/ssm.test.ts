import assert from "node:assert/strict";
import { test } from "node:test";
import { imagesOf } from "../actions/storage/image-catalogue.ts";
import { answerSsm } from "./ssm.ts";

const REGION = "eu-west-1";
const AL2023 = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
const UBUNTU = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id";

function ask(operation: string, input: object): [number, Record<string, unknown>] {
  const { status, body } = answerSsm(`AmazonSSM.${operation}`, JSON.stringify(input), REGION);
  return [status, JSON.parse(body) as Record<string, unknown>];
}

test("every name of an image leads to its id, by name, by ARN and by version", () => {
  for (const image of imagesOf(REGION)) {
    for (const name of image.parameters) {
      for (const form of [name, `${name}:1`, `arn:aws:ssm:${REGION}::parameter${name}`]) {
        const [status, { Parameter }] = ask("GetParameter", { Name: form, WithDecryption: true });
        assert.deepEqual([status, (Parameter as { Value: string }).Value], [200, image.id], form);
      }
    }
  }
});

test("a missing parameter is reported as Systems Manager does", () => {
  assert.deepEqual(ask("GetParameter", { Name: "/mine" }), [400, { __type: "ParameterNotFound" }]);
  assert.equal(ask("GetParameter", { Name: `${AL2023}:2` })[1]["__type"], "ParameterVersionNotFound");
  const [, both] = ask("GetParameters", { Names: [AL2023, "/mine", UBUNTU] });
  assert.deepEqual(both["InvalidParameters"], ["/mine"]);
  assert.deepEqual(
    (both["Parameters"] as { Name: string }[]).map(({ Name }) => Name),
    [AL2023, UBUNTU],
  );
});

test("a path's parameters come page by page, each once", () => {
  for (const Path of ["/aws/service", "/aws/service/debian/release/"]) {
    const seen: string[] = [];
    for (let NextToken: unknown, more = true; more; more = NextToken !== undefined) {
      const [status, page] = ask("GetParametersByPath", {
        Path,
        Recursive: true,
        MaxResults: 3,
        ...(NextToken ? { NextToken } : {}),
      });
      assert.equal(status, 200);
      seen.push(...(page["Parameters"] as { Name: string }[]).map(({ Name }) => Name));
      NextToken = page["NextToken"];
    }
    const all = imagesOf(REGION).flatMap(({ parameters }) => parameters);
    assert.deepEqual(seen, all.filter((name) => name.startsWith(Path)).toSorted());
  }
  assert.deepEqual(ask("GetParametersByPath", { Path: "/aws/service" }), [200, { Parameters: [] }]);
});

test("unknown operations and invalid parameters are refused", () => {
  const code = (operation: string, input: object): unknown => ask(operation, input)[1]["__type"];
  assert.equal(code("PutParameter", { Name: "/x" }), "UnknownOperationException");
  assert.equal(code("toString", {}), "UnknownOperationException");
  assert.equal(code("GetParameter", {}), "ValidationException");
  assert.equal(code("GetParameters", { Names: [] }), "ValidationException");
  assert.equal(code("GetParametersByPath", { Path: "/", ParameterFilters: [] }), "ValidationException");
  assert.equal(code("GetParametersByPath", { Path: "/", MaxResults: 11 }), "ValidationException");
  assert.equal(code("GetParametersByPath", { Path: "/", NextToken: "x" }), "InvalidNextToken");
  assert.match(answerSsm("AmazonSSM.GetParameter", "[", REGION).body, /SerializationException/);
  assert.match(answerSsm("DynamoDB_20120810.Scan", "{}", REGION).body, /UnknownOperationException/);
});
