import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  ConnectionTrackingConfiguration,
  ConnectionTrackingSpecificationRequest,
} from "@aws-sdk/client-ec2";
import { fullPlan } from "../../plan/compile.ts";
import { instanceDescribeActions } from "../instance/instance-describe.ts";
import { instanceRunActions } from "../instance/instance-run.ts";
import { instanceTypeActions } from "../instance/instance-type.ts";
import { launchTemplateVersionActions } from "../instance/launch-template-version.ts";
import { launchTemplateActions } from "../instance/launch-template.ts";
import { SOME_IMAGE } from "../test-launch.ts";
import { launched, newNetwork, type TestNetwork } from "../test-network.ts";
import { must, refuses } from "../test-region.ts";
import { networkInterfaceAttachmentActions } from "./network-interface-attachment.ts";
import { networkInterfaceAttributeActions } from "./network-interface-attribute.ts";
import { networkInterfaceListActions } from "./network-interface-list.ts";
import { networkInterfaceActions } from "./network-interface.ts";

const { ModifyNetworkInterfaceAttribute } = networkInterfaceAttributeActions;
const ALL = { TcpEstablishedTimeout: 350, UdpTimeout: 45, UdpStreamTimeout: 120 };

function created(
  { region, subnetId: SubnetId }: TestNetwork,
  spec?: ConnectionTrackingSpecificationRequest,
): string {
  const input = { SubnetId, ...(spec ? { ConnectionTrackingSpecification: spec } : {}) };
  return must(
    region.call(networkInterfaceActions.CreateNetworkInterface, input).NetworkInterface?.NetworkInterfaceId,
  );
}

function described({ region }: TestNetwork, id: string): ConnectionTrackingConfiguration | undefined {
  const { NetworkInterfaces: found } = region.call(networkInterfaceListActions.DescribeNetworkInterfaces, {
    NetworkInterfaceIds: [id],
  });
  const tracking = must(found?.[0]).ConnectionTrackingConfiguration;
  return (
    tracking && Object.fromEntries(Object.entries(tracking).filter(([, seconds]) => seconds !== undefined))
  );
}

const SETTINGS = { pools: ["203.0.113.0/24"], uplink: 2, services: 3, fragments: 4, connectionLimit: 8 };
const MAC = "02:00:00:00:00:01";
const MACS = { uplinkMac: MAC, uplinkPeerMac: MAC, servicesMac: MAC, servicesPeerMac: MAC };

/** The seconds in the kernel's tables. */
function planned({ region }: TestNetwork): readonly object[] {
  const plan = fullPlan([region.reader()], { ...SETTINGS, ...MACS });
  return plan.filter(({ table }) => table === "idle_timeouts").map(({ value }) => value);
}

test("an interface's idle timeouts are taken, described and planned; the others are AWS's defaults", () => {
  const network = newNetwork();
  const plain = created(network);
  assert.deepEqual([described(network, plain), planned(network)], [undefined, []]);
  const id = created(network, ALL);
  assert.deepEqual(described(network, id), ALL);
  assert.deepEqual(planned(network), [{ tcp_established: 350, udp: 45, udp_stream: 120 }]);
  const modify = (ConnectionTrackingSpecification: ConnectionTrackingSpecificationRequest) =>
    network.region.call(ModifyNetworkInterfaceAttribute, {
      NetworkInterfaceId: plain,
      ConnectionTrackingSpecification,
    });
  modify({ UdpTimeout: 60 });
  modify({ TcpEstablishedTimeout: 60 });
  assert.deepEqual(described(network, plain), { TcpEstablishedTimeout: 60, UdpTimeout: 60 });
  assert.deepEqual(planned(network)[0], { tcp_established: 60, udp: 60, udp_stream: 180 });
});

