import type {
  AssociateDhcpOptionsRequest,
  CreateDhcpOptionsRequest,
  CreateDhcpOptionsResult,
  DeleteDhcpOptionsRequest,
  DescribeDhcpOptionsRequest,
  DescribeDhcpOptionsResult,
  DhcpOptions as DhcpOptionsAnswer,
} from "@aws-sdk/client-ec2";
import { parseIpv4, parseIpv6 } from "../../lib/address.ts";
import type { DhcpOptions } from "../../model/dhcp-options.ts";
import { privateDnsDomain } from "../../model/dns-name.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, chosen, type FilterFields, searched } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { type Done, DONE, repeatedIn, required } from "../kit/parameter.ts";
import { tagList, tagsFor } from "../kit/tags.ts";

/** The region's default set: Amazon's resolver and the region's private domain. Made when there is none. */
export function defaultDhcpOptions(tx: Tx, context: Context): DhcpOptions {
  const configurations: DhcpOptions["configurations"] = [
    { key: "domain-name", values: [privateDnsDomain(context.region)] },
    { key: "domain-name-servers", values: ["AmazonProvidedDNS"] },
  ];
  const text = JSON.stringify(configurations);
  const known = tx.list("dhcp-options").find((options) => JSON.stringify(options.configurations) === text);
  if (known) return known;
  const options: DhcpOptions = {
    kind: "dhcp-options",
    id: newId("dhcp-options", context.random),
    tags: {},
    configurations,
  };
  tx.put(options);
  return options;
}

/**
 * A set of options. Instances follow its names of servers and domains when they boot; the others are told to
 * nobody.
 * @throws MissingParameter; InvalidParameterValue for what is no option, or no value of it.
 */
const CreateDhcpOptions: Action<CreateDhcpOptionsRequest, CreateDhcpOptionsResult> = (tx, input, context) => {
  const given = input.DhcpConfigurations ?? [];
  required(given[0], "dhcpConfiguration");
  const configurations = given.map(({ Key, Values = [] }) => {
    const key = required(Key, "dhcpConfiguration.key");
    return { key, values: checkedValues(key, Values) };
  });
  const keys = configurations.map(({ key }) => key);
  const twice = repeatedIn(keys);
  if (twice !== undefined)
    throw new Fault(
      "InvalidParameterValue",
      `Value (${twice}) for parameter key is invalid. Duplicate DHCP option.`,
    );
  const tags = tagsFor("dhcp-options", input.TagSpecifications, context.quotas);
  const options: DhcpOptions = {
    kind: "dhcp-options",
    id: newId("dhcp-options", context.random),
    tags,
    configurations,
  };
  tx.put(options);
  return { DhcpOptions: described(options, context) };
};

type Option = {
  /** How many values it can have. */
  readonly most: number;
  readonly isFit: (value: string) => boolean;
};

const isIpv4 = (value: string): boolean => parseIpv4(value) !== undefined;
const isIp = (value: string): boolean => isIpv4(value) || parseIpv6(value) !== undefined;

/** EC2 API reference, CreateDhcpOptions. */
const OPTIONS: Readonly<Record<string, Option>> = {
  // Some systems take several names, with blanks between.
  "domain-name": {
    most: 1,
    isFit: (value) => /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?( [a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?)*$/i.test(value),
  },
  "domain-name-servers": { most: 4, isFit: (value) => value === "AmazonProvidedDNS" || isIp(value) },
  // Four of each family.
  "ntp-servers": { most: 8, isFit: isIp },
  "netbios-name-servers": { most: 4, isFit: isIpv4 },
  "netbios-node-type": { most: 1, isFit: (value) => ["1", "2", "4", "8"].includes(value) },
  "ipv6-address-preferred-lease-time": {
    most: 1,
    isFit: (value) => /^\d{1,10}$/.test(value) && Number(value) >= 140 && Number(value) <= 2_147_483_647,
  },
};

/** Several servers may stand in one value, with commas between. */
function checkedValues(key: string, given: readonly string[]): readonly string[] {
  const option = Object.hasOwn(OPTIONS, key) ? OPTIONS[key] : undefined;
  if (!option)
    throw new Fault(
      "InvalidParameterValue",
      `Value (${key}) for parameter name is invalid. Unknown DHCP option`,
    );
  const values = key.endsWith("-servers") ? given.flatMap((value) => value.split(",")) : given;
  if (values.length === 0)
    throw new Fault(
      "InvalidParameterValue",
      `Value () for parameter value is invalid. Option ${key} needs a value`,
    );
  const bad = values.find((value) => !option.isFit(value));
  if (bad !== undefined)
    throw new Fault("InvalidParameterValue", `Value (${bad}) for parameter ${key} is invalid.`);
  const ofOneFamily = Math.max(values.filter(isIpv4).length, values.filter((value) => !isIpv4(value)).length);
  if (values.length > option.most || (key === "ntp-servers" && ofOneFamily > 4)) {
    const words = `Value (${values.join(", ")}) for parameter ${key} is invalid. At most ${option.most} can be given.`;
    throw new Fault("InvalidParameterValue", words);
  }
  return values;
}

const AssociateDhcpOptions: Action<AssociateDhcpOptionsRequest, Done> = (tx, input) => {
  const id = required(input.DhcpOptionsId, "dhcpOptionsId");
  const dhcpOptionsId = id === "default" ? id : find(tx, "dhcp-options", id).id;
  tx.put({ ...find(tx, "vpc", input.VpcId), dhcpOptionsId });
  return DONE;
};

const DeleteDhcpOptions: Action<DeleteDhcpOptionsRequest, Done> = (tx, input) => {
  const { id } = find(tx, "dhcp-options", input.DhcpOptionsId);
  if (tx.countBy("vpc", "dhcpOptionsId", id) > 0) {
    throw new Fault("DependencyViolation", `The dhcpOptions '${id}' has dependencies and cannot be deleted.`);
  }
  tx.delete("dhcp-options", id);
  return DONE;
};

const DescribeDhcpOptions: Action<DescribeDhcpOptionsRequest, DescribeDhcpOptionsResult> = (
  tx,
  input,
  context,
) => {
  const all = chosen(
    input.DhcpOptionsIds,
    (id) => find(tx, "dhcp-options", id),
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
    DhcpConfigurations: options.configurations.map(({ key, values }) => ({
      Key: key,
      Values: values.map((Value) => ({ Value })),
    })),
    Tags: tagList(options.tags),
  };
}

export const dhcpOptionsActions = {
  CreateDhcpOptions,
  AssociateDhcpOptions,
  DeleteDhcpOptions,
  DescribeDhcpOptions,
};
