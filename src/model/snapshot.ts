import type { Base } from "./common.ts";

/** A copy of a volume: only a record, since volumes hold no data here. */
export type Snapshot = Base<"snapshot"> & {
  /** The volume that it was made from; for a copied snapshot `vol-ffffffff`, as AWS shows. */
  readonly volumeId: string;
  readonly sizeGib: number;
  readonly description: string;
  readonly encrypted: boolean;
  /** ISO 8601. */
  readonly startTime: string;
  readonly sharing?: Sharing;
};

/** Who may use a resource besides its owner. */
export type Sharing = {
  readonly isPublic: boolean;
  /** Accounts, of twelve digits. */
  readonly users: readonly string[];
};