test("each timeout has its range, and one change is of one attribute", () => {
  const network = newNetwork();
  const id = created(network);
  const ranges = {
    TcpEstablishedTimeout: [60, 432_000],
    UdpTimeout: [30, 60],
    UdpStreamTimeout: [60, 180],
  } as const;
  for (const [name, [least, most]] of Object.entries(ranges)) {
    for (const seconds of [least, most]) created(network, { [name]: seconds });
    for (const seconds of [least - 1, most + 1, 0, -1]) {
      const words = `Value (${seconds}) for parameter ${name} is invalid. It must be from ${least} to ${most} seconds.`;
      refuses("InvalidParameterValue", () => created(network, { [name]: seconds }), words);
    }
  }
  const two = { NetworkInterfaceId: id, Description: { Value: "d" }, ConnectionTrackingSpecification: ALL };
  refuses("InvalidParameterCombination", () => network.region.call(ModifyNetworkInterfaceAttribute, two));
  assert.equal(described(network, id), undefined);
});

test("a launch and a launch template set them, and say so again", () => {
  const network = newNetwork();
  const { region, subnetId: SubnetId } = network;
  const NetworkInterfaces = [{ DeviceIndex: 0, SubnetId, ConnectionTrackingSpecification: ALL }];
  const { LaunchTemplate } = region.call(launchTemplateActions.CreateLaunchTemplate, {
    LaunchTemplateName: "web",
    LaunchTemplateData: { ImageId: SOME_IMAGE, InstanceType: "t3.micro", NetworkInterfaces },
  });
  const { Instances: made } = region.call(instanceRunActions.RunInstances, {
    LaunchTemplate: { LaunchTemplateId: must(LaunchTemplate).LaunchTemplateId },
    MinCount: 1,
    MaxCount: 1,
  });
  const InstanceId = must(made?.[0]?.InstanceId);
  const { Reservations } = region.call(instanceDescribeActions.DescribeInstances, {
    InstanceIds: [InstanceId],
  });
  assert.deepEqual(
    Reservations?.[0]?.Instances?.[0]?.NetworkInterfaces?.[0]?.ConnectionTrackingConfiguration,
    ALL,
  );
  const { LaunchTemplateData: data } = region.call(launchTemplateVersionActions.GetLaunchTemplateData, {
    InstanceId,
  });
  assert.deepEqual(data?.NetworkInterfaces?.[0]?.ConnectionTrackingSpecification, ALL);
  assert.equal(planned(network).length, 1);
});

test("only instances on the Nitro system have them", () => {
  const network = newNetwork();
  const { region, subnetId: SubnetId } = network;
  const id = created(network, ALL);
  const words = "The instance type t2.micro does not support idle timeouts of connection tracking.";
  const old = launched(network, { instanceType: "t2.micro" });
  const onOld = { NetworkInterfaceId: old.eniId, ConnectionTrackingSpecification: ALL };
  refuses("UnsupportedOperation", () => region.call(ModifyNetworkInterfaceAttribute, onOld), words);
  const attach = { NetworkInterfaceId: id, InstanceId: old.instanceId, DeviceIndex: 1 };
  refuses(
    "UnsupportedOperation",
    () => region.call(networkInterfaceAttachmentActions.AttachNetworkInterface, attach),
    words,
  );
  const launch = { ImageId: SOME_IMAGE, InstanceType: "t2.micro" as const, MinCount: 1, MaxCount: 1 };
  for (const one of [{ SubnetId, ConnectionTrackingSpecification: ALL }, { NetworkInterfaceId: id }]) {
    const input = { ...launch, NetworkInterfaces: [{ DeviceIndex: 0, ...one }] };
    refuses("UnsupportedOperation", () => region.call(instanceRunActions.RunInstances, input), words);
  }
  const both = { DeviceIndex: 0, NetworkInterfaceId: id, ConnectionTrackingSpecification: ALL };
  refuses("InvalidParameterCombination", () =>
    region.call(instanceRunActions.RunInstances, { ...launch, NetworkInterfaces: [both] }),
  );
  const types = region.call(instanceTypeActions.DescribeInstanceTypes, {
    InstanceTypes: ["t3.micro", "t2.micro"],
  }).InstanceTypes;
  const defaults = {
    DefaultTcpEstablishedTimeout: 432_000,
    DefaultUdpTimeout: 30,
    DefaultUdpStreamTimeout: 180,
  };
  const told = new Map(
    types?.map(({ InstanceType, NetworkInfo }) => [
      InstanceType,
      NetworkInfo?.ConnectionTrackingConfiguration,
    ]),
  );
  assert.deepEqual([told.get("t3.micro"), told.get("t2.micro")], [defaults, undefined]);
});
