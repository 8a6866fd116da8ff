import type { DescribeSnapshotsRequest, DescribeSnapshotsResult } from "@aws-sdk/client-ec2";
import { Fault } from "../model/fault.ts";
import { checkFilters } from "./account-setting.ts";
import type { Action } from "./action.ts";
import { paged } from "./describe.ts";

/** There are none: nothing is on a volume that could be kept. @throws InvalidSnapshot.NotFound for one asked for by id. */
const DescribeSnapshots: Action<DescribeSnapshotsRequest, DescribeSnapshotsResult> = (_tx, input) => {
  const [id] = input.SnapshotIds ?? [];
  if (id !== undefined) throw new Fault("InvalidSnapshot.NotFound", `The snapshot '${id}' does not exist.`);
  checkFilters(input.Filters, FILTERS);
  return { Snapshots: [...paged([], input).items] };
};

/** EC2 API reference, DescribeSnapshots; those of tags are every resource's. */
const FILTERS =
  "description encrypted owner-alias owner-id progress snapshot-id start-time status storage-tier transfer-type volume-id volume-size".split(
    " ",
  );

export const snapshotActions = { DescribeSnapshots };
