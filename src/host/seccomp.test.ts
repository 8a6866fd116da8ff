import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as always, constantFrom, integer, oneof, property, tuple } from "fast-check";
import { type ArgumentTest, FIRST_UNKNOWN, RULES } from "./seccomp-rules.ts";
import { type Architecture, seccompFilter } from "./seccomp.ts";

const ARCHITECTURES: Readonly<Record<Architecture, number>> = { x64: 0xc000_003e, arm64: 0xc000_00b7 };
const ALLOW = 0x7fff_0000;
const ERROR = 0x0005_0000;

/** What the kernel hands to a filter: struct seccomp_data. */
function call(architecture: number, number: number, args: readonly bigint[]): Buffer {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number, 0);
  data.writeUInt32LE(architecture, 4);
  for (const [index, value] of args.entries()) data.writeBigUInt64LE(value, 16 + 8 * index);
  return data;
}

/** Classic BPF, as bpf_check_classic and the interpreter read it. */
function run(filter: Buffer, data: Buffer): number {
  let accumulator = 0;
  for (let at = 0; at < filter.length / 8; at += 1) {
    const code = filter.readUInt16LE(at * 8);
    const operand = filter.readUInt32LE(at * 8 + 4);
    if (code === 0x06) return operand;
    if (code === 0x20) accumulator = data.readUInt32LE(operand);
    else if (code === 0x05) at += operand;
    else {
      const holds = {
        0x15: accumulator === operand,
        0x35: accumulator >= operand,
        0x45: (accumulator & operand) !== 0,
      }[code];
      assert.notEqual(holds, undefined, `instruction ${code}`);
      at += filter.readUInt8(at * 8 + (holds ? 2 : 3));
    }
  }
  throw new Error("the filter ends without an answer");
}

/** The rules read by hand. */
function expected(architecture: Architecture, number: number, args: readonly bigint[]): number {
  if (number >= FIRST_UNKNOWN) return ERROR | 38;
  const low = (index: number): number => Number(args[index]! & 0xffff_ffffn);
  const holds = (one: ArgumentTest): boolean => {
    if ("anyBit" in one) return (low(one.argument) & one.anyBit) !== 0;
    return "oneOf" in one ? one.oneOf.includes(low(one.argument)) : !one.noneOf.includes(low(one.argument));
  };
  const rule = RULES.find((one) => one.call[architecture] === number && (one.when ?? []).every(holds));
  return rule ? ERROR | rule.error : ALLOW;
}

const numbers = RULES.flatMap(({ call: { x64 = 0, arm64 = 0 } }) => [x64, arm64]);
const values = RULES.flatMap(({ when = [] }) => when)
  .flatMap((one) => ("anyBit" in one ? [one.anyBit] : "oneOf" in one ? one.oneOf : one.noneOf))
  .map((value) => BigInt(value >>> 0));

test("the filter says of every call what the rules say", () => {
  const number = oneof(
    constantFrom(...numbers),
    integer({ min: 0, max: 0xffff_ffff }),
    integer({ min: 0, max: 500 }),
  );
  const argument = oneof(
    constantFrom(...values, 0n, 2n, 17n, 40n, 0x1200011n),
    integer({ min: 0, max: 0x7fff_ffff }).map(BigInt),
    constantFrom(...values).map((value) => value | (7n << 32n)),
  );
  const args = array(argument, { minLength: 6, maxLength: 6 });
  const filters = { x64: seccompFilter("x64"), arm64: seccompFilter("arm64") };
  always(
    property(
      constantFrom<Architecture>("x64", "arm64"),
      tuple(number, args),
      (architecture, [which, given]) => {
        const answer = run(filters[architecture], call(ARCHITECTURES[architecture], which, given));
        assert.equal(answer, expected(architecture, which, given));
      },
    ),
    { numRuns: 5_000 },
  );
});

test("calls of another architecture, and of x32, are not there", () => {
  const none = [0n, 0n, 0n, 0n, 0n, 0n];
  for (const architecture of ["x64", "arm64"] as const) {
    const filter = seccompFilter(architecture);
    // AUDIT_ARCH_I386, AUDIT_ARCH_ARM, and each other's.
    for (const other of [0x4000_0003, 0x4000_0028, ...Object.values(ARCHITECTURES)])
      if (other !== ARCHITECTURES[architecture]) assert.equal(run(filter, call(other, 1, none)), ERROR | 38);
    assert.equal(run(filter, call(ARCHITECTURES[architecture], 0x4000_0001, none)), ERROR | 38);
    assert.equal(run(filter, call(ARCHITECTURES[architecture], 64, none)), ALLOW);
    assert.ok(filter.length / 8 < 4_096, "BPF_MAXINSNS");
  }
});

test("every forbidden call has its number on one architecture at least, and no number is forbidden twice without a condition", () => {
  for (const architecture of ["x64", "arm64"] as const) {
    const always = RULES.filter(({ when }) => !when).flatMap((rule) => rule.call[architecture] ?? []);
    assert.equal(new Set(always).size, always.length);
  }
  assert.ok(RULES.every(({ call: one }) => one.x64 !== undefined || one.arm64 !== undefined));
});
