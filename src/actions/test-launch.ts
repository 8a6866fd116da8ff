import type { Instance as InstanceAnswer, RunInstancesRequest } from "@aws-sdk/client-ec2";
import { instanceDescribeActions } from "./instance/instance-describe.ts";
import { bootDone, haltDone } from "./instance/instance-lifecycle.ts";
import { instanceRunActions } from "./instance/instance-run.ts";
import type { Context } from "./kit/action.ts";
import { must, newRegion, type TestRegion } from "./test-region.ts";
import { subnetCreateActions } from "./vpc/subnet-create.ts";
import { subnetActions } from "./vpc/subnet.ts";
import { vpcCreateActions } from "./vpc/vpc-create.ts";

/** A well-formed image id that no list has. */
export const SOME_IMAGE = "ami-0123456789abcdef0";

/** A region with AWS's default VPC, where every instance gets a public address. */
export function regionWithDefaults(settings: Partial<Context> = {}): TestRegion {
  return newRegion({ defaultVpc: true, ...settings });
}

/**
 * A VPC without a gateway, and one subnet in it; `mapPublic`: instances get a public address of themselves.
 */
export function newSubnet(
  region: TestRegion,
  block: string,
  { mapPublic = false } = {},
): { readonly vpcId: string; readonly subnetId: string } {
  const vpcId = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: block }).Vpc?.VpcId);
  const subnet = region.call(subnetCreateActions.CreateSubnet, {
    VpcId: vpcId,
    CidrBlock: block,
    AvailabilityZone: "us-east-1a",
  });
  const subnetId = must(subnet.Subnet?.SubnetId);
  if (mapPublic)
    region.call(subnetActions.ModifySubnetAttribute, {
      SubnetId: subnetId,
      MapPublicIpOnLaunch: { Value: true },
    });
  return { vpcId, subnetId };
}

type Launch = Omit<RunInstancesRequest, "MinCount" | "MaxCount"> & { readonly count?: number };

/** Launches instances; they are pending. Returns their ids. */
export function launchedPending(
  region: TestRegion,
  { count = 1, ...request }: Launch = {},
): readonly string[] {
  const input: RunInstancesRequest = {
    ImageId: SOME_IMAGE,
    InstanceType: "t3.micro",
    MinCount: count,
    MaxCount: count,
    ...request,
  };
  return (region.call(instanceRunActions.RunInstances, input).Instances ?? []).map(({ InstanceId }) =>
    must(InstanceId),
  );
}

/** Launches one instance, and the machine reports that it is up. Returns its id. */
export function launchedRunning(region: TestRegion, request: Launch = {}): string {
  const id = must(launchedPending(region, request)[0]);
  region.change((tx, context) => bootDone(tx, id, context));
  return id;
}

/** The machine reports that the instance has ended. */
export function machineHalted(region: TestRegion, id: string): void {
  region.change((tx, context) => haltDone(tx, id, context));
}

/** The instance as DescribeInstances shows it. */
export function instanceNow(region: TestRegion, id: string): InstanceAnswer {
  return must(
    region.call(instanceDescribeActions.DescribeInstances, { InstanceIds: [id] }).Reservations?.[0]
      ?.Instances?.[0],
  );
}
