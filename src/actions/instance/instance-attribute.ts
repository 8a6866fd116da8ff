import type {
  DescribeInstanceAttributeRequest,
  InstanceAttribute,
  InstanceAttributeName,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { Instance } from "../../model/instance.ts";
import type { Reader } from "../../model/state.ts";
import { primaryInterfaceOf } from "../interface/network-interface-attachment.ts";
import { describedGroups } from "../interface/network-interface-describe.ts";
import type { Action, Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { required } from "../kit/parameter.ts";
import { imageOf } from "../storage/image.ts";
import { describedMappings } from "../storage/volume.ts";

/** The one attribute asked for, with the instance's id. */
const DescribeInstanceAttribute: Action<DescribeInstanceAttributeRequest, InstanceAttribute> = (
  tx,
  input,
  context,
) => {
  const instance = find(tx, "instance", input.InstanceId);
  const name = required<string>(input.Attribute, "attribute");
  const describe = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name as InstanceAttributeName] : undefined;
  if (!describe)
    throw new Fault(
      "InvalidParameterValue",
      `Value (${name}) for parameter attribute is invalid. Unknown attribute.`,
    );
  return { InstanceId: instance.id, ...describe(tx, instance, context) };
};

type Describe = (tx: Reader, instance: Instance, context: Context) => InstanceAttribute;

/** The SDK knows every attribute's name; one that it gains is a type error here. */
const ATTRIBUTES: Readonly<Record<InstanceAttributeName, Describe>> = {
  blockDeviceMapping: (tx, instance, { region }) => ({
    BlockDeviceMappings: describedMappings(tx, instance, region),
  }),
  disableApiStop: (_tx, { disableApiStop }) => ({ DisableApiStop: { Value: disableApiStop } }),
  disableApiTermination: (_tx, { disableApiTermination }) => ({
    DisableApiTermination: { Value: disableApiTermination },
  }),
  ebsOptimized: (_tx, { ebsOptimized }) => ({ EbsOptimized: { Value: ebsOptimized } }),
  enaSupport: () => ({ EnaSupport: { Value: true } }),
  enclaveOptions: () => ({ EnclaveOptions: { Enabled: false } }),
  groupSet: (tx, instance) => {
    const primary = primaryInterfaceOf(tx, instance);
    return { Groups: primary ? describedGroups(tx, primary) : [] };
  },
  instanceInitiatedShutdownBehavior: (_tx, { shutdownBehavior }) => ({
    InstanceInitiatedShutdownBehavior: { Value: shutdownBehavior },
  }),
  instanceType: (_tx, { instanceType }) => ({ InstanceType: { Value: instanceType } }),
  kernel: () => ({ KernelId: {} }),
  productCodes: () => ({ ProductCodes: [] }),
  ramdisk: () => ({ RamdiskId: {} }),
  rootDeviceName: (tx, { imageId }, { region }) => ({
    RootDeviceName: { Value: imageOf(tx, imageId, region).rootDeviceName },
  }),
  sourceDestCheck: (tx, instance) => {
    const primary = primaryInterfaceOf(tx, instance);
    return primary ? { SourceDestCheck: { Value: primary.sourceDestCheck } } : {};
  },
  sriovNetSupport: () => ({ SriovNetSupport: { Value: "simple" } }),
  userData: (_tx, { userData }) => ({ UserData: userData === undefined ? {} : { Value: userData } }),
};

export const instanceAttributeActions = { DescribeInstanceAttribute };
