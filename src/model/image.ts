import type { Base } from "./common.ts";
import type { Sharing } from "./snapshot.ts";
import type { VolumeShape } from "./volume.ts";

/** A volume that instances of an image start with. */
export type ImageDevice = VolumeShape & {
  readonly deviceName: string;
  /** Absent: the volume starts empty. */
  readonly snapshotId?: string;
  readonly encrypted: boolean;
  readonly deleteOnTermination: boolean;
};

/** An image that the account made: only a record. Its instances run the same small system as all others. */
export type OwnImage = Base<"image"> & {
  /** The account that made it. */
  readonly ownerId: string;
  readonly name: string;
  readonly description?: string;
  /** ISO 8601. */
  readonly creationDate: string;
  readonly architecture: "x86_64" | "arm64";
  readonly rootDeviceName: string;
  readonly bootMode: "legacy-bios" | "uefi" | "uefi-preferred";
  /** Instances require IMDSv2 and allow two hops, unless the launch says otherwise. */
  readonly imdsV2: boolean;
  /** The root volume is one of them. */
  readonly devices: readonly ImageDevice[];
  readonly sourceInstanceId?: string;
  readonly sourceImageId?: string;
  readonly sourceImageRegion?: string;
  readonly sharing?: Sharing;
  /** No longer available for launches; its instances keep running. */
  readonly deregistered?: boolean;
};
