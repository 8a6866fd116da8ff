export type Tags = Readonly<Record<string, string>>;

/** What every resource has. */
export type Base<K extends string> = { readonly kind: K; readonly id: string; readonly tags: Tags };

/**
 * A small number, unique among the kind on this machine over all regions, that the kernel's tables use
 * in place of the id. Given by `tx.slot(kind)` at creation, never changed, free again after deletion.
 */
export type Slotted = { readonly slot: number };
