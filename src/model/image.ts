import type { Base } from "./common.ts";
import type { Sharing } from "./snapshot.ts";
import type { VolumeShape } from "./volume.ts";

/** A volume that an image's instances begin with. */
export type ImageDevice = VolumeShape & {
  readonly deviceName: string;
  /** Absent: it begins empty. */
  readonly snapshotId?: string;
  readonly encrypted: boolean;
  readonly deleteOnTermination: boolean;
};

/** An image of the account's own: a record. Its instances run the same small system as any other's. */
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
  /** Launches with IMDSv2 required and two hops, unless told otherwise. */
  readonly imdsV2: boolean;
  /** The root volume is one of them. */
  readonly devices: readonly ImageDevice[];
  readonly sourceInstanceId?: string;
  readonly sourceImageId?: string;
  readonly sourceImageRegion?: string;
  readonly sharing?: Sharing;
  /** No longer there for launches; its instances go on. */
  readonly deregistered?: boolean;
};
