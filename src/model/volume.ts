import type { Base } from "./common.ts";

/** What a volume is, attached or not: a record only, no disk stands behind it. */
export type VolumeFacts = VolumeShape & {
  readonly encrypted: boolean;
  /** The key's ARN. */
  readonly kmsKeyId?: string;
  readonly snapshotId?: string;
  /** ISO 8601. Absent: when its instance was launched. */
  readonly createTime?: string;
  readonly autoEnableIo?: boolean;
  /** The latest; it is over as soon as it is asked for. */
  readonly modification?: VolumeModification;
};

/** What ModifyVolume can change. */
export type VolumeShape = {
  readonly sizeGib: number;
  readonly volumeType: string;
  /** Absent of the types that have none to tell of: st1, sc1, standard. */
  readonly iops?: number;
  /** MiB per second; of gp3 alone. */
  readonly throughput?: number;
};

export type VolumeModification = {
  readonly original: VolumeShape;
  readonly target: VolumeShape;
  /** ISO 8601. */
  readonly startTime: string;
};

/** A volume that no instance has. One that is attached stands with its instance (`BlockDevice`). */
export type Volume = Base<"volume"> & VolumeFacts & { readonly availabilityZone: string; readonly createTime: string };
