import type {
  DescribeNetworkInterfaceAttributeRequest,
  DescribeNetworkInterfaceAttributeResult,
  ModifyNetworkInterfaceAttributeRequest,
  NetworkInterfaceAttachmentChanges,
  ResetNetworkInterfaceAttributeRequest,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { NetworkInterface } from "../../model/network-interface.ts";
import type { Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";
import { type Done, DONE, refuseUnoffered, required } from "../kit/parameter.ts";
import { describedAttachment, describedGroups } from "./network-interface-describe.ts";
import { connectionTrackingIn, requireTrackingSupport } from "./network-interface-tracking.ts";
import {
  findOwnNetworkInterface,
  refreshAutoPublicIp,
  requireGroups,
  requireIpv4,
} from "./network-interface.ts";

const ATTRIBUTES = [
  "Description",
  "SourceDestCheck",
  "Groups",
  "Attachment",
  "AssociatePublicIpAddress",
  "EnablePrimaryIpv6",
  "ConnectionTrackingSpecification",
] as const;

const ModifyNetworkInterfaceAttribute: Action<ModifyNetworkInterfaceAttributeRequest, Done> = (
  tx,
  input,
  context,
) => {
  refuseUnoffered(input, ["EnaSrdSpecification", "AssociatedSubnetIds"]);
  const eni = findOwnNetworkInterface(tx, input.NetworkInterfaceId);
  const given = ATTRIBUTES.filter((name) => input[name] !== undefined);
  const [name, second] = given;
  if (name === undefined) throw new Fault("InvalidParameterCombination", "No attributes specified.");
  if (second !== undefined) {
    const names = given.map((one) => one.charAt(0).toLowerCase() + one.slice(1));
    throw new Fault(
      "InvalidParameterCombination",
      `Fields for multiple attribute types specified: ${names.join(", ")}`,
    );
  }
  const changed: NetworkInterface = { ...eni, ...changesOf(tx, eni, input, name, context) };
  tx.put(changed);
  if (name === "AssociatePublicIpAddress") refreshAutoPublicIp(tx, changed, context);
  return DONE;
};

function changesOf(
  tx: Tx,
  eni: NetworkInterface,
  input: ModifyNetworkInterfaceAttributeRequest,
  name: (typeof ATTRIBUTES)[number],
  context: Context,
): Partial<NetworkInterface> {
  switch (name) {
    case "Description":
      return { description: input.Description?.Value ?? "" };
    case "SourceDestCheck":
      return { sourceDestCheck: required(input.SourceDestCheck?.Value, "sourceDestCheck.value") };
    case "Groups":
      return { groupIds: groupIdsIn(tx, eni, input.Groups ?? [], context) };
    case "Attachment":
      return { attachment: attachmentWith(eni, input.Attachment ?? {}) };
    case "AssociatePublicIpAddress":
      if (input.AssociatePublicIpAddress === true) requireIpv4(find(tx, "subnet", eni.subnetId));
      return { assignPublicIp: required(input.AssociatePublicIpAddress, "associatePublicIpAddress") };
    case "EnablePrimaryIpv6":
      return primaryIpv6Of(eni, required(input.EnablePrimaryIpv6, "enablePrimaryIpv6"));
    case "ConnectionTrackingSpecification":
      return trackingOf(tx, eni, input);
  }
}

/**
 * The first IPv6 address becomes the primary one, and stays it (EC2 API reference,
 * ModifyNetworkInterfaceAttribute).
 */
function primaryIpv6Of(eni: NetworkInterface, wanted: boolean): Pick<NetworkInterface, "isPrimaryIpv6"> {
  if (!wanted && eni.isPrimaryIpv6 === true) {
    throw new Fault(
      "InvalidParameterValue",
      `The primary IPv6 address of network interface '${eni.id}' cannot be disabled.`,
    );
  }
  if (wanted && (eni.ipv6Addresses ?? []).length === 0) {
    throw new Fault(
      "InvalidParameterValue",
      `The network interface '${eni.id}' has no IPv6 address to make the primary one.`,
    );
  }
  return wanted ? { isPrimaryIpv6: true } : {};
}

/** What the request does not name stays. */
function trackingOf(
  tx: Tx,
  eni: NetworkInterface,
  { ConnectionTrackingSpecification: spec }: ModifyNetworkInterfaceAttributeRequest,
): Pick<NetworkInterface, "connectionTracking"> {
  const wanted = connectionTrackingIn(spec);
  if (!wanted) throw new Fault("InvalidParameterCombination", "No attributes specified.");
  const instance = eni.attachment && tx.get("instance", eni.attachment.instanceId);
  if (instance) requireTrackingSupport(wanted, instance.instanceType);
  return { connectionTracking: { ...eni.connectionTracking, ...wanted } };
}

function groupIdsIn(
  tx: Tx,
  eni: NetworkInterface,
  groups: readonly string[],
  context: Context,
): readonly string[] {
  if (groups.length === 0)
    throw new Fault("MissingParameter", "The request must contain the parameter groupSet");
  const groupIds = [...new Set(groups)];
  requireGroups(tx, find(tx, "subnet", eni.subnetId), groupIds, context);
  return groupIds;
}

function attachmentWith(
  eni: NetworkInterface,
  changes: NetworkInterfaceAttachmentChanges,
): NonNullable<NetworkInterface["attachment"]> {
  refuseUnoffered(changes, ["DefaultEnaQueueCount", "EnaQueueCount"]);
  const id = required(changes.AttachmentId, "attachment.attachmentId");
  if (eni.attachment?.attachmentId !== id) throw notFound("attachment", id);
  return {
    ...eni.attachment,
    deleteOnTermination: required(changes.DeleteOnTermination, "attachment.deleteOnTermination"),
  };
}

const DescribeNetworkInterfaceAttribute: Action<
  DescribeNetworkInterfaceAttributeRequest,
  DescribeNetworkInterfaceAttributeResult
> = (tx, input, context) => {
  const eni = find(tx, "network-interface", input.NetworkInterfaceId);
  const attribute = required(input.Attribute, "attribute");
  const NetworkInterfaceId = eni.id;
  switch (attribute) {
    case "description":
      return { NetworkInterfaceId, Description: { Value: eni.description } };
    case "sourceDestCheck":
      return { NetworkInterfaceId, SourceDestCheck: { Value: eni.sourceDestCheck } };
    case "groupSet":
      return { NetworkInterfaceId, Groups: describedGroups(tx, eni) };
    case "attachment":
      return { NetworkInterfaceId, Attachment: describedAttachment(eni, context) };
    case "associatePublicIpAddress":
      return { NetworkInterfaceId, AssociatePublicIpAddress: eni.assignPublicIp };
    default:
      throw new Fault(
        "InvalidParameterValue",
        `Value (${String(attribute)}) for parameter attribute is invalid. Unknown attribute.`,
      );
  }
};

/** Source/destination checking is the one attribute that has a value to go back to: true. */
const ResetNetworkInterfaceAttribute: Action<ResetNetworkInterfaceAttributeRequest, Done> = (tx, input) => {
  const eni = findOwnNetworkInterface(tx, input.NetworkInterfaceId);
  required(input.SourceDestCheck, "sourceDestCheck");
  tx.put({ ...eni, sourceDestCheck: true });
  return DONE;
};

export const networkInterfaceAttributeActions = {
  ModifyNetworkInterfaceAttribute,
  DescribeNetworkInterfaceAttribute,
  ResetNetworkInterfaceAttribute,
};
