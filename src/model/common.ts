export type Tags = Readonly<Record<string, string>>;

/** What every resource has. */
export type Base<K extends string> = { readonly kind: K; readonly id: string; readonly tags: Tags };

/**
 * A small number that the kernel's tables use in place of the id. It is unique among its kind on this
 * machine, over all regions.
 * `tx.slot(kind)` gives it at creation; it never changes, and is free again after deletion.
 */
export type Slotted = { readonly slot: number };
