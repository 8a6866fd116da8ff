import { MAX_ZONES } from "../contract/tables.ts";
import { assert } from "../lib/assert.ts";

/** The number of an availability zone, as in `us-east-1c`: 2. */
export function zoneNumber(availabilityZone: string): number {
  const number = availabilityZone.charCodeAt(availabilityZone.length - 1) - "a".charCodeAt(0);
  assert(number >= 0 && number < MAX_ZONES, `${availabilityZone} ends in one of the first letters`);
  return number;
}
