import { INDEXES, type Resource } from "./resource.ts";

/** The keys under which an index of the resource's kind finds it. */
export function indexKeys(resource: Resource, name: string): readonly string[] {
  const index = (INDEXES[resource.kind] as Readonly<Record<string, (r: Resource) => readonly string[]>>)[
    name
  ];
  return index ? index(resource) : [];
}

/** Counts some resources by each key of each index. */
export class KeyCounts {
  readonly #counts = new Map<string, number>();

  add(resource: Resource): void {
    for (const name of Object.keys(INDEXES[resource.kind]))
      for (const key of new Set(indexKeys(resource, name)))
        this.#counts.set(`${name} ${key}`, this.of(name, key) + 1);
  }

  of(index: string, key: string): number {
    return this.#counts.get(`${index} ${key}`) ?? 0;
  }
}
