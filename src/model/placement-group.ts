import type { Base } from "./common.ts";

/** A wish how instances stand to one another: a record, since all are on this machine. */
export type PlacementGroup = Base<"placement-group"> & {
  readonly name: string;
} & (
    | { readonly strategy: "cluster" | "spread"; readonly partitionCount?: undefined }
    /** Partitions count from 1. */
    | { readonly strategy: "partition"; readonly partitionCount: number }
  );
