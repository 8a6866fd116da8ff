import type { Realm } from "./realm.ts";
import type { IndexName, Kind, Resources, SlottedKind } from "./resource.ts";

/** One account's view of one region, read only. */
export type Reader = {
  readonly get: <K extends Kind>(kind: K, id: string) => Resources[K] | undefined;
  /** All of a kind, in order of creation. */
  readonly list: <K extends Kind>(kind: K) => readonly Resources[K][];
  /** All of a kind under one key of a secondary index, in order of creation. */
  readonly by: <K extends Kind>(kind: K, index: IndexName<K>, key: string) => readonly Resources[K][];
  readonly count: (kind: Kind) => number;
  /** How many of a kind are under one key of a secondary index; takes the same time for any number. */
  readonly countBy: <K extends Kind>(kind: K, index: IndexName<K>, key: string) => number;
  /**
   * The ones under one key of a secondary index, from the `start`th up to, but without, the `end`th in order
   * of creation.
   */
  readonly sliceBy: <K extends Kind>(
    kind: K,
    index: IndexName<K>,
    key: string,
    range: { readonly start: number; readonly end: number },
  ) => readonly Resources[K][];
  /**
   * The ones of a kind from the `start`th up to, but without, the `end`th in order of creation; the cost
   * grows with `end - start`.
   */
  readonly slice: <K extends Kind>(kind: K, start: number, end: number) => readonly Resources[K][];
};

/**
 * A region's state with the changes of one request on top: an action reads its own writes; a fault discards
 * them all. Changes made through {@link Tx.elsewhere} become true together with the rest, or not at all.
 */
export type Tx = Reader & {
  /** Adds the resource, or replaces the one with the same id. */
  readonly put: (resource: Resources[Kind]) => void;
  readonly delete: (kind: Kind, id: string) => void;
  /** A slot that is free for the kind on this machine; each call in a transaction gives another. */
  readonly slot: (kind: SlottedKind) => number;
  /** Whether any account's region on this machine has this public IPv4 address. */
  readonly publicIpTaken: (ip: string) => boolean;
  /**
   * Another region of the account, within the same request; its own name gives this one. A region that has
   * not begun is empty.
   */
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

/** A realm, and its state to read. */
export type RealmReader = { readonly realm: Realm; readonly reader: Reader };
