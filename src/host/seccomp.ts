import { type ArgumentTest, ENOSYS, FIRST_UNKNOWN, type Rule, RULES } from "./seccomp-rules.ts";

/** The architectures that there is a filter for. */
export type Architecture = "x64" | "arm64";

export function isArchitecture(name: string): name is Architecture {
  return Object.hasOwn(AUDIT_ARCHITECTURES, name);
}

/**
 * How the kernel names the architectures (linux/audit.h). Calls of other architectures, such as those of
 * 32-bit programs, have other numbers, and fail as unknown.
 */
const AUDIT_ARCHITECTURES: Readonly<Record<Architecture, number>> = { x64: 0xc000_003e, arm64: 0xc000_00b7 };

/** Classic BPF (linux/filter.h): code, jump when true, jump when false, operand. */
type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, operand: number];
const load = (offset: number): Instruction => [0x20, 0, 0, offset];
const jump = (instructions: number): Instruction => [0x05, 0, 0, instructions];
const ifEqual = (value: number, whenTrue: number, whenFalse: number): Instruction => [
  0x15,
  whenTrue,
  whenFalse,
  value >>> 0,
];
const ifAtLeast = (value: number, whenTrue: number, whenFalse: number): Instruction => [
  0x35,
  whenTrue,
  whenFalse,
  value >>> 0,
];
const ifAnyBit = (mask: number, whenTrue: number, whenFalse: number): Instruction => [
  0x45,
  whenTrue,
  whenFalse,
  mask >>> 0,
];
const answer = (value: number): Instruction => [0x06, 0, 0, value >>> 0];
const fail = (error: number): Instruction => answer(0x0005_0000 | error);
const ALLOW = 0x7fff_0000;

/** Loads from struct seccomp_data, little-endian: number, architecture, low halves of the arguments. */
const NUMBER = load(0);
const ARCHITECTURE = load(4);
const argumentOf = (index: number): Instruction => load(16 + 8 * index);

/**
 * The filter of an instance's system calls (seccomp(2)) as the kernel takes it: an array of struct
 * sock_filter. What a filter refuses fails with an error; nothing is killed.
 */
export function seccompFilter(architecture: Architecture, rules: readonly Rule[] = RULES): Buffer {
  const instructions = [
    ARCHITECTURE,
    ifEqual(AUDIT_ARCHITECTURES[architecture], 1, 0),
    fail(ENOSYS),
    NUMBER,
    // The calls of the x32 ABI have numbers above all others.
    ifAtLeast(FIRST_UNKNOWN, 0, 1),
    fail(ENOSYS),
    ...rules.flatMap((rule) => compiled(rule, rule.call[architecture])),
    answer(ALLOW),
  ];
  const filter = Buffer.alloc(instructions.length * 8);
  for (const [index, [code, whenTrue, whenFalse, operand]] of instructions.entries()) {
    filter.writeUInt16LE(code, index * 8);
    filter.writeUInt8(whenTrue, index * 8 + 2);
    filter.writeUInt8(whenFalse, index * 8 + 3);
    filter.writeUInt32LE(operand, index * 8 + 4);
  }
  return filter;
}

/** A rule's instructions. If it does not apply, they end with the call's number loaded, for the next rule. */
function compiled({ error, when = [] }: Rule, number: number | undefined): readonly Instruction[] {
  if (number === undefined) return [];
  const end = when.length > 0 ? [NUMBER] : [];
  // Built from the last test to the first, because each must know how far it is to the end.
  const body = [fail(error)];
  for (const test of when.toReversed()) body.unshift(...tested(test, body.length));
  return [ifEqual(number, 0, body.length), ...body, ...end];
}

/** A test's instructions: when it holds, the next instruction follows; else `following` ones are skipped. */
function tested(test: ArgumentTest, following: number): readonly Instruction[] {
  const value = argumentOf(test.argument);
  if ("anyBit" in test) return [value, ifAnyBit(test.anyBit, 0, following)];
  if ("noneOf" in test) {
    const { length } = test.noneOf;
    return [value, ...test.noneOf.map((one, index) => ifEqual(one, length - 1 - index + following, 0))];
  }
  const { length } = test.oneOf;
  return [value, ...test.oneOf.map((one, index) => ifEqual(one, length - index, 0)), jump(following)];
}
