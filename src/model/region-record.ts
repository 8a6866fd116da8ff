import type { Base } from "./common.ts";

/**
 * Says that the region has begun. Its default VPC was made then, and is not made again after the user deletes
 * it. Its id is the region's name.
 */
export type Region = Base<"region"> & { readonly createdAt: string };
