import { INDEXES, type IndexName, type Kind, type Resource, type Resources } from "../model/resource.ts";
import type { Change, Reader } from "../model/state.ts";

type Index = (resource: Resource) => readonly string[];

/** The state before the changes, read through the state after them. Costs what the changes cost. */
export function readerBefore(after: Reader, changes: readonly Change[]): Reader {
  const changed = new Map<Kind, Map<string, Change>>();
  for (const change of changes) {
    const ofKind = changed.get(change.kind) ?? new Map<string, Change>();
    changed.set(change.kind, ofKind.set(change.id, change));
  }
  const indexes = new Map<string, Map<string, Resource[]>>();

  /** What the changed resources were under each key of an index. */
  const indexed = (kind: Kind, index: string): Map<string, Resource[]> => {
    const known = indexes.get(`${kind} ${index}`);
    if (known) return known;
    const keysOf = (INDEXES[kind] as Readonly<Record<string, Index>>)[index];
    const found = new Map<string, Resource[]>();
    for (const { before } of changed.get(kind)?.values() ?? []) {
      if (!before || !keysOf) continue;
      for (const key of keysOf(before)) found.set(key, [...(found.get(key) ?? []), before]);
    }
    indexes.set(`${kind} ${index}`, found);
    return found;
  };

  const unchanged = <K extends Kind>(kind: K, resources: readonly Resources[K][]): readonly Resources[K][] => {
    const ofKind = changed.get(kind);
    return ofKind ? resources.filter((resource) => !ofKind.has(resource.id)) : resources;
  };

  return {
    get: <K extends Kind>(kind: K, id: string) => {
      const change = changed.get(kind)?.get(id);
      return change ? (change.before as Resources[K] | undefined) : after.get(kind, id);
    },
    by: <K extends Kind>(kind: K, index: IndexName<K>, key: string) => {
      const same = unchanged(kind, after.by(kind, index, key));
      const were = changed.has(kind) ? indexed(kind, index).get(key) : undefined;
      return were ? [...same, ...(were as Resources[K][])] : same;
    },
    list: <K extends Kind>(kind: K) => {
      const were = [...(changed.get(kind)?.values() ?? [])].flatMap(({ before }) => (before ? [before as Resources[K]] : []));
      return [...unchanged(kind, after.list(kind)), ...were];
    },
    count: (kind) => {
      let count = after.count(kind);
      for (const change of changed.get(kind)?.values() ?? [])
        count += Number(change.before !== undefined) - Number(change.after !== undefined);
      return count;
    },
  };
}
