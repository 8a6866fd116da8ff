import * as ec2 from "@aws-sdk/client-ec2";

/**
 * The ids of what somebody made and did not delete: nothing of the default VPC, no instance that has ended,
 * no gateway that is deleted.
 */
export async function leftOvers(client: ec2.EC2Client): Promise<readonly string[]> {
  const vpcs = await client.send(
    new ec2.DescribeVpcsCommand({ Filters: [{ Name: "is-default", Values: ["false"] }] }),
  );
  const alive = [{ Name: "instance-state-name", Values: ["pending", "running", "stopping", "stopped"] }];
  const instances = await client.send(new ec2.DescribeInstancesCommand({ Filters: alive }));
  const addresses = await client.send(new ec2.DescribeAddressesCommand({}));
  const interfaces = await client.send(new ec2.DescribeNetworkInterfacesCommand({}));
  const gateways = await client.send(
    new ec2.DescribeInternetGatewaysCommand({ Filters: [{ Name: "tag-key", Values: ["Stage"] }] }),
  );
  const lists = await client.send(new ec2.DescribeManagedPrefixListsCommand({}));
  const keys = await client.send(new ec2.DescribeKeyPairsCommand({}));
  const vpns = await client.send(new ec2.DescribeVpnGatewaysCommand({}));
  const customers = await client.send(new ec2.DescribeCustomerGatewaysCommand({}));
  const endpoints = await client.send(new ec2.DescribeVpcEndpointsCommand({}));
  return [
    ...(vpns.VpnGateways ?? []).map((g) => g.VpnGatewayId),
    ...(customers.CustomerGateways ?? []).map((g) => g.CustomerGatewayId),
    ...(endpoints.VpcEndpoints ?? []).map((e) => e.VpcEndpointId),
    ...(vpcs.Vpcs ?? []).map((vpc) => vpc.VpcId),
    ...(instances.Reservations ?? []).flatMap((r) => (r.Instances ?? []).map((i) => i.InstanceId)),
    ...(addresses.Addresses ?? []).map((a) => a.AllocationId),
    ...(interfaces.NetworkInterfaces ?? []).map((e) => e.NetworkInterfaceId),
    ...(gateways.InternetGateways ?? []).map((g) => g.InternetGatewayId),
    ...(lists.PrefixLists ?? []).filter((l) => l.OwnerId !== "AWS").map((l) => l.PrefixListId),
    ...(keys.KeyPairs ?? []).map((k) => k.KeyPairId),
  ].filter((id) => id !== undefined);
}
