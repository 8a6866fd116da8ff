import type { Base } from "./common.ts";

/** A copy of a volume as it was: a record, since nothing is on a volume. */
export type Snapshot = Base<"snapshot"> & {
  /** The volume that it is of; of a copy `vol-ffffffff`, as AWS tells. */
  readonly volumeId: string;
  readonly sizeGib: number;
  readonly description: string;
  readonly encrypted: boolean;
  /** ISO 8601. */
  readonly startTime: string;
  readonly sharing?: Sharing;
};

/** Who may use something besides its owner. */
export type Sharing = {
  readonly isPublic: boolean;
  /** Accounts, of twelve digits. */
  readonly users: readonly string[];
};
