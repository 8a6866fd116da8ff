import type { IndexName, Kind, Resources, SlottedKind } from "./resource.ts";

/** One account's view of one region, read only. */
export type Reader = {
  readonly get: <K extends Kind>(kind: K, id: string) => Resources[K] | undefined;
  /** All of a kind, in order of creation. */
  readonly list: <K extends Kind>(kind: K) => readonly Resources[K][];
  /** All of a kind under one key of a secondary index, in order of creation. */
  readonly by: <K extends Kind>(kind: K, index: IndexName<K>, key: string) => readonly Resources[K][];
  readonly count: (kind: Kind) => number;
  /** How many of a kind stand under one key of a secondary index; costs nothing, however many they are. */
  readonly countBy: <K extends Kind>(kind: K, index: IndexName<K>, key: string) => number;
  /** Those under one key of a secondary index from the `start`th up to, not including, the `end`th in order of creation. */
  readonly sliceBy: <K extends Kind>(
    kind: K,
    index: IndexName<K>,
    key: string,
    range: { readonly start: number; readonly end: number },
  ) => readonly Resources[K][];
  /** Those of a kind from the `start`th up to, not including, the `end`th in order of creation; costs their number. */
  readonly slice: <K extends Kind>(kind: K, start: number, end: number) => readonly Resources[K][];
};

/**
 * A region's state with the changes of one request on top: an action reads its own writes; a fault discards them all. What it
 * changes {@link Tx.elsewhere} becomes true with the rest, or not at all.
 */
export type Tx = Reader & {
  /** Adds the resource, or replaces the one with the same id. */
  readonly put: (resource: Resources[Kind]) => void;
  readonly delete: (kind: Kind, id: string) => void;
  /** A number that no resource of the kind holds on this machine, nor another caller in this transaction. */
  readonly slot: (kind: SlottedKind) => number;
  /** Whether a public IPv4 address is held in any account or region of this machine. */
  readonly publicIpTaken: (ip: string) => boolean;
  /** Another region of the account, within the same request; this very one by its own name. One that nothing was put into yet is empty. */
  readonly elsewhere: (region: string) => Tx;
};

/** What a request changed in one account's region. */
export type Part = { readonly account: string; readonly region: string; readonly changes: readonly Change[] };

/** One resource's before and after; `before` is absent for a new one, `after` for a deleted one. */
export type Change<K extends Kind = Kind> = {
  readonly kind: K;
  readonly id: string;
  readonly before?: Resources[K];
  readonly after?: Resources[K];
};
