import { Fault } from "../model/fault.ts";
import type { Filter } from "./kit/describe.ts";
import type { Operation } from "./registry.ts";

/** EC2 user guide, "Find your Amazon EC2 resources", considerations for filtering. */
const MOST_FILTERS = 50;
const MOST_VALUES = 200;
const LONGEST = 255;

/**
 * Checks every request that describes, before its action runs.
 * @throws FilterLimitExceeded over 50 filters, 200 values in all of them, or 255 characters of a value or
 * name; InvalidParameterCombination for ids together with MaxResults where AWS takes only one of them.
 */
export function requireLimits(operation: Operation, input: object): void {
  const { Filters, Filter: filter, MaxResults } = input as Asked;
  for (const filters of [Filters, filter]) if (Array.isArray(filters)) requireFilterLimits(filters);
  const ids = MaxResults === undefined ? undefined : ONE_ALONE[operation];
  if (!ids) return;
  const named = (input as Readonly<Record<string, readonly string[] | undefined>>)[ids.parameter];
  if (!named || named.length === 0) return;
  throw new Fault(
    "InvalidParameterCombination",
    `The parameter ${ids.words} cannot be used with the parameter maxResults`,
  );
}

type Asked = {
  readonly Filters?: readonly Filter[];
  readonly Filter?: readonly Filter[];
  readonly MaxResults?: number;
};

function requireFilterLimits(filters: readonly Filter[]): void {
  if (filters.length > MOST_FILTERS)
    throw exceeded(`The maximum number of filters specified on a single call is ${MOST_FILTERS}`);
  const values = filters.flatMap(({ Values }) => Values ?? []);
  if (values.length > MOST_VALUES)
    throw exceeded(`The maximum number of filter values specified on a single call is ${MOST_VALUES}`);
  if (filters.some(({ Name = "" }) => Name.length > LONGEST))
    throw exceeded(`The maximum length for a filter name is ${LONGEST} characters`);
  if (values.some((value) => value.length > LONGEST))
    throw exceeded(`The maximum length for a filter value is ${LONGEST} characters`);
}

function exceeded(words: string): Fault {
  return new Fault("FilterLimitExceeded", words);
}

/**
 * The operations whose ids and MaxResults cannot stand together (EC2 API reference, each one's MaxResults; of
 * images, snapshots and volumes AWS's answers say so), the parameter with the ids, and what AWS's words call
 * it.
 */
const ONE_ALONE: Readonly<
  Partial<Record<Operation, { readonly parameter: string; readonly words: string }>>
> = {
  DescribeHosts: { parameter: "HostIds", words: "hostIdSet" },
  DescribeImages: { parameter: "ImageIds", words: "imagesSet" },
  DescribeInstanceCreditSpecifications: { parameter: "InstanceIds", words: "instancesSet" },
  DescribeInstances: { parameter: "InstanceIds", words: "instancesSet" },
  DescribeInstanceStatus: { parameter: "InstanceIds", words: "instancesSet" },
  DescribeNetworkInterfaces: { parameter: "NetworkInterfaceIds", words: "networkInterfaceIdSet" },
  DescribeSnapshots: { parameter: "SnapshotIds", words: "snapshotSet" },
  DescribeVolumes: { parameter: "VolumeIds", words: "volumeSet" },
  DescribeVolumeStatus: { parameter: "VolumeIds", words: "volumeSet" },
};
