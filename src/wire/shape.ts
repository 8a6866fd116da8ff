import { NormalizedSchema } from "@smithy/core/schema";
import { unreachable } from "../lib/assert.ts";

/** The form of a value, made from the SDK's run-time schema for decoding and encoding. */
export type Shape = LeafShape | ListShape | StructureShape;
export type LeafShape = {
  readonly kind: "string" | "boolean" | "integer" | "decimal" | "timestamp" | "blob";
};
type ListShape = {
  readonly kind: "list";
  readonly item: Shape;
  /** The element of each item in XML; lists in a query are flat and need none. */
  readonly itemName: string;
};
export type StructureShape = {
  readonly kind: "structure";
  readonly name: string;
  readonly members: readonly Member[];
  readonly byQueryName: ReadonlyMap<string, Member>;
};
export type Member = {
  readonly name: string;
  /**
   * The name in a query, such as `InternetGatewayId` (`aws.protocols#ec2QueryName`, else the capitalized XML
   * name).
   */
  readonly queryName: string;
  /** The element in XML, such as `internetGatewayId`. AWS's errors also use it as the parameter's name. */
  readonly xmlName: string;
  readonly required: boolean;
  readonly shape: Shape;
};

/** A schema as the SDK exports it. */
export type Schema = Parameters<typeof NormalizedSchema.of>[0];

/** The structure of an operation's input or output; undefined when it has none. */
export function structureOf(schema: Schema): StructureShape | undefined {
  const normalized = NormalizedSchema.of(schema);
  if (normalized.isUnitSchema()) return undefined;
  const shape = shapeOf(normalized);
  if (shape.kind !== "structure")
    throw new Error(`assertion failed: ${normalized.getName() ?? "schema"} is a structure`);
  return shape;
}

type NameTraits = { readonly xmlName?: string; readonly ec2QueryName?: string };

const structures = new WeakMap<object, StructureShape>();

function shapeOf(schema: NormalizedSchema): Shape {
  if (schema.isStructSchema()) return structureShape(schema);
  if (schema.isListSchema()) {
    const item = schema.getValueSchema();
    const traits: NameTraits = item.getMergedTraits();
    return { kind: "list", item: shapeOf(item), itemName: traits.xmlName ?? "member" };
  }
  if (schema.isStringSchema()) return { kind: "string" };
  if (schema.isBooleanSchema()) return { kind: "boolean" };
  if (schema.isNumericSchema()) return { kind: "integer" };
  if (schema.isTimestampSchema()) return { kind: "timestamp" };
  if (schema.isBlobSchema()) return { kind: "blob" };
  return unreachable(schema as never);
}

function structureShape(schema: NormalizedSchema): StructureShape {
  // A static structure: [kind, namespace, name, traits, member names, member schemas, how many of them are
  // required].
  const raw = schema.getSchema() as unknown as readonly [
    number,
    string,
    string,
    unknown,
    readonly string[],
    unknown,
    number?,
  ];
  const known = structures.get(raw);
  if (known) return known;
  const name = raw[2];
  const members: Member[] = [];
  const byQueryName = new Map<string, Member>();
  const shape: StructureShape = { kind: "structure", name, members, byQueryName };
  structures.set(raw, shape);
  for (const [memberName, memberSchema] of schema.structIterator()) {
    const traits: NameTraits = memberSchema.getMergedTraits();
    const xmlName = traits.xmlName ?? memberName;
    const found = shapeOf(memberSchema);
    const member: Member = {
      name: memberName,
      queryName: traits.ec2QueryName ?? xmlName.charAt(0).toUpperCase() + xmlName.slice(1),
      xmlName,
      required: members.length < (raw[6] ?? 0) && !LEFT_TO_ACTIONS.has(`${name}.${memberName}`),
      shape: found.kind === "integer" && DECIMALS.has(`${name}.${memberName}`) ? { kind: "decimal" } : found,
    };
    members.push(member);
    byQueryName.set(member.queryName, member);
  }
  return shape;
}

/** Required parameters whose absence AWS reports in unusual words: their actions check them. */
const LEFT_TO_ACTIONS: ReadonlySet<string> = new Set([
  "CreateTagsRequest.Resources",
  "DeleteTagsRequest.Resources",
  "RebootInstancesRequest.InstanceIds",
  "StartInstancesRequest.InstanceIds",
  "StopInstancesRequest.InstanceIds",
  "TerminateInstancesRequest.InstanceIds",
]);

/**
 * Parameters that take a fraction: the SDK's schemas call every number numeric, while EC2's service model
 * says `double`.
 */
const DECIMALS: ReadonlySet<string> = new Set([
  "ClientData.UploadSize",
  "FleetLaunchTemplateOverridesRequest.Priority",
  "FleetLaunchTemplateOverridesRequest.WeightedCapacity",
  "LaunchTemplateOverrides.Priority",
  "LaunchTemplateOverrides.WeightedCapacity",
  "MemoryGiBPerVCpu.Max",
  "MemoryGiBPerVCpu.Min",
  "MemoryGiBPerVCpuRequest.Max",
  "MemoryGiBPerVCpuRequest.Min",
  "NetworkBandwidthGbps.Max",
  "NetworkBandwidthGbps.Min",
  "NetworkBandwidthGbpsRequest.Max",
  "NetworkBandwidthGbpsRequest.Min",
  "PriceScheduleSpecification.Price",
  "ReservationFleetInstanceSpecification.Weight",
  "ReservedInstanceLimitPrice.Amount",
  "SpotFleetLaunchSpecification.WeightedCapacity",
  "SpotFleetRequestConfigData.FulfilledCapacity",
  "SpotFleetRequestConfigData.OnDemandFulfilledCapacity",
  "TotalLocalStorageGB.Max",
  "TotalLocalStorageGB.Min",
  "TotalLocalStorageGBRequest.Max",
  "TotalLocalStorageGBRequest.Min",
]);
