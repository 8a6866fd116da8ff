import type { Context } from "../actions/action.ts";
import { perform } from "../actions/perform.ts";
import type { Change, Tx } from "../model/state.ts";
import { applyChanges, beginTx, readerOf, type World } from "../model/world.ts";
import { planDelta } from "../plan/compile.ts";
import { instancePlan, type InstancePlan } from "../plan/instance.ts";
import { poolsOf } from "../plan/pool.ts";
import type { Delta } from "../plan/tables.ts";

export type SelfCheckTools = {
  readonly world: World;
  readonly context: Context;
  readonly applyDelta: (delta: Delta) => void;
  readonly boot: (plan: InstancePlan) => Promise<void>;
  readonly destroy: (instanceId: string) => Promise<void>;
  /** Runs a command in the instance; what it printed, or undefined when it failed. */
  readonly exec: (instanceId: string, command: readonly string[]) => Promise<string | undefined>;
};

/** An account that no credentials name: what the check makes is seen by nobody, and nothing of it is stored. */
const ACCOUNT = "000000000000";

/**
 * Builds a VPC with a gateway, a route and an instance with a public IP, in memory and in the kernel's tables alone;
 * asks the simulated internet which address it saw; and takes everything away again.
 * @throws Error that says what did not pass.
 */
export async function selfCheck(tools: SelfCheckTools): Promise<void> {
  const { world, applyDelta } = tools;
  const context: Context = { ...tools.context, account: ACCOUNT };
  const pools = poolsOf(context.pools);
  const undo: (() => void)[] = [];
  const change = <T>(body: (tx: Tx) => T): T => {
    const tx = beginTx(world, ACCOUNT, context.region);
    const value = body(tx);
    const changes = tx.changes();
    const revert = applyChanges(world, ACCOUNT, context.region, changes);
    applyDelta(planDelta(readerOf(world, ACCOUNT, context.region), changes, pools));
    undo.push(() => {
      revert();
      applyDelta(planDelta(readerOf(world, ACCOUNT, context.region), changes.map(inverse), pools));
    });
    return value;
  };
  let instanceId: string | undefined;
  try {
    const made = change((tx) => build(tx, context));
    instanceId = made.instanceId;
    const reader = readerOf(world, ACCOUNT, context.region);
    const instance = reader.get("instance", instanceId);
    if (!instance) throw new Error("assertion failed: the instance was made");
    await tools.boot(instancePlan(reader, instance, context.region));
    const seen = await tools.exec(instanceId, ["curl", "-s", "-m", "5", "http://198.51.100.1/ip"]);
    if (seen?.trim() !== made.publicIp) {
      throw new Error(
        `a packet from ${made.privateIp} should reach the internet as ${made.publicIp}, but ${seen === undefined ? "no answer came back" : `the internet saw ${seen.trim()}`}`,
      );
    }
  } finally {
    if (instanceId !== undefined) await tools.destroy(instanceId);
    for (const step of undo.toReversed()) step();
    world.regions.delete(`${ACCOUNT}/${context.region}`);
  }
}

function inverse({ kind, id, before, after }: Change): Change {
  return { kind, id, ...(after ? { before: after } : {}), ...(before ? { after: before } : {}) } as Change;
}

function build(tx: Tx, context: Context): { instanceId: string; publicIp: string; privateIp: string } {
  const call = (operation: string, input: object): Record<string, Record<string, string>> =>
    perform(tx, operation, input, context) as Record<string, Record<string, string>>;
  const vpc = call("CreateVpc", { CidrBlock: "10.255.0.0/28" })["Vpc"]?.["VpcId"] ?? "";
  const subnet = call("CreateSubnet", { VpcId: vpc, CidrBlock: "10.255.0.0/28" })["Subnet"]?.["SubnetId"] ?? "";
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
