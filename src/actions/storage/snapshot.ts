import type {
  DescribeSnapshotsRequest,
  DescribeSnapshotsResult,
  Snapshot as SnapshotAnswer,
} from "@aws-sdk/client-ec2";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Reader } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { chosen, type FilterFields, searched } from "../kit/describe.ts";
import { noSuch } from "../kit/not-found.ts";
import { required } from "../kit/parameter.ts";
import { tagListOrAbsent } from "../kit/tags.ts";
import { imagesOf, rootOf } from "./image-catalogue.ts";

/** A snapshot, whoever owns it. */
export type AnySnapshot = Snapshot & { readonly ownerId: string; readonly ownerAlias?: string };

/** @throws MissingParameter; InvalidParameterValue for what is no id; InvalidSnapshot.NotFound. */
export function findSnapshot(tx: Reader, id: string | undefined, context: Context): AnySnapshot {
  const wanted = required(id, "snapshotId");
  const found = tx.get("snapshot", wanted);
  const any = found ? own(found, context) : publicSnapshots(context.region).find((one) => one.id === wanted);
  if (!any) throw noSuch("snapshot", wanted);
  return any;
}

function own(snapshot: Snapshot, { account }: Context): AnySnapshot {
  return { ...snapshot, ownerId: account };
}

/** Those that the listed images start from. */
function publicSnapshots(region: string): readonly AnySnapshot[] {
  return imagesOf(region).map((image) => ({
    kind: "snapshot",
    id: rootOf(image).snapshotId ?? "",
    tags: {},
    volumeId: "vol-ffffffff",
    sizeGib: rootOf(image).sizeGib,
    description: `Root volume of ${image.name}`,
    encrypted: false,
    startTime: image.creationDate,
    sharing: { isPublic: true, users: [] },
    ownerId: image.ownerId,
    ...(image.ownerAlias === undefined ? {} : { ownerAlias: image.ownerAlias }),
  }));
}

const DescribeSnapshots: Action<DescribeSnapshotsRequest, DescribeSnapshotsResult> = (tx, input, context) => {
  const all = chosen(
    input.SnapshotIds,
    (id) => findSnapshot(tx, id, context),
    () => [...tx.list("snapshot").map((one) => own(one, context)), ...publicSnapshots(context.region)],
  );
  const { OwnerIds: owners = [], RestorableByUserIds: users = [] } = input;
  const seen = all
    .slice(0, all.length)
    .filter((one) => isOwned(one, owners, context) && isRestorable(one, users, context));
  const { items, nextToken } = searched(seen, input, FIELDS);
  return { Snapshots: items.map(describedSnapshot), NextToken: nextToken };
};

function isOwned(
  { ownerId, ownerAlias }: AnySnapshot,
  owners: readonly string[],
  { account }: Context,
): boolean {
  return (
    owners.length === 0 ||
    owners.some((owner) =>
      owner === "self" ? ownerId === account : owner === ownerId || owner === ownerAlias,
    )
  );
}

/** By everybody, or by those accounts that it is shared with; its owner always. */
function isRestorable(
  { ownerId, sharing }: AnySnapshot,
  users: readonly string[],
  { account }: Context,
): boolean {
  if (users.length === 0) return true;
  return users.some((user) => {
    if (user === "all") return sharing?.isPublic === true;
    const id = user === "self" ? account : user;
    return ownerId === id || sharing?.users.includes(id) === true;
  });
}

const FIELDS: FilterFields<AnySnapshot> = {
  description: (snapshot) => snapshot.description,
  encrypted: (snapshot) => String(snapshot.encrypted),
  "owner-alias": (snapshot) => snapshot.ownerAlias,
  "owner-id": (snapshot) => snapshot.ownerId,
  progress: () => "100%",
  "snapshot-id": (snapshot) => snapshot.id,
  "start-time": (snapshot) => snapshot.startTime,
  status: () => "completed",
  "storage-tier": () => "standard",
  "transfer-type": () => undefined,
  "volume-id": (snapshot) => snapshot.volumeId,
  "volume-size": (snapshot) => String(snapshot.sizeGib),
};

/** As the API describes it from the moment on that it is there. */
export function describedSnapshot(snapshot: AnySnapshot): SnapshotAnswer {
  return {
    SnapshotId: snapshot.id,
    VolumeId: snapshot.volumeId,
    State: "completed",
    StartTime: new Date(snapshot.startTime),
    CompletionTime: new Date(snapshot.startTime),
    Progress: "100%",
    OwnerId: snapshot.ownerId,
    OwnerAlias: snapshot.ownerAlias,
    Description: snapshot.description,
    VolumeSize: snapshot.sizeGib,
    Encrypted: snapshot.encrypted,
    StorageTier: "standard",
    Tags: tagListOrAbsent(snapshot.tags),
  };
}

export const snapshotActions = { DescribeSnapshots };
