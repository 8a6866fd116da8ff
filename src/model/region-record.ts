import type { Base } from "./common.ts";

/** Says that the region has begun: its default VPC was made, and is not made again if the user deletes it. Its id is the region's name. */
export type Region = Base<"region"> & { readonly createdAt: string };
