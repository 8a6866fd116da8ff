/**
 * A small VPC with two subnets and two instances behind a gateway, as tables. For tests of what reads tables.
 */

import { bootDone } from "../../src/actions/instance/instance-lifecycle.ts";
import { newRegion, type TestRegion } from "../../src/actions/test-region.ts";
import { memoryTables, type MemoryTables } from "../../src/contract/memory-tables.ts";
import { present } from "../../src/lib/assert.ts";
import type { NetworkInterface } from "../../src/model/network-interface.ts";
import { fullPlan } from "../../src/plan/compile.ts";
import type { PlanSettings } from "../../src/plan/settings.ts";

export const SETTINGS: PlanSettings = {
  pools: ["203.0.113.0/24"],
  uplink: 2,
  services: 3,
  fragments: 5,
  uplinkMac: "02:00:00:00:00:02",
  uplinkPeerMac: "02:00:00:00:00:12",
  servicesMac: "02:00:00:00:00:03",
  servicesPeerMac: "02:00:00:00:00:13",
  connectionLimit: 100,
  now: 1_000_000_000n,
};

export type Scene = {
  readonly region: TestRegion;
  /** One EC2 operation. */
  readonly ec2: (operation: string, input: object) => Answer;
  readonly vpc: string;
  readonly subnet: string;
  readonly otherSubnet: string;
  readonly table: string;
  readonly acl: string;
  readonly group: string;
  readonly gateway: string;
  /**
   * Two instances, one in each subnet, with public addresses; the first address of each subnet that can be
   * used.
   */
  readonly web: Machine;
  readonly other: Machine;
  readonly tables: () => MemoryTables;
  readonly eni: (id: string) => NetworkInterface;
};
type Machine = {
  readonly id: string;
  readonly eni: string;
  readonly slot: number;
  readonly privateIp: string;
  readonly publicIp: string;
};
// An answer is read by its members' names.
type Answer = { readonly [member: string]: Answer & string };

/** 10.0.0.0/16 with 10.0.1.0/24 and 10.0.2.0/24; the group admits TCP 80 from everywhere. */
export function scene(): Scene {
  const region = newRegion();
  const ec2 = (operation: string, input: object): Answer => region.perform(operation, input) as Answer;
  const vpc = text(ec2("CreateVpc", { CidrBlock: "10.0.0.0/16" }), "Vpc", "VpcId");
  const subnetOf = (block: string): string =>
    text(ec2("CreateSubnet", { VpcId: vpc, CidrBlock: block }), "Subnet", "SubnetId");
  const [subnet, otherSubnet] = [subnetOf("10.0.1.0/24"), subnetOf("10.0.2.0/24")];
  const record = present(region.reader().get("vpc", vpc), vpc);
  const gateway = text(ec2("CreateInternetGateway", {}), "InternetGateway", "InternetGatewayId");
  ec2("AttachInternetGateway", { VpcId: vpc, InternetGatewayId: gateway });
  const table = record.mainRouteTable.routeTableId;
  ec2("CreateRoute", { RouteTableId: table, DestinationCidrBlock: "0.0.0.0/0", GatewayId: gateway });
  const group = text(
    ec2("CreateSecurityGroup", { VpcId: vpc, GroupName: "web", Description: "web" }),
    "GroupId",
  );
  const http = { IpProtocol: "tcp", FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: "0.0.0.0/0" }] };
  ec2("AuthorizeSecurityGroupIngress", { GroupId: group, IpPermissions: [http] });
  const launched = (where: string): Machine => launch(region, where, group);
  return {
    region,
    ec2,
    vpc,
    subnet,
    otherSubnet,
    table,
    acl: record.defaultNetworkAclId,
    group,
    gateway,
    web: launched(subnet),
    other: launched(otherSubnet),
    tables: () => memoryTables(fullPlan([region.reader()], SETTINGS)),
    eni: (id) => present(region.reader().get("network-interface", id), id),
  };
}

/** A running instance with a public address. */
function launch(region: TestRegion, subnet: string, group: string): Machine {
  const answer = region.perform("RunInstances", {
    ImageId: "ami-0123456789abcdef0",
    MinCount: 1,
    MaxCount: 1,
    NetworkInterfaces: [
      { DeviceIndex: 0, SubnetId: subnet, Groups: [group], AssociatePublicIpAddress: true },
    ],
  }) as { readonly Instances: readonly { readonly InstanceId: string }[] };
  const id = present(answer.Instances[0], "the instance").InstanceId;
  region.change((tx, context) => bootDone(tx, id, context));
  const eni = present(region.reader().by("network-interface", "instanceId", id)[0], `the interface of ${id}`);
  return {
    id,
    eni: eni.id,
    slot: eni.slot,
    privateIp: present(eni.privateIpAddresses[0], "the private address"),
    publicIp: present(eni.autoPublicIp, "the public address"),
  };
}

function text(answer: Answer, ...path: readonly string[]): string {
  return path.reduce<Answer & string>(
    (value, member) => present(value[member], member),
    answer as Answer & string,
  );
}
