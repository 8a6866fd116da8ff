import type {
  CopySnapshotRequest,
  CopySnapshotResult,
  CreateSnapshotRequest,
  CreateSnapshotsRequest,
  CreateSnapshotsResult,
  DeleteSnapshotRequest,
  Snapshot as SnapshotAnswer,
} from "@aws-sdk/client-ec2";
import type { Tags } from "../../model/common.ts";
import { Fault, notPermitted } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { type Done, DONE, given, refuseUnoffered, required, unoffered } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { sourceRegionOf } from "../kit/region.ts";
import { tagList, tagsFor } from "../kit/tags.ts";
import { describedSnapshot, findSnapshot } from "./snapshot.ts";
import { type AnyVolume, blockDevicesOf, findVolume } from "./volume.ts";

type Wanted = Pick<Snapshot, "tags" | "volumeId" | "sizeGib" | "description" | "encrypted">;

/** @throws SnapshotLimitExceeded. */
export function putSnapshot(tx: Tx, wanted: Wanted, context: Context): Snapshot {
  const words = "The maximum number of snapshots has been reached.";
  requireQuota(context, "snapshots", tx.count("snapshot") + 1, "SnapshotLimitExceeded", words);
  const snapshot: Snapshot = {
    kind: "snapshot",
    id: newId("snapshot", context.random),
    ...wanted,
    startTime: context.now,
  };
  tx.put(snapshot);
  return snapshot;
}

/** What a snapshot takes over from its volume. */
export function snapshotOf(
  { id, sizeGib, encrypted }: Pick<AnyVolume, "id" | "sizeGib" | "encrypted">,
  description: string,
  tags: Tags,
): Wanted {
  return { tags, volumeId: id, sizeGib, encrypted, description };
}

/** `pending` in the answer, `completed` from then on. */
const CreateSnapshot: Action<CreateSnapshotRequest, SnapshotAnswer> = (tx, input, context) => {
  refuseUnoffered(input, ["OutpostArn"]);
  requireRegional(input.Location);
  const volume = findVolume(tx, input.VolumeId, context.region);
  const tags = tagsFor("snapshot", input.TagSpecifications, context.quotas);
  return begun(putSnapshot(tx, snapshotOf(volume, input.Description ?? "", tags), context), context);
};

function requireRegional(location: string | undefined): void {
  if (given(location) !== undefined && location !== "regional") throw unoffered("Location");
}

function begun(snapshot: Snapshot, { account }: Context): SnapshotAnswer {
  const {
    CompletionTime: _1,
    StorageTier: _2,
    ...answer
  } = describedSnapshot({ ...snapshot, ownerId: account });
  return { ...answer, State: "pending", Progress: "" };
}

/** Creates snapshots of all volumes of an instance, at one moment. */
const CreateSnapshots: Action<CreateSnapshotsRequest, CreateSnapshotsResult> = (tx, input, context) => {
  refuseUnoffered(input, ["OutpostArn"]);
  requireRegional(input.Location);
  const specification = required(input.InstanceSpecification, "instanceSpecification");
  const instance = find(tx, "instance", specification.InstanceId);
  const [root, ...data] = blockDevicesOf(instance, context.region);
  const excluded = new Set(specification.ExcludeDataVolumeIds ?? []);
  const devices = [
    ...(root && specification.ExcludeBootVolume !== true ? [root] : []),
    ...data.filter(({ volumeId }) => !excluded.has(volumeId)),
  ];
  const tags = tagsFor("snapshot", input.TagSpecifications, context.quotas);
  if (input.CopyTagsFromSource !== undefined && input.CopyTagsFromSource !== "volume") {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${String(input.CopyTagsFromSource)}) for parameter copyTagsFromSource is invalid.`,
    );
  }
  const made = devices.map((device) => {
    const all = input.CopyTagsFromSource === "volume" ? { ...device.tags, ...tags } : tags;
    return putSnapshot(
      tx,
      snapshotOf({ ...device, id: device.volumeId }, input.Description ?? "", all),
      context,
    );
  });
  return {
    Snapshots: made.map((snapshot) => {
      const { Tags: _, ...answer } = begun(snapshot, context);
      return { ...answer, Tags: tagList(snapshot.tags), State: "pending" };
    }),
  };
};

/** Copies a snapshot of this region, or of another region of the account. */
const CopySnapshot: Action<CopySnapshotRequest, CopySnapshotResult> = (tx, input, context) => {
  refuseUnoffered(input, [
    "DestinationOutpostArn",
    "KmsKeyId",
    "CompletionDurationMinutes",
    "DestinationAvailabilityZone",
  ]);
  if (input.DestinationRegion !== undefined && input.DestinationRegion !== context.region)
    throw unoffered("DestinationRegion");
  const region = sourceRegionOf(input.SourceRegion, context);
  const source = findSnapshot(tx.elsewhere(region), required(input.SourceSnapshotId, "sourceSnapshotId"), {
    ...context,
    region,
  });
  const copy = putSnapshot(
    tx,
    {
      tags: tagsFor("snapshot", input.TagSpecifications, context.quotas),
      volumeId: "vol-ffffffff",
      sizeGib: source.sizeGib,
      encrypted: source.encrypted || input.Encrypted === true,
      description: input.Description ?? `[Copied ${source.id} from ${region}]`,
    },
    context,
  );
  return { SnapshotId: copy.id, Tags: tagList(copy.tags) };
};

/** @throws InvalidSnapshot.InUse while an image starts from it. */
const DeleteSnapshot: Action<DeleteSnapshotRequest, Done> = (tx, input, context) => {
  const { id, ownerId } = findSnapshot(tx, input.SnapshotId, context);
  if (ownerId !== context.account) throw notPermitted();
  const image = tx.by("image", "snapshotId", id)[0];
  if (image)
    throw new Fault("InvalidSnapshot.InUse", `The snapshot ${id} is currently in use by ${image.id}`);
  tx.delete("snapshot", id);
  return DONE;
};

export const snapshotCreateActions = { CreateSnapshot, CreateSnapshots, CopySnapshot, DeleteSnapshot };
