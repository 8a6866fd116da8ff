import type { InstanceState } from "../model/instance.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import { internetGatewayAttachmentActions } from "./gateway/internet-gateway-attachment.ts";
import { internetGatewayActions } from "./gateway/internet-gateway.ts";
import { interfacesOf } from "./interface/network-interface-attachment.ts";
import { createNetworkInterface, newAttachment, refreshAutoPublicIp } from "./interface/network-interface.ts";
import { find } from "./kit/find.ts";
import { instanceRecord, must, newRegion, type TestRegion } from "./test-region.ts";
import { subnetCreateActions } from "./vpc/subnet-create.ts";
import { vpcCreateActions } from "./vpc/vpc-create.ts";

export type TestNetwork = {
  readonly region: TestRegion;
  readonly vpcId: string;
  readonly subnetId: string;
  readonly gatewayId: string;
};

/** A region with a VPC 10.0.0.0/16, a subnet 10.0.1.0/24 and a gateway, attached. */
export function newNetwork(settings: Parameters<typeof newRegion>[0] = {}): TestNetwork {
  const region = newRegion(settings);
  const vpcId = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.0.0.0/16" }).Vpc?.VpcId);
  const subnetId = must(
    region.call(subnetCreateActions.CreateSubnet, { VpcId: vpcId, CidrBlock: "10.0.1.0/24" }).Subnet
      ?.SubnetId,
  );
  const gatewayId = must(
    region.call(internetGatewayActions.CreateInternetGateway, {}).InternetGateway?.InternetGatewayId,
  );
  region.call(internetGatewayAttachmentActions.AttachInternetGateway, {
    InternetGatewayId: gatewayId,
    VpcId: vpcId,
  });
  return { region, vpcId, subnetId, gatewayId };
}

type Launch = {
  readonly assignPublicIp?: boolean;
  readonly instanceType?: string;
  readonly state?: InstanceState;
};

/** A record of an instance with its first interface, as a launch leaves them. */
export function launched(
  { region, subnetId }: TestNetwork,
  { assignPublicIp = false, instanceType = "t3.micro", state = "running" }: Launch = {},
): { readonly instanceId: string; readonly eniId: string } {
  const instance = instanceRecord(region, subnetId, { instanceType, state });
  return region.change((tx, context) => {
    const subnet = find(tx, "subnet", subnetId);
    const attachment = newAttachment(
      { instanceId: instance.id, deviceIndex: 0, deleteOnTermination: true },
      context,
    );
    const wanted = { subnet, description: "", assignPublicIp, requesterManaged: false, tags: {}, attachment };
    return { instanceId: instance.id, eniId: createNetworkInterface(tx, wanted, context).id };
  });
}

/** Brings the instance into a state, with what follows for its automatic addresses. */
export function moveInstance(region: TestRegion, instanceId: string, state: InstanceState): void {
  region.change((tx, context) => {
    const instance = { ...find(tx, "instance", instanceId), state };
    tx.put(instance);
    for (const eni of interfacesOf(tx, instance)) refreshAutoPublicIp(tx, eni, context);
  });
}

export function interfaceNow(region: TestRegion, id: string): NetworkInterface {
  return find(region.reader(), "network-interface", id);
}
