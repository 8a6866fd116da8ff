import type { Base } from "./common.ts";

/** A volume, attached or not: only a record, no disk is behind it. */
export type VolumeFacts = VolumeShape & {
  readonly encrypted: boolean;
  /** The ARN of the key. */
  readonly kmsKeyId?: string;
  readonly snapshotId?: string;
  /** ISO 8601. Absent: at the launch of its instance. */
  readonly createTime?: string;
  readonly autoEnableIo?: boolean;
  /** The latest modification; it completes at once. */
  readonly modification?: VolumeModification;
};

/** What ModifyVolume can change. */
export type VolumeShape = {
  readonly sizeGib: number;
  readonly volumeType: string;
  /** Absent for types without IOPS to show: st1, sc1, standard. */
  readonly iops?: number;
  /** MiB per second; only for gp3. */
  readonly throughput?: number;
};

export type VolumeModification = {
  readonly original: VolumeShape;
  readonly target: VolumeShape;
  /** ISO 8601. */
  readonly startTime: string;
};

/** A volume that is not attached. An attached one is in its instance's record (`BlockDevice`). */
export type Volume = Base<"volume"> &
  VolumeFacts & { readonly availabilityZone: string; readonly createTime: string };
