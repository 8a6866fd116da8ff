import assert from "node:assert/strict";
import { test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { NOUNS, OFFERED } from "./registry.ts";

test("no two nouns offer the same operation, and each operation is one of EC2's", () => {
  const names = NOUNS.flatMap((actions) => Object.keys(actions));
  assert.deepEqual(names.toSorted(), OFFERED);
  const unknown = OFFERED.filter((name) => !Object.hasOwn(ec2, `${name}$`));
  assert.deepEqual(unknown, []);
});
