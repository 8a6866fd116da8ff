import type {
  CreateNetworkAclRequest,
  CreateNetworkAclResult,
  DeleteNetworkAclRequest,
  DescribeNetworkAclsRequest,
  DescribeNetworkAclsResult,
  NetworkAcl as NetworkAclAnswer,
  NetworkAclEntry as EntryAnswer,
  ReplaceNetworkAclAssociationRequest,
  ReplaceNetworkAclAssociationResult,
} from "@aws-sdk/client-ec2";
import type { Tags } from "../../model/common.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import { same } from "../../model/immutable.ts";
import type { NetworkAcl, NetworkAclEntry } from "../../model/network-acl.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, chosen, type FilterFields, searched } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";
import { type Done, DONE, required } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagList, tagsFor } from "../kit/tags.ts";

type NewNetworkAcl = {
  readonly vpcId: string;
  /** The VPC's own default ACL, which begins by allowing everything; another begins by denying everything. */
  readonly isDefault: boolean;
  readonly tags: Tags;
};

/** @throws NetworkAclLimitExceeded. */
export function createNetworkAcl(
  tx: Tx,
  { vpcId, isDefault, tags }: NewNetworkAcl,
  context: Context,
): NetworkAcl {
  const used = tx.countBy("network-acl", "vpcId", vpcId) + 1;
  const words = "The maximum number of network acls has been reached.";
  requireQuota(context, "network-acls-per-vpc", used, "NetworkAclLimitExceeded", words);
  const acl: NetworkAcl = {
    kind: "network-acl",
    id: newId("network-acl", context.random),
    slot: tx.slot("network-acl"),
    tags,
    vpcId,
    isDefault,
    entries: isDefault ? [allowAll(true), allowAll(false)] : [],
  };
  tx.put(acl);
  return acl;
}

const allowAll = (egress: boolean): NetworkAclEntry => ({
  ruleNumber: 100,
  egress,
  action: "allow",
  protocol: -1,
  cidrBlock: "0.0.0.0/0",
});

/**
 * The VPC has got its first IPv6 block: each direction of its default ACL that nobody changed lets IPv6
 * through as well (VPC user guide, "Default network ACL").
 */
export function openNetworkAclForIpv6(tx: Tx, id: string): void {
  const acl = find(tx, "network-acl", id);
  const added = [true, false].flatMap((egress) => {
    const entries = acl.entries.filter((entry) => entry.egress === egress);
    return same(entries, [allowAll(egress)]) ? [ipv6(allowAll(egress))] : [];
  });
  if (added.length > 0) tx.put({ ...acl, entries: [...acl.entries, ...added] });
}

/** The same rule for IPv6; it has the next number. */
function ipv6(of: NetworkAclEntry): NetworkAclEntry {
  const { cidrBlock: _, ruleNumber, ...entry } = of;
  return { ...entry, ruleNumber: ruleNumber + 1, ipv6CidrBlock: "::/0" };
}

/**
 * The rule that ends every list: what nothing allowed is denied. It can be neither changed nor removed, so it
 * is not stored.
 */
const denyAll = (egress: boolean): NetworkAclEntry => ({
  ...allowAll(egress),
  ruleNumber: 32_767,
  action: "deny",
});

const CreateNetworkAcl: Action<CreateNetworkAclRequest, CreateNetworkAclResult> = (tx, input, context) => {
  const vpc = find(tx, "vpc", input.VpcId);
  const tags = tagsFor("network-acl", input.TagSpecifications, context.quotas);
  const acl = createNetworkAcl(tx, { vpcId: vpc.id, isDefault: false, tags }, context);
  return { NetworkAcl: described(tx, acl, context), ClientToken: input.ClientToken };
};

const DeleteNetworkAcl: Action<DeleteNetworkAclRequest, Done> = (tx, input) => {
  const acl = find(tx, "network-acl", input.NetworkAclId);
  if (acl.isDefault) throw new Fault("InvalidParameterValue", `cannot delete default network ACL ${acl.id}`);
  if (tx.countBy("subnet", "networkAclId", acl.id) > 0) {
    throw new Fault(
      "DependencyViolation",
      `The networkAcl '${acl.id}' has dependencies and cannot be deleted.`,
    );
  }
  tx.delete("network-acl", acl.id);
  return DONE;
};

const ReplaceNetworkAclAssociation: Action<
  ReplaceNetworkAclAssociationRequest,
  ReplaceNetworkAclAssociationResult
