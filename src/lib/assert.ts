/** Crashes on a programmer's error. Never used for what a user or the world did wrong. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** Marks a branch the types have proved unreachable. */
export function unreachable(value: never): never {
  throw new Error(`assertion failed: unexpected ${String(value)}`);
}

/** The value, or a crash when it is absent where the program's own logic says it must be there. */
export function present<T>(value: T | undefined | null, what: string): T {
  assert(value !== undefined && value !== null, `${what} is present`);
  return value;
}
