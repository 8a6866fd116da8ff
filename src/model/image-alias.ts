import type { Base } from "./common.ts";

/** An image that a user made known by a name, as its owner's; its id is the image's. */
export type ImageAlias = Base<"image-alias"> & {
  readonly name: string;
  readonly ownerId: string;
  readonly architecture: "x86_64" | "arm64";
  /** ISO 8601. */
  readonly createTime: string;
};
