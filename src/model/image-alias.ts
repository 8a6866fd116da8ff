import type { Base } from "./common.ts";

/** A user's own name for an image; its id is the image's. */
export type ImageAlias = Base<"image-alias"> & {
  readonly name: string;
  readonly ownerId: string;
  readonly architecture: "x86_64" | "arm64";
  /** ISO 8601. */
  readonly createTime: string;
};
