import type {
  AssociateSecurityGroupVpcRequest,
  AssociateSecurityGroupVpcResult,
  DescribeSecurityGroupVpcAssociationsRequest,
  DescribeSecurityGroupVpcAssociationsResult,
  DisassociateSecurityGroupVpcRequest,
  DisassociateSecurityGroupVpcResult,
} from "@aws-sdk/client-ec2";
import type { Tags } from "../../model/common.ts";
import { Fault } from "../../model/fault.ts";
import type { SecurityGroup } from "../../model/security-group.ts";
import type { Tx } from "../../model/state.ts";
import type { Action } from "../kit/action.ts";
import { type FilterFields, filtered, paged } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { isOfEndpoint } from "./security-group.ts";

/**
 * From then on interfaces of the VPC can have the group. Neither default groups nor the default VPC (EC2 API
 * reference, AssociateSecurityGroupVpc).
 */
const AssociateSecurityGroupVpc: Action<AssociateSecurityGroupVpcRequest, AssociateSecurityGroupVpcResult> = (
  tx,
  input,
) => {
  const group = find(tx, "security-group", input.GroupId);
  const vpc = find(tx, "vpc", input.VpcId);
  if (group.name === "default") {
    throw new Fault(
      "InvalidParameterValue",
      `The default security group '${group.id}' cannot be associated with a VPC.`,
    );
  }
  if (vpc.isDefault || tx.get("vpc", group.vpcId)?.isDefault === true) {
    throw new Fault(
      "InvalidParameterValue",
      "Security groups cannot be associated with the default VPC, nor those of the default VPC.",
    );
  }
  const others = group.associatedVpcIds ?? [];
  if (group.vpcId === vpc.id || others.includes(vpc.id)) {
    throw new Fault(
      "Resource.AlreadyAssociated",
      `resource ${group.id} is already associated with ${vpc.id}`,
    );
  }
  tx.put({ ...group, associatedVpcIds: [...others, vpc.id] });
  return { State: "associating" };
};

/**
 * @throws InvalidAssociationID.NotFound; DependencyViolation while an interface or endpoint of the VPC has
 * the group.
 */
const DisassociateSecurityGroupVpc: Action<
  DisassociateSecurityGroupVpcRequest,
  DisassociateSecurityGroupVpcResult
> = (tx, input) => {
  const group = find(tx, "security-group", input.GroupId);
  const { id } = find(tx, "vpc", input.VpcId);
  if (!(group.associatedVpcIds ?? []).includes(id)) {
    throw new Fault(
      "InvalidAssociationID.NotFound",
      `The security group '${group.id}' is not associated with the VPC '${id}'`,
    );
  }
  if (
    isOfEndpoint(tx, group, id) ||
    tx.by("network-interface", "groupId", group.id).some((eni) => eni.vpcId === id)
  ) {
    throw new Fault("DependencyViolation", `resource ${group.id} has a dependent object`);
  }
  disassociate(tx, group, id);
  return { State: "disassociating" };
};

function disassociate(tx: Tx, { associatedVpcIds = [], ...group }: SecurityGroup, vpcId: string): void {
  const left = associatedVpcIds.filter((id) => id !== vpcId);
  tx.put(left.length === 0 ? group : { ...group, associatedVpcIds: left });
}

/** The VPC goes; groups of others lose their association with it. */
export function disassociateGroupsFrom(tx: Tx, vpcId: string): void {
  for (const group of tx.by("security-group", "associatedVpcId", vpcId)) disassociate(tx, group, vpcId);
}

type Association = { readonly groupId: string; readonly vpcId: string; readonly tags?: Tags };

const DescribeSecurityGroupVpcAssociations: Action<
  DescribeSecurityGroupVpcAssociationsRequest,
  DescribeSecurityGroupVpcAssociationsResult
> = (tx, input, { account }) => {
  const all = tx
    .list("security-group")
    .flatMap(({ id, associatedVpcIds = [] }) =>
      associatedVpcIds.map((vpcId): Association => ({ groupId: id, vpcId })),
    );
  const fields: FilterFields<Association> = {
    "group-id": ({ groupId }) => groupId,
    "group-owner-id": () => account,
    state: () => "associated",
    "vpc-id": ({ vpcId }) => vpcId,
    "vpc-owner-id": () => account,
  };
  const { items, nextToken } = paged(filtered(all, input.Filters, fields), input);
  const SecurityGroupVpcAssociations = items.map(({ groupId, vpcId }) => ({
    GroupId: groupId,
    VpcId: vpcId,
    VpcOwnerId: account,
    State: "associated" as const,
    GroupOwnerId: account,
  }));
  return { SecurityGroupVpcAssociations, NextToken: nextToken };
};

export const securityGroupAssociationActions = {
  AssociateSecurityGroupVpc,
  DisassociateSecurityGroupVpc,
  DescribeSecurityGroupVpcAssociations,
};
