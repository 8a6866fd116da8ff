import type {
  CreateSecurityGroupRequest,
  CreateSecurityGroupResult,
  DeleteSecurityGroupRequest,
  DeleteSecurityGroupResult,
} from "@aws-sdk/client-ec2";
import type { Tags } from "../../model/common.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { SecurityGroup, SecurityGroupRule } from "../../model/security-group.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { defaultVpcOf, find } from "../kit/find.ts";
import { required } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagListOrAbsent, tagsFor } from "../kit/tags.ts";

/**
 * The group of the default VPC with this name: only there can a name be used. @throws InvalidGroup.NotFound;
 * VPCIdNotSpecified.
 */
export function findSecurityGroupByName(tx: Reader, name: string): SecurityGroup {
  const vpc = defaultVpcOf(tx);
  if (!vpc) throw new Fault("VPCIdNotSpecified", "No default VPC for this user");
  const group = tx.by("security-group", "vpcName", `${vpc.id}/${name}`)[0];
  if (!group)
    throw new Fault(
      "InvalidGroup.NotFound",
      `The security group '${name}' does not exist in default VPC '${vpc.id}'`,
    );
  return group;
}

/** The group that a request names by GroupId or, in the default VPC, by GroupName. */
export function securityGroupOf(
  tx: Reader,
  input: { readonly GroupId?: string | undefined; readonly GroupName?: string | undefined },
): SecurityGroup {
  if (input.GroupId === undefined && input.GroupName === undefined) {
    throw new Fault("MissingParameter", "The request must contain the parameter groupName or groupId");
  }
  if (input.GroupId !== undefined && input.GroupName !== undefined) {
    const words = "The parameter 'groupName' may not be used in combination with 'groupId'";
    throw new Fault("InvalidParameterCombination", words);
  }
  return input.GroupName === undefined
    ? find(tx, "security-group", input.GroupId)
    : findSecurityGroupByName(tx, input.GroupName);
}

/** The rules of a group, in order of creation. */
export function rulesOf(tx: Reader, groupId: string): readonly SecurityGroupRule[] {
  return tx.by("security-group-rule", "groupId", groupId);
}

export function securityGroupArn(group: SecurityGroup, context: Context): string {
  return `arn:aws:ec2:${context.region}:${context.account}:security-group/${group.id}`;
}

type NewSecurityGroup = {
  readonly vpcId: string;
  readonly name: string;
  readonly description: string;
  readonly tags: Tags;
  /** The VPC's own default group, whose members may also reach each other. */
  readonly isDefault: boolean;
};

/**
 * A group with the rules that it begins with: everything out; for a default group also everything in from
 * itself.
 * @throws InvalidGroup.Duplicate when the VPC has a group of that name; SecurityGroupLimitExceeded.
 */
export function createSecurityGroup(
  tx: Tx,
  { vpcId, name, description, tags, isDefault }: NewSecurityGroup,
  context: Context,
): SecurityGroup {
  if (tx.countBy("security-group", "vpcName", `${vpcId}/${name}`) > 0) {
    throw new Fault(
      "InvalidGroup.Duplicate",
      `The security group '${name}' already exists for VPC '${vpcId}'`,
    );
  }
  if (!isDefault) {
    const words = `The maximum number of security groups for VPC '${vpcId}' has been reached.`;
    requireQuota(
      context,
      "security-groups",
      tx.count("security-group") + 1,
      "SecurityGroupLimitExceeded",
      words,
    );
  }
  const id = newId("security-group", context.random);
  const group: SecurityGroup = {
    kind: "security-group",
    id,
    slot: tx.slot("security-group"),
    tags,
    vpcId,
    name,
    description,
  };
  tx.put(group);
  const everything = {
    kind: "security-group-rule",
    tags: {},
    groupId: id,
    protocol: -1,
    fromPort: -1,
    toPort: -1,
  } as const;
  if (isDefault) {
    const peer = { kind: "group", groupId: id } as const;
    tx.put({ ...everything, id: newId("security-group-rule", context.random), direction: "ingress", peer });
  }
  tx.put({
    ...everything,
    id: newId("security-group-rule", context.random),
    direction: "egress",
    peer: ANY_IPV4,
  });
  if ((tx.get("vpc", vpcId)?.ipv6CidrBlocks ?? []).length > 0) letIpv6Out(tx, group, context);
  return group;
}

const ANY_IPV4 = { kind: "ipv4", cidr: "0.0.0.0/0" } as const;
const ANY_IPV6 = { kind: "ipv6", cidr: "::/0" } as const;

function letIpv6Out(tx: Tx, { id: groupId }: SecurityGroup, { random }: Context): void {
  const everything = { protocol: -1, fromPort: -1, toPort: -1, direction: "egress", peer: ANY_IPV6 } as const;
  tx.put({
    kind: "security-group-rule",
    id: newId("security-group-rule", random),
    tags: {},
    groupId,
    ...everything,
  });
}

