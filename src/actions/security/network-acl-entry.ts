import type {
  CreateNetworkAclEntryRequest,
  DeleteNetworkAclEntryRequest,
  ReplaceNetworkAclEntryRequest,
} from "@aws-sdk/client-ec2";
import { formatBlock, parseIpv6Block } from "../../lib/block.ts";
import { Fault } from "../../model/fault.ts";
import type { NetworkAcl, NetworkAclEntry } from "../../model/network-acl.ts";
import type { Action } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { type Done, DONE, required, requiredCidr } from "../kit/parameter.ts";
import { protocolNumber } from "../kit/protocol.ts";
import { requireQuota } from "../kit/quota.ts";

const CreateNetworkAclEntry: Action<CreateNetworkAclEntryRequest, Done> = (tx, input, context) => {
  const acl = find(tx, "network-acl", input.NetworkAclId);
  const entry = entryOf(input);
  if (place(acl, entry) >= 0) {
    throw new Fault(
      "NetworkAclEntryAlreadyExists",
      `The network acl entry identified by ${entry.ruleNumber} already exists.`,
    );
  }
  const used = acl.entries.filter((other) => other.egress === entry.egress).length + 1;
  const words = "The maximum number of network acl entries has been reached.";
  requireQuota(context, "rules-per-network-acl", used, "NetworkAclEntryLimitExceeded", words);
  tx.put({ ...acl, entries: [...acl.entries, entry] });
  return DONE;
};

const ReplaceNetworkAclEntry: Action<ReplaceNetworkAclEntryRequest, Done> = (tx, input) => {
  const acl = find(tx, "network-acl", input.NetworkAclId);
  const entry = entryOf(input);
  tx.put({ ...acl, entries: acl.entries.with(requiredPlace(acl, entry), entry) });
  return DONE;
};

const DeleteNetworkAclEntry: Action<DeleteNetworkAclEntryRequest, Done> = (tx, input) => {
  const acl = find(tx, "network-acl", input.NetworkAclId);
  const key = { ruleNumber: requiredRuleNumber(input.RuleNumber), egress: required(input.Egress, "egress") };
  tx.put({ ...acl, entries: acl.entries.toSpliced(requiredPlace(acl, key), 1) });
  return DONE;
};

type EntryKey = Pick<NetworkAclEntry, "ruleNumber" | "egress">;

function place(acl: NetworkAcl, key: EntryKey): number {
  return acl.entries.findIndex((entry) => entry.ruleNumber === key.ruleNumber && entry.egress === key.egress);
}

function requiredPlace(acl: NetworkAcl, key: EntryKey): number {
  const found = place(acl, key);
  if (found >= 0) return found;
  const direction = key.egress ? "egress" : "ingress";
  throw new Fault(
    "InvalidNetworkAclEntry.NotFound",
    `The ${direction} entry with rule number ${key.ruleNumber} does not exist in network ACL '${acl.id}'`,
  );
}

function requiredRuleNumber(value: number | undefined): number {
  const ruleNumber = required(value, "ruleNumber");
  if (ruleNumber >= 1 && ruleNumber <= 32_766) return ruleNumber;
  const words = `Value (${ruleNumber}) for parameter ruleNumber is invalid. Rule numbers must be between 1 and 32766.`;
  throw new Fault("InvalidParameterValue", words);
}

/**
 * The entry that a request describes. Ports and ICMP types of a protocol that has none are left out, as AWS
 * does.
 */
function entryOf(input: CreateNetworkAclEntryRequest | ReplaceNetworkAclEntryRequest): NetworkAclEntry {
  const protocol = protocolNumber(required(input.Protocol, "protocol"));
  return {
    ruleNumber: requiredRuleNumber(input.RuleNumber),
    egress: required(input.Egress, "egress"),
    action: actionOf(required(input.RuleAction, "ruleAction")),
    protocol,
    ...blockOf(input),
    ...(protocol === 6 || protocol === 17 ? { portRange: portRangeOf(input) } : {}),
    ...(protocol === 1 || protocol === 58 ? { icmp: icmpOf(input) } : {}),
  };
}

function actionOf(action: string): "allow" | "deny" {
  if (action === "allow" || action === "deny") return action;
  throw new Fault(
    "InvalidParameterValue",
    `Value (${action}) for parameter ruleAction is invalid. Valid values: allow, deny.`,
  );
}

function blockOf({
  CidrBlock,
  Ipv6CidrBlock,
}: CreateNetworkAclEntryRequest): Pick<NetworkAclEntry, "cidrBlock" | "ipv6CidrBlock"> {
  if (CidrBlock !== undefined && Ipv6CidrBlock !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      "The parameter cidrBlock cannot be used with the parameter ipv6CidrBlock",
    );
  }
  if (Ipv6CidrBlock === undefined) return { cidrBlock: formatBlock(requiredCidr(CidrBlock, "cidrBlock")) };
  const block = parseIpv6Block(Ipv6CidrBlock);
  if (block) return { ipv6CidrBlock: formatBlock(block) };
  const words = `Value (${Ipv6CidrBlock}) for parameter ipv6CidrBlock is invalid. This is not a valid CIDR block.`;
  throw new Fault("InvalidParameterValue", words);
}

function portRangeOf({ PortRange }: CreateNetworkAclEntryRequest): {
  readonly from: number;
  readonly to: number;
} {
  const from = required(PortRange?.From, "portRange.from");
  const to = required(PortRange?.To, "portRange.to");
  for (const port of [from, to]) {
    if (port < 0 || port > 65_535)
      throw new Fault("InvalidParameterValue", `TCP/UDP port (${port}) out of range`);
  }
  if (from > to) throw new Fault("InvalidParameterValue", `Invalid TCP/UDP port range (${from}:${to})`);
  return { from, to };
}

function icmpOf({ IcmpTypeCode }: CreateNetworkAclEntryRequest): {
  readonly type: number;
  readonly code: number;
} {
  const type = required(IcmpTypeCode?.Type, "icmpTypeCode.type");
  const code = required(IcmpTypeCode?.Code, "icmpTypeCode.code");
  if (type < -1 || type > 255) throw new Fault("InvalidParameterValue", `ICMP type (${type}) out of range`);
  if (code < -1 || code > 255) throw new Fault("InvalidParameterValue", `ICMP code (${code}) out of range`);
  return { type, code };
}

export const networkAclEntryActions = {
  CreateNetworkAclEntry,
  ReplaceNetworkAclEntry,
  DeleteNetworkAclEntry,
};
