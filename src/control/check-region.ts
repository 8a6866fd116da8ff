import type { Context } from "../actions/kit/action.ts";
import { perform } from "../actions/perform.ts";
import type { Tx } from "../model/state.ts";

/**
 * Creates the smallest region from which a packet reaches the internet: a VPC with a gateway, a route, and an
 * instance with a public IP.
 */
export function buildCheckRegion(
  tx: Tx,
  context: Context,
): { instanceId: string; publicIp: string; privateIp: string } {
  const call = (operation: string, input: object): Record<string, Record<string, string>> =>
    perform(tx, operation, input, context) as Record<string, Record<string, string>>;
  const vpc = call("CreateVpc", { CidrBlock: "10.255.0.0/28" })["Vpc"]?.["VpcId"] ?? "";
  const subnet =
    call("CreateSubnet", { VpcId: vpc, CidrBlock: "10.255.0.0/28" })["Subnet"]?.["SubnetId"] ?? "";
  const gateway = call("CreateInternetGateway", {})["InternetGateway"]?.["InternetGatewayId"] ?? "";
  call("AttachInternetGateway", { VpcId: vpc, InternetGatewayId: gateway });
  const table = tx.get("vpc", vpc)?.mainRouteTable.routeTableId ?? "";
  call("CreateRoute", { RouteTableId: table, DestinationCidrBlock: "0.0.0.0/0", GatewayId: gateway });
  call("RunInstances", {
    ImageId: "ami-0123456789abcdef0",
    InstanceType: "t3.micro",
    MinCount: 1,
    MaxCount: 1,
    NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: subnet, AssociatePublicIpAddress: true }],
  });
  const instanceId = tx.list("instance")[0]?.id ?? "";
  const eni = tx.by("network-interface", "instanceId", instanceId)[0];
  return { instanceId, publicIp: eni?.autoPublicIp ?? "", privateIp: eni?.privateIpAddresses[0] ?? "" };
}
