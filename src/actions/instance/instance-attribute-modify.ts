import type {
  InstanceAttributeName,
  ModifyInstanceAttributeRequest,
  ResetInstanceAttributeRequest,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { Instance } from "../../model/instance.ts";
import type { NetworkInterface } from "../../model/network-interface.ts";
import type { Reader, Tx } from "../../model/state.ts";
import { requireAddressRoom, requireIpv6Room } from "../interface/address-room.ts";
import { interfacesOf } from "../interface/network-interface-attachment.ts";
import { requireGroups } from "../interface/network-interface.ts";
import type { Action, Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { instanceTypeInfo } from "../kit/instance-type-table.ts";
import { type Done, DONE, required, unoffered } from "../kit/parameter.ts";
import { imageOf } from "../storage/image.ts";
import { blockDevicesOf } from "../storage/volume.ts";
import { encodedUserData, requireFittingArchitecture, shutdownBehaviorOf } from "./instance-run-option.ts";

/** Changes one attribute, given by its own parameter or by Attribute and Value. */
const ModifyInstanceAttribute: Action<ModifyInstanceAttributeRequest, Done> = (tx, input, context) => {
  const instance = find(tx, "instance", input.InstanceId);
  if (instance.state === "terminated") {
    throw new Fault(
      "IncorrectInstanceState",
      `The instance '${instance.id}' is not in a valid state for this operation.`,
    );
  }
  const { name, value } = givenAttribute(input);
  CHANGES[name](tx, instance, value as never, context);
  return DONE;
};

type Given = Omit<ModifyInstanceAttributeRequest, "InstanceId" | "DryRun" | "Attribute" | "Value">;
type Name = keyof Given;
type Change<N extends Name> = (
  tx: Tx,
  instance: Instance,
  value: NonNullable<Given[N]>,
  context: Context,
) => void;

function givenAttribute(input: ModifyInstanceAttributeRequest): {
  readonly name: Name;
  readonly value: unknown;
} {
  const names = Object.keys(CHANGES) as Name[];
  const given = names
    .filter((name) => !isAbsent(input[name]))
    .map((name) => ({ name, value: input[name] as unknown }));
  const byName = attributeByName(input);
  const [first, second] = byName ? [...given, byName] : given;
  if (!first) throw new Fault("InvalidParameterCombination", "No attributes specified.");
  if (second)
    throw new Fault("InvalidParameterCombination", "Fields for multiple attribute types specified.");
  return first;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0);
}

/** The attributes that the old form, Attribute with a text as its Value, can change. */
function attributeByName({
  Attribute: name,
  Value: text,
}: ModifyInstanceAttributeRequest): ReturnType<typeof givenAttribute> | undefined {
  if (name === undefined || text === undefined) return undefined;
  const known = BY_NAME[name];
  if (!known) throw new Fault("InvalidParameterValue", `Value (${name}) for parameter attribute is invalid.`);
  return { name: known.name, value: { Value: known.value(text) } };
}

function truth(text: string): boolean {
  if (text !== "true" && text !== "false") {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${text}) for parameter value is invalid. Must be true or false.`,
    );
  }
  return text === "true";
}

const same = (text: string): string => text;

const BY_NAME: Partial<
  Record<InstanceAttributeName, { readonly name: Name; readonly value: (text: string) => unknown }>
> = {
  disableApiStop: { name: "DisableApiStop", value: truth },
  disableApiTermination: { name: "DisableApiTermination", value: truth },
  ebsOptimized: { name: "EbsOptimized", value: truth },
  enaSupport: { name: "EnaSupport", value: truth },
  instanceInitiatedShutdownBehavior: { name: "InstanceInitiatedShutdownBehavior", value: same },
  instanceType: { name: "InstanceType", value: same },
  sourceDestCheck: { name: "SourceDestCheck", value: truth },
  sriovNetSupport: { name: "SriovNetSupport", value: same },
  userData: { name: "UserData", value: (text) => Buffer.from(text, "base64") },
};

const CHANGES: { readonly [N in Name]-?: Change<N> } = {
  SourceDestCheck: (tx, instance, { Value }) => {
    tx.put({ ...onlyInterface(tx, instance), sourceDestCheck: required(Value, "value") });
  },
  Groups: (tx, instance, groups, context) => {
    const eni = onlyInterface(tx, instance);
    const groupIds = [...new Set(groups)];
    requireGroups(tx, find(tx, "subnet", eni.subnetId), groupIds, context);
    tx.put({ ...eni, groupIds });
  },
  DisableApiTermination: (tx, instance, { Value }) =>
    tx.put({ ...instance, disableApiTermination: required(Value, "value") }),
  DisableApiStop: (tx, instance, { Value }) =>
    tx.put({ ...instance, disableApiStop: required(Value, "value") }),
  InstanceInitiatedShutdownBehavior: (tx, instance, { Value }) =>
    tx.put({ ...instance, shutdownBehavior: shutdownBehaviorOf(required(Value, "value")) }),
  InstanceType: (tx, instance, { Value }, { region }) => {
    requireStopped(instance);
    tx.put({
      ...withoutCpuOptions(instance),
      instanceType: fittingType(tx, instance, required(Value, "value"), region),
    });
  },
  UserData: (tx, instance, { Value }) => {
    requireStopped(instance);
    const { userData: _, ...rest } = instance;
    tx.put(Value === undefined || Value.length === 0 ? rest : { ...rest, userData: encodedUserData(Value) });
  },
  EbsOptimized: (tx, instance, { Value }) => {
    requireStopped(instance);
    tx.put({ ...instance, ebsOptimized: required(Value, "value") });
  },
  BlockDeviceMappings: (tx, instance, mappings, { region }) => {
    const changed = new Map(
      mappings.map((mapping) => [mapping.DeviceName, mapping.Ebs?.DeleteOnTermination]),
    );
    const devices = blockDevicesOf(instance, region);
    const unknown = [...changed.keys()].find(
      (name) => !devices.some(({ deviceName }) => deviceName === name),
    );
    if (unknown !== undefined)
      throw new Fault("InvalidInstanceAttributeValue", `No device is currently mapped at ${unknown}`);
    const blockDevices = devices.map((each) => ({
      ...each,
      deleteOnTermination: changed.get(each.deviceName) ?? each.deleteOnTermination,
    }));
    tx.put({ ...instance, blockDevices });
  },
  // What every instance has; anything else cannot be had.
  EnaSupport: (_tx, _instance, { Value }) => onlyHonoured("EnaSupport", Value !== false),
  SriovNetSupport: (_tx, _instance, { Value }) => onlyHonoured("SriovNetSupport", Value === "simple"),
  EnclaveOptions: (_tx, _instance, { Enabled }) => onlyHonoured("EnclaveOptions", Enabled !== true),
  Kernel: () => onlyHonoured("Kernel", false),
  Ramdisk: () => onlyHonoured("Ramdisk", false),
};

function onlyHonoured(name: Name, honoured: boolean): void {
  if (!honoured) throw unoffered(name);
}

function requireStopped(instance: Instance): void {
  if (instance.state === "stopped") return;
  throw new Fault("IncorrectInstanceState", `The instance '${instance.id}' is not in the 'stopped' state.`);
}

/**
 * The interface that an instance's own attributes speak of. @throws InvalidInstanceID when it has several.
 */
function onlyInterface(tx: Reader, instance: Instance): NetworkInterface {
  const [only, ...more] = interfacesOf(tx, instance);
  if (only && more.length === 0) return only;
  throw new Fault(
    "InvalidInstanceID",
    `There are multiple interfaces attached to instance '${instance.id}'. Please specify an interface ID for the operation instead.`,
  );
}

/** The name of a type that the instance's image and interfaces fit. */
function fittingType(tx: Reader, instance: Instance, name: string, region: string): string {
  const type = instanceTypeInfo(name);
  if (!type)
    throw new Fault("InvalidParameterValue", `The following supplied instance types do not exist: [${name}]`);
  requireFittingArchitecture(type, imageOf(tx, instance.imageId, region));
  const interfaces = interfacesOf(tx, instance);
  if (interfaces.length > type.maxInterfaces) {
    throw new Fault(
      "AttachmentLimitExceeded",
      `Interface count ${interfaces.length} exceeds the limit for ${name}`,
    );
  }
  for (const eni of interfaces) {
    requireAddressRoom(eni.privateIpAddresses.length, name);
    requireIpv6Room(eni.ipv6Addresses?.length ?? 0, name);
  }
  return name;
}

/** They belong to the type. */
function withoutCpuOptions(instance: Instance): Instance {
  const { cpuOptions: _, ...rest } = instance;
  return rest;
}

/** Only the source/destination check can be set back: it is on. */
const ResetInstanceAttribute: Action<ResetInstanceAttributeRequest, Done> = (tx, input) => {
  const instance = find(tx, "instance", input.InstanceId);
  const name = required<string>(input.Attribute, "attribute");
  if (name !== "sourceDestCheck")
    throw new Fault("InvalidParameterValue", `Value (${name}) for parameter attribute is invalid.`);
  tx.put({ ...onlyInterface(tx, instance), sourceDestCheck: true });
  return DONE;
};

export const instanceAttributeModifyActions = { ModifyInstanceAttribute, ResetInstanceAttribute };