> = (tx, input, context) => {
  const associationId = required(input.AssociationId, "associationId");
  const acl = find(tx, "network-acl", input.NetworkAclId);
  const subnet = tx
    .by("subnet", "associationId", associationId)
    .find((one) => one.networkAcl?.associationId === associationId);
  if (!subnet) throw notFound("association", associationId);
  if (subnet.vpcId !== acl.vpcId) {
    throw new Fault(
      "InvalidParameterValue",
      `Network ACL ${acl.id} and subnet ${subnet.id} belong to different networks`,
    );
  }
  const NewAssociationId = newId("network-acl-association", context.random);
  tx.put({ ...subnet, networkAcl: { associationId: NewAssociationId, networkAclId: acl.id } });
  return { NewAssociationId };
};

const DescribeNetworkAcls: Action<DescribeNetworkAclsRequest, DescribeNetworkAclsResult> = (
  tx,
  input,
  context,
) => {
  const acls = chosen(
    input.NetworkAclIds,
    (id) => find(tx, "network-acl", id),
    () => candidates(tx, "network-acl", input.Filters, { "vpc-id": "vpcId" }),
  );
  const { items, nextToken } = searched(acls, input, fields(tx, context));
  return { NetworkAcls: items.map((acl) => described(tx, acl, context)), NextToken: nextToken };
};

function fields(tx: Reader, context: Context): FilterFields<NetworkAcl> {
  const subnets = (acl: NetworkAcl) => tx.by("subnet", "networkAclId", acl.id);
  const ofEntries = (value: (entry: NetworkAclEntry) => string | number | undefined) => (acl: NetworkAcl) =>
    allEntries(tx, acl).flatMap((entry) => value(entry)?.toString() ?? []);
  return {
    "association.association-id": (acl) => subnets(acl).map((subnet) => subnet.networkAcl?.associationId),
    "association.network-acl-id": (acl) => (subnets(acl).length > 0 ? acl.id : undefined),
    "association.subnet-id": (acl) => subnets(acl).map((subnet) => subnet.id),
    default: (acl) => String(acl.isDefault),
    "entry.cidr": ofEntries((entry) => entry.cidrBlock),
    "entry.egress": ofEntries((entry) => String(entry.egress)),
    "entry.icmp.code": ofEntries((entry) => entry.icmp?.code),
    "entry.icmp.type": ofEntries((entry) => entry.icmp?.type),
    "entry.ipv6-cidr": ofEntries((entry) => entry.ipv6CidrBlock),
    "entry.port-range.from": ofEntries((entry) => entry.portRange?.from),
    "entry.port-range.to": ofEntries((entry) => entry.portRange?.to),
    "entry.protocol": ofEntries((entry) => entry.protocol),
    "entry.rule-action": ofEntries((entry) => entry.action),
    "entry.rule-number": ofEntries((entry) => entry.ruleNumber),
    "network-acl-id": (acl) => acl.id,
    "owner-id": () => context.account,
    "vpc-id": (acl) => acl.vpcId,
  };
}

/**
 * The stored entries and the last rule of each direction, for IPv6 one of its own in a VPC that has IPv6:
 * outward first, by number, as AWS lists them.
 */
function allEntries(tx: Reader, acl: NetworkAcl): readonly NetworkAclEntry[] {
  const hasIpv6 = (tx.get("vpc", acl.vpcId)?.ipv6CidrBlocks ?? []).length > 0;
  return [true, false].flatMap((egress) => [
    ...acl.entries.filter((entry) => entry.egress === egress).toSorted((a, b) => a.ruleNumber - b.ruleNumber),
    denyAll(egress),
    ...(hasIpv6 ? [ipv6(denyAll(egress))] : []),
  ]);
}

function described(tx: Reader, acl: NetworkAcl, context: Context): NetworkAclAnswer {
  return {
    NetworkAclId: acl.id,
    VpcId: acl.vpcId,
    OwnerId: context.account,
    IsDefault: acl.isDefault,
    Entries: allEntries(tx, acl).map(describedEntry),
    Associations: tx.by("subnet", "networkAclId", acl.id).map((subnet) => ({
      NetworkAclAssociationId: subnet.networkAcl?.associationId,
      NetworkAclId: acl.id,
      SubnetId: subnet.id,
    })),
    Tags: tagList(acl.tags),
  };
}

function describedEntry(entry: NetworkAclEntry): EntryAnswer {
  return {
    RuleNumber: entry.ruleNumber,
    Protocol: String(entry.protocol),
    RuleAction: entry.action,
    Egress: entry.egress,
    CidrBlock: entry.cidrBlock,
    Ipv6CidrBlock: entry.ipv6CidrBlock,
    IcmpTypeCode: entry.icmp && { Type: entry.icmp.type, Code: entry.icmp.code },
    PortRange: entry.portRange && { From: entry.portRange.from, To: entry.portRange.to },
  };
}

export const networkAclActions = {
  CreateNetworkAcl,
  DeleteNetworkAcl,
  ReplaceNetworkAclAssociation,
  DescribeNetworkAcls,
};
