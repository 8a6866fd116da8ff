import type { Resources, SlottedKind } from "./resource.ts";
import type { Reader } from "./state.ts";

/**
 * The resource that holds a slot, with its realm; undefined when none does. On one machine each slot has at
 * most one holder.
 */
export function holderOf<K extends SlottedKind, P extends { readonly reader: Reader }>(
  places: readonly P[],
  kind: K,
  slot: number,
): { readonly place: P; readonly resource: Resources[K] } | undefined {
  for (const place of places) {
    const [resource] = place.reader.by(kind, "slot" as never, String(slot)) as readonly Resources[K][];
    if (resource) return { place, resource };
  }
  return undefined;
}
