import type {
  AttachNetworkInterfaceRequest,
  AttachNetworkInterfaceResult,
  DetachNetworkInterfaceRequest,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { Instance } from "../../model/instance.ts";
import { isManaged, type NetworkInterface } from "../../model/network-interface.ts";
import type { Reader } from "../../model/state.ts";
import type { Action } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { instanceTypeInfo } from "../kit/instance-type-table.ts";
import { notFound } from "../kit/not-found.ts";
import { type Done, DONE, refuseUnoffered, required } from "../kit/parameter.ts";
import { requireAddressRoom, requireIpv6Room } from "./address-room.ts";
import { requireTrackingSupport } from "./network-interface-tracking.ts";
import { newAttachment } from "./network-interface.ts";

const AttachNetworkInterface: Action<AttachNetworkInterfaceRequest, AttachNetworkInterfaceResult> = (
  tx,
  input,
  context,
) => {
  refuseUnoffered(input, ["EnaSrdSpecification", "EnaQueueCount"]);
  const eni = find(tx, "network-interface", input.NetworkInterfaceId);
  const instance = find(tx, "instance", input.InstanceId);
  const deviceIndex = required(input.DeviceIndex, "deviceIndex");
  if ((input.NetworkCardIndex ?? 0) !== 0) {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${input.NetworkCardIndex}) for parameter networkCardIndex is invalid.`,
    );
  }
  requireAttachable(tx, eni, instance, deviceIndex);
  const attachment = newAttachment(
    { instanceId: instance.id, deviceIndex, deleteOnTermination: false },
    context,
  );
  tx.put({ ...eni, attachment });
  return { AttachmentId: attachment.attachmentId, NetworkCardIndex: attachment.networkCardIndex };
};

/**
 * @throws InvalidNetworkInterface.InUse; IncorrectState for an instance that is neither running nor stopped;
 * InvalidParameterValue for a device index that is taken or no index, or another zone;
 * AttachmentLimitExceeded; PrivateIpAddressLimitExceeded.
 */
function requireAttachable(tx: Reader, eni: NetworkInterface, instance: Instance, deviceIndex: number): void {
  if (eni.attachment || isManaged(eni))
    throw new Fault("InvalidNetworkInterface.InUse", `Interface: [${eni.id}] in use.`);
  if (instance.state !== "running" && instance.state !== "stopped") {
    throw new Fault(
      "IncorrectState",
      `The instance '${instance.id}' is not in the 'running' or 'stopped' state.`,
    );
  }
  if (eni.availabilityZone !== instance.availabilityZone) {
    const words =
      "You may not attach a network interface to an instance if they are not in the same availability zone";
    throw new Fault("InvalidParameterValue", words);
  }
  if (eni.vpcId !== instance.vpcId) {
    throw new Fault(
      "UnsupportedOperation",
      "Genkan does not offer interfaces of another VPC than the instance's.",
    );
  }
  if (deviceIndex < 0)
    throw new Fault("InvalidParameterValue", `Value (${deviceIndex}) for parameter deviceIndex is invalid.`);
  const held = interfacesOf(tx, instance);
  if (held.some((other) => other.attachment?.deviceIndex === deviceIndex)) {
    const words = `Instance '${instance.id}' already has an interface attached at device index '${deviceIndex}'.`;
    throw new Fault("InvalidParameterValue", words);
  }
  const limit = instanceTypeInfo(instance.instanceType)?.maxInterfaces ?? Number.POSITIVE_INFINITY;
  if (held.length >= limit) {
    const words = `Interface count ${held.length + 1} exceeds the limit for ${instance.instanceType}`;
    throw new Fault("AttachmentLimitExceeded", words);
  }
  requireAddressRoom(eni.privateIpAddresses.length, instance.instanceType);
  requireIpv6Room((eni.ipv6Addresses ?? []).length, instance.instanceType);
  requireTrackingSupport(eni.connectionTracking, instance.instanceType);
}

/** Force and its absence come to the same: an interface leaves at once. */
const DetachNetworkInterface: Action<DetachNetworkInterfaceRequest, Done> = (tx, input) => {
  const id = required(input.AttachmentId, "attachmentId");
  if (id.startsWith("ela-attach-"))
    throw new Fault("OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments.");
  const found = tx.by("network-interface", "attachmentId", id)[0];
  if (!found?.attachment) throw notFound("attachment", id);
  if (found.attachment.deviceIndex === 0) {
    throw new Fault("OperationNotPermitted", "The network interface at device index 0 cannot be detached.");
  }
  const { attachment: _, ...eni } = found;
  tx.put(eni);
  return DONE;
};

/** The interfaces attached to an instance, by device index. */
export function interfacesOf(tx: Reader, instance: Instance): readonly NetworkInterface[] {
  const interfaces = tx.by("network-interface", "instanceId", instance.id);
  return interfaces.toSorted((a, b) => (a.attachment?.deviceIndex ?? 0) - (b.attachment?.deviceIndex ?? 0));
}

/** The interface with device index 0; a terminated instance has none. */
export function primaryInterfaceOf(tx: Reader, instance: Instance): NetworkInterface | undefined {
  return interfacesOf(tx, instance)[0];
}

export const networkInterfaceAttachmentActions = { AttachNetworkInterface, DetachNetworkInterface };
