import type { CreateVolumeRequest, DeleteVolumeRequest, Volume as VolumeAnswer } from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { Volume } from "../../model/volume.ts";
import { zonesOf } from "../../model/zone.ts";
import type { Action, Context } from "../kit/action.ts";
import { notFound } from "../kit/not-found.ts";
import { type Done, DONE, given, refuseUnoffered, required } from "../kit/parameter.ts";
import { tagsFor } from "../kit/tags.ts";
import { findSnapshot } from "./snapshot.ts";
import { describedVolume } from "./volume-describe.ts";
import { encryptionOf } from "./volume-encryption.ts";
import { volumeShape } from "./volume-shape.ts";
import { findVolume } from "./volume.ts";

/** `creating` in the answer, `available` from then on. */
const CreateVolume: Action<CreateVolumeRequest, VolumeAnswer> = (tx, input, context) => {
  refuseUnoffered(input, ["OutpostArn", "MultiAttachEnabled", "VolumeInitializationRate", "Operator"]);
  const availabilityZone = zoneIn(input, context);
  const snapshotId = given(input.SnapshotId);
  const snapshot = snapshotId === undefined ? undefined : findSnapshot(tx, snapshotId, context);
  const sizeGib = input.Size ?? snapshot?.sizeGib;
  if (snapshot && sizeGib !== undefined && sizeGib < snapshot.sizeGib) {
    const words = `Volume of size ${sizeGib}GB is smaller than snapshot '${snapshot.id}', expect size >= ${snapshot.sizeGib}GB`;
    throw new Fault("InvalidParameterValue", words);
  }
  const volume: Volume = {
    kind: "volume",
    id: newId("volume", context.random),
    tags: tagsFor("volume", input.TagSpecifications, context.quotas),
    ...volumeShape({
      sizeGib: required(sizeGib, "size/snapshot"),
      volumeType: given(input.VolumeType) ?? "gp2",
      iops: input.Iops,
      throughput: input.Throughput,
    }),
    ...encryptionOf(
      { Encrypted: input.Encrypted === true || snapshot?.encrypted === true, KmsKeyId: input.KmsKeyId },
      context,
    ),
    ...(snapshot ? { snapshotId: snapshot.id } : {}),
    availabilityZone,
    createTime: context.now,
  };
  tx.put(volume);
  return { ...describedVolume(tx, volume, context), State: "creating" };
};

/** @throws InvalidParameterCombination for both; MissingParameter for neither; InvalidZone.NotFound. */
function zoneIn({ AvailabilityZone, AvailabilityZoneId }: CreateVolumeRequest, { region }: Context): string {
  const [name, id] = [given(AvailabilityZone), given(AvailabilityZoneId)];
  if (name !== undefined && id !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      "The parameter availabilityZone cannot be used with the parameter availabilityZoneId",
    );
  }
  const wanted = required(name ?? id, "availabilityZone");
  const found = zonesOf(region).find((zone) => (name === undefined ? zone.id : zone.name) === wanted);
  if (!found) throw notFound("zone", wanted);
  return found.name;
}

const DeleteVolume: Action<DeleteVolumeRequest, Done> = (tx, input, { region }) => {
  const { id, attachment } = findVolume(tx, input.VolumeId, region);
  if (attachment)
    throw new Fault("VolumeInUse", `Volume ${id} is currently attached to ${attachment.instance.id}`);
  tx.delete("volume", id);
  return DONE;
};

export const volumeCreateActions = { CreateVolume, DeleteVolume };
