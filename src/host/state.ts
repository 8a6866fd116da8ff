import type { StateSource } from "./directory.ts";

/** The state under a home as it is now, each time that it is asked for. */
export function openState(_home: string): StateSource {
  return { realms: () => [], holder: () => undefined };
}
