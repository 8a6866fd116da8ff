import type { Base } from "./common.ts";

/**
 * A wish for how instances are placed relative to one another: only a record, since all run on this machine.
 */
export type PlacementGroup = Base<"placement-group"> & {
  readonly name: string;
} & (
    | { readonly strategy: "cluster" | "spread"; readonly partitionCount?: undefined }
    /** Partitions count from 1. */
    | { readonly strategy: "partition"; readonly partitionCount: number }
  );