/**
 * The VPC has got its first IPv6 block: groups whose outward rules nobody changed let all IPv6 out as well
 * (VPC user guide, "Security groups").
 */
export function openSecurityGroupsForIpv6(tx: Tx, vpcId: string, context: Context): void {
  for (const group of tx.by("security-group", "vpcId", vpcId)) {
    const [rule, ...more] = rulesOf(tx, group.id).filter(({ direction }) => direction === "egress");
    const isAsMade =
      rule?.protocol === -1 &&
      rule.peer.kind === "ipv4" &&
      rule.peer.cidr === ANY_IPV4.cidr &&
      more.length === 0;
    if (isAsMade) letIpv6Out(tx, group, context);
  }
}

/** Removes a group and its rules, whatever still uses it: the caller has checked. */
export function deleteSecurityGroup(tx: Tx, group: SecurityGroup): void {
  for (const rule of rulesOf(tx, group.id)) tx.delete("security-group-rule", rule.id);
  tx.delete("security-group", group.id);
}

const CreateSecurityGroup: Action<CreateSecurityGroupRequest, CreateSecurityGroupResult> = (
  tx,
  input,
  context,
) => {
  const name = required(input.GroupName, "GroupName");
  const description = required(input.Description, "GroupDescription");
  const vpc = input.VpcId === undefined ? defaultVpcOf(tx) : find(tx, "vpc", input.VpcId);
  if (!vpc) throw new Fault("VPCIdNotSpecified", "No default VPC for this user");
  requireText(name, "GroupName");
  requireText(description, "GroupDescription");
  if (name.startsWith("sg-")) {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${name}) for parameter GroupName is invalid. Group names may not be in the format sg-*.`,
    );
  }
  if (name.toLowerCase() === "default") {
    throw new Fault("InvalidParameterValue", `Cannot use reserved security group name: ${name}`);
  }
  const tags = tagsFor("security-group", input.TagSpecifications, context.quotas);
  const group = createSecurityGroup(
    tx,
    { vpcId: vpc.id, name, description, tags, isDefault: false },
    context,
  );
  return {
    GroupId: group.id,
    Tags: tagListOrAbsent(group.tags),
    SecurityGroupArn: securityGroupArn(group, context),
  };
};

/** Names and descriptions: up to 255 characters of a set (EC2 API reference, CreateSecurityGroup). */
function requireText(value: string, name: string): void {
  if (/[^\x20-\x7e]/.test(value)) {
    const words = `Value (${value}) for parameter ${name} is invalid. Character sets beyond ASCII are not supported.`;
    throw new Fault("InvalidParameterValue", words);
  }
  if (!isAllowedText(value)) {
    const noun = name === "GroupName" ? "security group name" : "security group description";
    const words = `Invalid ${noun}. Valid ${noun.split(" ").at(-1)}s are strings less than 256 characters from the following set: ${TEXT_SET}`;
    throw new Fault("InvalidParameterValue", words);
  }
}

export const TEXT_SET = "a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*";

/** Whether a text may name or describe a group or a rule. */
export function isAllowedText(value: string): boolean {
  return value.length <= 255 && /^[a-zA-Z0-9. _\-:/()#,@[\]+=&;{}!$*]*$/.test(value);
}

/** Whether an interface endpoint of the VPC has the group, be it in no subnet yet. */
export function isOfEndpoint(tx: Reader, { id }: SecurityGroup, vpcId: string): boolean {
  return tx
    .by("vpc-endpoint", "vpcId", vpcId)
    .some(({ interfaces }) => interfaces?.groupIds.includes(id) === true);
}

const DeleteSecurityGroup: Action<DeleteSecurityGroupRequest, DeleteSecurityGroupResult> = (tx, input) => {
  const group = securityGroupOf(tx, input);
  if (group.name === "default") {
    throw new Fault(
      "CannotDelete",
      `the specified group: "${group.id}" name: "${group.name}" cannot be deleted by a user`,
    );
  }
  // Rules beyond a peering connection do not hold it; they are stale from then on.
  const holds = ({ groupId, peer }: SecurityGroupRule): boolean =>
    groupId !== group.id && peer.kind === "group" && peer.peering === undefined;
  const named = tx.by("security-group-rule", "referencedGroupId", group.id).some(holds);
  const had =
    tx.countBy("network-interface", "groupId", group.id) > 0 || isOfEndpoint(tx, group, group.vpcId);
  if (named || had || (group.associatedVpcIds ?? []).length > 0) {
    throw new Fault("DependencyViolation", `resource ${group.id} has a dependent object`);
  }
  deleteSecurityGroup(tx, group);
  return { Return: true, GroupId: group.id };
};

export const securityGroupActions = { CreateSecurityGroup, DeleteSecurityGroup };
