/** Rooms without a clock, randomness and I/O. */

import { roomOf } from "./rooms.ts";
import { isTest, isTestHelper, type Source } from "./source.ts";

const PURE = new Set([
  "lib",
  "model",
  "contract",
  "protocol",
  "actions",
  "plan",
  "reach",
  "wire",
  "words",
  "test/reference",
]);
/** What a pure room may take from outside: values and parsers, no I/O. */
const PURE_PACKAGES = new Set([
  "@aws-sdk/client-ec2",
  "@smithy/core/schema",
  "@smithy/core/serde",
  "ipaddr.js",
  "node:crypto",
]);
const IMPURE = /\b(Date\.now|new Date\(\)|Math\.random|process\.|async |await )/;

/** What is not pure in a file of a pure room. */
export function purity(source: Source): readonly string[] {
  if (!PURE.has(roomOf(source.path)) || isTest(source.path) || isTestHelper(source.path)) return [];
  const outside = source.imports
    .filter((i) => !i.from.startsWith(".") && !PURE_PACKAGES.has(i.from))
    .map((i) => `${source.path}:${i.line} a pure room may not import ${i.from}`);
  const impure = source.text
    .split("\n")
    .flatMap((line, index) =>
      IMPURE.test(line.replace(/\/\/.*|^\s*\*.*/, ""))
        ? [`${source.path}:${index + 1} is not pure: ${line.trim()}`]
        : [],
    );
  return [...outside, ...impure];
}
