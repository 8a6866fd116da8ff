/** Freezes plain data all the way down. A frozen object is taken to be frozen throughout. */
export function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) frozen(part);
  return value;
}

/**
 * Whether two pieces of plain data are equal. An absent member equals an undefined one; the order of members
 * does not matter.
 */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (
    typeof a !== "object" ||
    typeof b !== "object" ||
    a === null ||
    b === null ||
    Array.isArray(a) !== Array.isArray(b)
  )
    return false;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((part, index) => same(part, b[index]));
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  return (
    Object.keys(left).every((key) => same(left[key], ownOf(right, key))) &&
    Object.keys(right).every((key) => right[key] === undefined || ownOf(left, key) !== undefined)
  );
}

/** Only a member of the value itself: users name tags `constructor` and `__proto__`, too. */
function ownOf(value: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}
