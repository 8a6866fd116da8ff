import type {
  DescribeSnapshotAttributeRequest,
  DescribeSnapshotAttributeResult,
  ModifySnapshotAttributeRequest,
  ResetSnapshotAttributeRequest,
} from "@aws-sdk/client-ec2";
import { Fault, notPermitted } from "../../model/fault.ts";
import type { Sharing, Snapshot } from "../../model/snapshot.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { type Done, DONE, given, required } from "../kit/parameter.ts";
import { describedSharing, shared, sharingAsked, UNSHARED } from "../kit/sharing.ts";
import { findSnapshot } from "./snapshot.ts";

/** @throws the faults of {@link findSnapshot}; AuthFailure for another's. */
function findOwnSnapshot(tx: Reader, id: string | undefined, context: Context): Snapshot {
  const { ownerId, ownerAlias: _, ...snapshot } = findSnapshot(tx, id, context);
  if (ownerId !== context.account) throw notPermitted();
  return snapshot;
}

/** The one attribute asked for. */
const DescribeSnapshotAttribute: Action<DescribeSnapshotAttributeRequest, DescribeSnapshotAttributeResult> = (
  tx,
  input,
  context,
) => {
  const { id, sharing = UNSHARED } = findOwnSnapshot(tx, input.SnapshotId, context);
  const name: string = required(input.Attribute, "attribute");
  if (name === "productCodes") return { SnapshotId: id, ProductCodes: [] };
  requirePermission(name);
  const permissions = describedSharing(sharing) as DescribeSnapshotAttributeResult["CreateVolumePermissions"];
  return { SnapshotId: id, CreateVolumePermissions: permissions };
};

function requirePermission(name: string): void {
  if (name === "createVolumePermission") return;
  throw new Fault(
    "InvalidParameterValue",
    `Value (${name}) for parameter attribute is invalid. Unknown attribute.`,
  );
}

/**
 * @throws OperationNotPermitted for an encrypted one that everybody is to have (EBS user guide, "Share a
 * snapshot").
 */
const ModifySnapshotAttribute: Action<ModifySnapshotAttributeRequest, Done> = (tx, input, context) => {
  const snapshot = findOwnSnapshot(tx, input.SnapshotId, context);
  requirePermission(given(input.Attribute) ?? "createVolumePermission");
  const asked = sharingAsked(input.CreateVolumePermission, {
    operation: input.OperationType,
    groups: input.GroupNames,
    users: input.UserIds,
  });
  if (asked.add.length + asked.remove.length === 0)
    throw new Fault("InvalidParameterCombination", "No attributes specified.");
  const sharing = shared(snapshot.sharing ?? UNSHARED, asked);
  if (sharing.isPublic && snapshot.encrypted) {
    throw new Fault(
      "OperationNotPermitted",
      `The snapshot ${snapshot.id} is encrypted and cannot be made public.`,
    );
  }
  return share(tx, snapshot, sharing);
};

const ResetSnapshotAttribute: Action<ResetSnapshotAttributeRequest, Done> = (tx, input, context) => {
  const snapshot = findOwnSnapshot(tx, input.SnapshotId, context);
  requirePermission(required<string>(input.Attribute, "attribute"));
  return share(tx, snapshot, UNSHARED);
};

function share(tx: Tx, snapshot: Snapshot, sharing: Sharing): Done {
  tx.put({ ...snapshot, sharing });
  return DONE;
}

export const snapshotAttributeActions = {
  DescribeSnapshotAttribute,
  ModifySnapshotAttribute,
  ResetSnapshotAttribute,
};
