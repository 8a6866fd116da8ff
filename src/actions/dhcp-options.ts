import type {
  AssociateDhcpOptionsRequest,
  CreateDhcpOptionsRequest,
  CreateDhcpOptionsResult,
  DeleteDhcpOptionsRequest,
  DescribeDhcpOptionsRequest,
  DescribeDhcpOptionsResult,
  DhcpOptions as DhcpOptionsAnswer,
} from "@aws-sdk/client-ec2";
import { parseIpv4 } from "../lib/ip.ts";
import type { DhcpOptions } from "../model/dhcp-options.ts";
import { privateDnsDomain } from "../model/dns-name.ts";
import { Fault } from "../model/fault.ts";
import { newId } from "../model/id.ts";
import type { Reader, Tx } from "../model/state.ts";
import type { Action, Context } from "./action.ts";
import { candidates, chosen, type FilterFields, searched } from "./describe.ts";
import { type Done, DONE, required } from "./parameter.ts";
import { tagList, tagsFor } from "./tags.ts";
import { findVpc } from "./vpc.ts";

/** @throws MissingParameter without an id; InvalidDhcpOptionID.NotFound for an unknown one. */
function findDhcpOptions(tx: Reader, id: string | undefined): DhcpOptions {
  const options = tx.get("dhcp-options", required(id, "dhcpOptionsId"));
  if (!options) throw new Fault("InvalidDhcpOptionID.NotFound", `The dhcpOption ID '${id}' does not exist`);
  return options;
}

/** The region's default set: Amazon's resolver and the region's private domain. Made when there is none. */
export function defaultDhcpOptions(tx: Tx, context: Context): DhcpOptions {
  const configurations: DhcpOptions["configurations"] = [
    { key: "domain-name", values: [privateDnsDomain(context.region)] },
    { key: "domain-name-servers", values: ["AmazonProvidedDNS"] },
  ];
  const text = JSON.stringify(configurations);
  const known = tx.list("dhcp-options").find((options) => JSON.stringify(options.configurations) === text);
  if (known) return known;
  const options: DhcpOptions = { kind: "dhcp-options", id: newId("dhcp-options", context.random), tags: {}, configurations };
  tx.put(options);
  return options;
}

/** DHCP options are records: instances always ask the VPC's own resolver. */
const CreateDhcpOptions: Action<CreateDhcpOptionsRequest, CreateDhcpOptionsResult> = (tx, input, context) => {
  const given = required(input.DhcpConfigurations, "dhcpConfiguration");
  const configurations = given.map(({ Key, Values = [] }) => {
    const key = required(Key, "dhcpConfiguration.key");
    checkOption(key, Values);
    return { key, values: Values };
  });
  const tags = tagsFor("dhcp-options", input.TagSpecifications, context.quotas);
  const options: DhcpOptions = { kind: "dhcp-options", id: newId("dhcp-options", context.random), tags, configurations };
  tx.put(options);
  return { DhcpOptions: described(options, context) };
};

function checkOption(key: string, values: readonly string[]): void {
  const known = ["domain-name-servers", "domain-name", "ntp-servers", "netbios-name-servers", "netbios-node-type"];
  if (!known.includes(key)) throw new Fault("InvalidParameterValue", `Value (${key}) for parameter name is invalid. Unknown DHCP option`);
  if (values.length === 0) throw new Fault("InvalidParameterValue", `Value () for parameter value is invalid. Option ${key} needs a value`);
  const bad = values.find((value) => !isFit(key, value));
  if (bad !== undefined) throw new Fault("InvalidParameterValue", `Value (${bad}) for parameter ${key} is invalid.`);
  if (key.endsWith("-servers") && values.length > 4) {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${values.join(", ")}) for parameter ${key} is invalid. Up to four servers are allowed.`,
    );
  }
}

function isFit(key: string, value: string): boolean {
  if (key === "domain-name-servers" && value === "AmazonProvidedDNS") return true;
  if (key.endsWith("-servers")) return parseIpv4(value) !== undefined;
  if (key === "netbios-node-type") return ["1", "2", "4", "8"].includes(value);
  return value !== "";
}

const AssociateDhcpOptions: Action<AssociateDhcpOptionsRequest, Done> = (tx, input) => {
  const id = required(input.DhcpOptionsId, "dhcpOptionsId");
  const dhcpOptionsId = id === "default" ? id : findDhcpOptions(tx, id).id;
  tx.put({ ...findVpc(tx, input.VpcId), dhcpOptionsId });
  return DONE;
};

const DeleteDhcpOptions: Action<DeleteDhcpOptionsRequest, Done> = (tx, input) => {
  const { id } = findDhcpOptions(tx, input.DhcpOptionsId);
  if (tx.countBy("vpc", "dhcpOptionsId", id) > 0) {
    throw new Fault("DependencyViolation", `The dhcpOptions '${id}' has dependencies and cannot be deleted.`);
  }
  tx.delete("dhcp-options", id);
  return DONE;
};

const DescribeDhcpOptions: Action<DescribeDhcpOptionsRequest, DescribeDhcpOptionsResult> = (tx, input, context) => {
  const all = chosen(
    input.DhcpOptionsIds,
    (id) => findDhcpOptions(tx, id),
    () => candidates(tx, "dhcp-options", input.Filters, {}),
  );
  const { items, nextToken } = searched(all, input, fields(context));
  return { DhcpOptions: items.map((options) => described(options, context)), NextToken: nextToken };
};

function fields(context: Context): FilterFields<DhcpOptions> {
  return {
    "dhcp-options-id": (options) => options.id,
    key: (options) => options.configurations.map(({ key }) => key),
    "owner-id": () => context.account,
    value: (options) => options.configurations.flatMap(({ values }) => values),
  };
}

function described(options: DhcpOptions, context: Context): DhcpOptionsAnswer {
  return {
    OwnerId: context.account,
    DhcpOptionsId: options.id,
    DhcpConfigurations: options.configurations.map(({ key, values }) => ({ Key: key, Values: values.map((Value) => ({ Value })) })),
    Tags: tagList(options.tags),
  };
}

export const dhcpOptionsActions = { CreateDhcpOptions, AssociateDhcpOptions, DeleteDhcpOptions, DescribeDhcpOptions };
