/** States grown by random valid requests, for property tests: the same steps always grow the same state. */

import * as fc from "fast-check";
import { seedRegion } from "../../src/actions/default-vpc.ts";
import type { Context } from "../../src/actions/kit/action.ts";
import { perform } from "../../src/actions/perform.ts";
import type { Pool } from "../../src/contract/pool.ts";
import type { Delta } from "../../src/contract/tables.ts";
import { present } from "../../src/lib/assert.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { Fault } from "../../src/model/fault.ts";
import { INSTANCE_STATE_CODE, type InstanceState } from "../../src/model/instance.ts";
import { isManaged } from "../../src/model/network-interface.ts";
import { DEFAULT_QUOTAS, type Quotas } from "../../src/model/quota.ts";
import type { Part, Reader, Tx } from "../../src/model/state.ts";
import type { RealmReader } from "../../src/model/state.ts";
import { applyParts, beginTx, newWorld, readerOf, type Transaction } from "../../src/model/world.ts";
import { joinedDelta, planDelta } from "../../src/plan/compile.ts";
import type { Choice } from "../kit/choice.ts";
import { IPV6_REQUESTS } from "./random-ipv6.ts";
import { attachment, launch } from "./random-launch.ts";
import { NAT_REQUESTS } from "./random-nat-gateway.ts";
import { PEERING_REQUESTS } from "./random-peering.ts";
import { api, pickerOf, type Picker, REMOTE, type Request } from "./random-request.ts";
import { ROUTING_REQUESTS } from "./random-routing.ts";

/** One request: which, and the numbers that choose its arguments among what there is. */
export type Step = { readonly request: string; readonly choices: readonly number[] };

/** The same runs every time, unless others are asked for. */
export const SEED = Number(process.env["GENKAN_SEED"] ?? 1);

export const POOLS = ["203.0.113.0/28", "192.0.2.0/29"] as const;

/** What makes something to work on. */
const BEGINNING = [
  "vpc",
  "subnet",
  "gateway",
  "attachGateway",
  "route",
  "launch",
  "allocate",
  "associateAddress",
  "ingress",
  "launch",
];

export type RandomRegion = {
  /** Runs the request; the changes it made, by region, none when it was refused. */
  readonly run: (step: Step) => readonly Part[];
  readonly reader: () => Reader;
  /** This region's, and that of the one with peered VPCs. */
  readonly readers: () => readonly Reader[];
  readonly places: () => readonly RealmReader[];
  /** What the changes make of the tables. */
  readonly delta: (parts: readonly Part[], pools: readonly Pool[]) => Delta;
  /** Anything else that changes it; false when it was refused. */
  readonly change: (body: (tx: Tx, context: Context) => void) => boolean;
  /** A transaction that nobody commits. */
  readonly begin: () => Transaction;
  readonly context: Context;
};

export function randomRegion(): RandomRegion {
  const world = newWorld();
  const random = seededRandom(7);
  const context: Context = {
    account: "123456789012",
    region: "us-east-1",
    now: "2026-01-01T00:00:00.000Z",
    random,
    quotas: Object.fromEntries(
      Object.keys(DEFAULT_QUOTAS).map((name) => [name, name === "security-groups-per-interface" ? 5 : 100]),
    ) as Quotas,
    pools: POOLS,
    byoip: POOLS.slice(1),
    consoleOutput: () => undefined,
  };
  const begin = (): Transaction => beginTx(world, context.account, context.region);
  const placeOf = (region: string): RealmReader => ({
    realm: { account: context.account, region },
    reader: readerOf(world, context.account, region),
  });
  const readers = (): readonly Reader[] =>
    [context.region, REMOTE].map((region) => readerOf(world, context.account, region));
  const tried = (body: (tx: Tx) => void): readonly Part[] | undefined => {
    const tx = begin();
    try {
      body(tx);
    } catch (error) {
      if (error instanceof Fault) return undefined;
      throw error;
    }
    const parts = tx.parts();
    applyParts(world, parts);
    return parts;
  };
  const commit = (body: (tx: Tx) => void): readonly Part[] => tried(body) ?? [];
  return {
    run: ({ request, choices }) =>
      commit((tx) => {
        const rest = [...choices];
        const number = (below: number): number => (rest.shift() ?? 0) % below;
        present(REQUESTS[request], request)(pickerOf(tx, context, number));
      }),
    reader: () => readerOf(world, context.account, context.region),
    readers,
    places: () => [context.region, REMOTE].map(placeOf),
    delta: (parts, pools) =>
      joinedDelta(
        parts.map(({ account, region, changes }) =>
          planDelta(readerOf(world, account, region), changes, pools),
        ),
      ),
    change: (body) => tried((tx) => body(tx, context)) !== undefined,
    begin,
    context,
  };
}

const CIDRS = [
  "0.0.0.0/0",
  "198.51.100.0/24",
  "10.0.0.0/8",
  "10.1.0.0/24",
  "203.0.113.0/24",
  "198.51.100.1/32",
  "10.50.0.0/16",
];

function permission({ number, pick }: Picker): object {
  const from = number(4) * 40;
  const [IpProtocol, FromPort, ToPort] = present(
    [
      ["-1", -1, -1],
      ["tcp", from, from + number(100)],
      ["udp", from, from],
      ["icmp", number(2) === 0 ? -1 : 8, -1],
      ["47", -1, -1],
    ][number(5)],
    "a protocol",
  );
  const peer =
    number(3) === 0
      ? { UserIdGroupPairs: [{ GroupId: pick("security-group")?.id ?? "sg-00000000" }] }
      : { IpRanges: [{ CidrIp: CIDRS[number(CIDRS.length)] }] };
  return { GroupId: pick("security-group")?.id, IpPermissions: [{ IpProtocol, FromPort, ToPort, ...peer }] };
}

const WIDE = [
  [0, 65_535],
  [0, 65_535],
  [1, 65_535],
  [0, 1_024],
  [1_024, 65_535],
  [80, 80],
];

/** For everybody, mostly: what makes flows untracked, or just not. */
function wide({ number, pick }: Picker): object {
  const [FromPort, ToPort] = present(WIDE[number(WIDE.length)], "a range");
  const IpProtocol = ["tcp", "udp", "-1"][number(3)];
  const CidrIp = number(4) === 0 ? "0.0.0.0/1" : "0.0.0.0/0";
  const ports = IpProtocol === "-1" ? {} : { FromPort, ToPort };
  return {
    GroupId: pick("security-group")?.id,
    IpPermissions: [{ IpProtocol, ...ports, IpRanges: [{ CidrIp }] }],
  };
}

function entry({ number, pick }: Picker): object {
  const from = number(3) * 1024;
  const protocol = ["-1", "6", "17", "1"][number(4)];
  return {
    NetworkAclId: pick("network-acl")?.id,
    RuleNumber: 50 + number(100),
    Protocol: protocol,
    RuleAction: number(2) === 0 ? "deny" : "allow",
    Egress: number(2) === 0,
    CidrBlock: CIDRS[number(CIDRS.length)],
    ...(protocol === "6" || protocol === "17"
      ? { PortRange: { From: from, To: from + number(64_000 - from) } }
      : {}),
    ...(protocol === "1" ? { IcmpTypeCode: { Type: number(2) === 0 ? -1 : 8, Code: -1 } } : {}),
  };
}

function routeTo({ number, pick }: Picker): object {
  const target = [
    { NetworkInterfaceId: pick("network-interface")?.id },
    { NatGatewayId: pick("nat-gateway")?.id },
  ][number(5)] ?? {
    GatewayId: pick("internet-gateway")?.id,
  };
  return {
    RouteTableId: pick("route-table")?.id,
    DestinationCidrBlock: CIDRS[number(CIDRS.length)],
    ...target,
  };
}

const attach: Request = ({ tx, context, pick }) => {
  const eni = pick("network-interface");
  const instance = pick("instance");
  if (!eni || eni.attachment || isManaged(eni) || !instance) return;
  tx.put({ ...eni, attachment: attachment(context, instance.id, 1) });
};

const detach: Request = ({ tx, pick }) => {
  const eni = pick("network-interface");
  if (!eni?.attachment || eni.attachment.deviceIndex === 0) return;
  const { attachment: _, ...detached } = eni;
  tx.put(detached);
};

const changeState: Request = ({ tx, number, pick }) => {
  const instance = pick("instance");
  const states: InstanceState[] = [
    ...(Object.keys(INSTANCE_STATE_CODE) as InstanceState[]),
    "running",
    "running",
    "running",
    "running",
  ];
  if (instance) tx.put({ ...instance, state: present(states[number(states.length)], "a state") });
};

const terminate: Request = ({ tx, pick }) => {
  const instance = pick("instance");
  if (!instance) return;
  for (const eni of tx.by("network-interface", "instanceId", instance.id)) {
    for (const { association: _, ...address } of tx.by("address", "networkInterfaceId", eni.id))
      tx.put(address);
    tx.delete("network-interface", eni.id);
  }
  tx.delete("instance", instance.id);
};

/** Idle timeouts of an interface: all, some, and those that are the defaults. */
const TRACKING = [
  { tcpEstablishedTimeout: 60, udpTimeout: 60, udpStreamTimeout: 60 },
  { tcpEstablishedTimeout: 350 },
  { udpTimeout: 45, udpStreamTimeout: 100 },
  { udpStreamTimeout: 180 },
];

const editInterface: Request = ({ tx, number, pick }) => {
  const eni = pick("network-interface");
  // Those of NAT gateways and endpoints are nobody's to change.
  if (!eni || isManaged(eni)) return;
  const group = pick("security-group");
  const subnet = present(tx.get("subnet", eni.subnetId), eni.subnetId);
  const secondary = `${(subnet.cidrBlock ?? "").split(".").slice(0, 3).join(".")}.${200 + number(20)}`;
  const free = tx.by("network-interface", "vpcAddress", `${eni.vpcId}/${secondary}`).length === 0;
  const mapped = tx.by("address", "networkInterfaceId", eni.id).length > 0;
  switch (number(5)) {
    case 0:
      return tx.put({ ...eni, sourceDestCheck: !eni.sourceDestCheck });
    case 4:
      return tx.put({ ...eni, connectionTracking: present(TRACKING[number(TRACKING.length)], "times") });
    case 1:
      return group?.vpcId === eni.vpcId
        ? tx.put({ ...eni, groupIds: [...new Set([...eni.groupIds.slice(-3), group.id])] })
        : undefined;
    case 2:
      return free
        ? tx.put({ ...eni, privateIpAddresses: [...eni.privateIpAddresses, secondary] })
        : undefined;
    default:
      return mapped ? undefined : tx.put({ ...eni, privateIpAddresses: eni.privateIpAddresses.slice(0, 1) });
  }
};

/** A flow log, mostly for an interface: logged packets do not take the fast path. */
function flowLog({ pick, number }: Picker): object {
  const [type, id] = [
    ["VPC", pick("vpc")?.id],
    ["Subnet", pick("subnet")?.id],
    ["RegionalNatGateway", pick("nat-gateway")?.id],
  ][number(6)] ?? ["NetworkInterface", pick("network-interface")?.id];
  const to = { LogDestinationType: "s3", LogDestination: "arn:aws:s3:::flow-logs" };
  return { ResourceType: type, ResourceIds: [id], TrafficType: "ALL", ...to };
}

const REQUESTS: Readonly<Record<string, Request>> = {
  seed: ({ tx, context }) => (tx.list("vpc").length === 0 ? seedRegion(tx, context) : undefined),
  vpc: api("CreateVpc", ({ number }) => ({ CidrBlock: `10.${number(3)}.0.0/16` })),
  deleteVpc: api("DeleteVpc", ({ pick }) => ({ VpcId: pick("vpc")?.id })),
  block: api("AssociateVpcCidrBlock", ({ pick, number }) => ({
    VpcId: pick("vpc")?.id,
    CidrBlock: `10.${50 + number(3)}.0.0/16`,
  })),
  dropBlock: api("DisassociateVpcCidrBlock", ({ pick }) => ({
    AssociationId: pick("vpc")?.cidrBlocks.at(-1)?.associationId,
  })),
  dns: api("ModifyVpcAttribute", ({ pick, number }) => ({
    VpcId: pick("vpc")?.id,
    EnableDnsSupport: { Value: number(2) === 0 },
  })),
  subnet: api("CreateSubnet", ({ pick, number }) => {
    const vpc = pick("vpc");
    const block = vpc?.cidrBlocks[number(vpc.cidrBlocks.length)]?.cidrBlock ?? "10.0.0.0/16";
    return { VpcId: vpc?.id, CidrBlock: `${block.split(".").slice(0, 2).join(".")}.${number(4)}.0/24` };
  }),
  flowLog: api("CreateFlowLogs", flowLog),
  endFlowLog: api("DeleteFlowLogs", ({ pick }) => ({ FlowLogIds: [pick("flow-log")?.id] })),
  deleteSubnet: api("DeleteSubnet", ({ pick }) => ({ SubnetId: pick("subnet")?.id })),
  gateway: api("CreateInternetGateway", () => ({})),
  attachGateway: api("AttachInternetGateway", ({ pick }) => ({
    InternetGatewayId: pick("internet-gateway")?.id,
    VpcId: pick("vpc")?.id,
  })),
  detachGateway: api("DetachInternetGateway", ({ pick }) => {
    const gateway = pick("internet-gateway");
    return { InternetGatewayId: gateway?.id, VpcId: gateway?.vpcId };
  }),
  /** Everything that keeps a gateway attached goes, and then the gateway. */
  cutOff: ({ tx, context, pick }) => {
    const gateway = pick("internet-gateway");
    if (gateway?.vpcId === undefined) return;
    for (const { autoPublicIp: _, ...eni } of tx.by("network-interface", "vpcId", gateway.vpcId)) {
      for (const { association: __, ...address } of tx.by("address", "networkInterfaceId", eni.id))
        tx.put(address);
      tx.put(eni);
    }
    perform(tx, "DetachInternetGateway", { InternetGatewayId: gateway.id, VpcId: gateway.vpcId }, context);
  },
  deleteGateway: api("DeleteInternetGateway", ({ pick }) => ({
    InternetGatewayId: pick("internet-gateway")?.id,
  })),
  table: api("CreateRouteTable", ({ pick }) => ({ VpcId: pick("vpc")?.id })),
  deleteTable: api("DeleteRouteTable", ({ pick }) => ({ RouteTableId: pick("route-table")?.id })),
  associate: api("AssociateRouteTable", ({ pick }) => ({
    RouteTableId: pick("route-table")?.id,
    SubnetId: pick("subnet")?.id,
  })),
  disassociate: api("DisassociateRouteTable", ({ pick }) => ({
    AssociationId: pick("subnet")?.routeTableAssociation?.associationId,
  })),
  mainTable: api("ReplaceRouteTableAssociation", ({ pick }) => ({
    AssociationId: pick("vpc")?.mainRouteTable.associationId,
    RouteTableId: pick("route-table")?.id,
  })),
  route: api("CreateRoute", routeTo),
  replaceRoute: api("ReplaceRoute", routeTo),
  deleteRoute: api("DeleteRoute", ({ pick }) => {
    const route = pick("route");
    const field =
      route?.destination.includes(":") === true ? "DestinationIpv6CidrBlock" : "DestinationCidrBlock";
    return { RouteTableId: route?.routeTableId, [field]: route?.destination };
  }),
  group: api("CreateSecurityGroup", ({ pick, number }) => ({
    VpcId: pick("vpc")?.id,
    GroupName: `group${number(5)}`,
    Description: "d",
  })),
  deleteGroup: api("DeleteSecurityGroup", ({ pick }) => ({ GroupId: pick("security-group")?.id })),
  ingress: api("AuthorizeSecurityGroupIngress", permission),
  egress: api("AuthorizeSecurityGroupEgress", permission),
  revoke: ({ tx, context, pick }) => {
    const rule = pick("security-group-rule");
    const operation =
      rule?.direction === "egress" ? "RevokeSecurityGroupEgress" : "RevokeSecurityGroupIngress";
    perform(tx, operation, { GroupId: rule?.groupId, SecurityGroupRuleIds: [rule?.id ?? ""] }, context);
  },
  wideIngress: api("AuthorizeSecurityGroupIngress", wide),
  wideEgress: api("AuthorizeSecurityGroupEgress", wide),
  /** No rule of the group lets anything out. */
  closeEgress: ({ tx, pick }) => {
    const group = pick("security-group");
    for (const rule of group ? tx.by("security-group-rule", "groupId", group.id) : [])
      if (rule.direction === "egress") tx.delete("security-group-rule", rule.id);
  },
  acl: api("CreateNetworkAcl", ({ pick }) => ({ VpcId: pick("vpc")?.id })),
  aclEntry: api("CreateNetworkAclEntry", entry),
  dropAclEntry: api("DeleteNetworkAclEntry", ({ pick, number }) => {
    const acl = pick("network-acl");
    const found = acl?.entries[number(Math.max(1, acl.entries.length))];
    return { NetworkAclId: acl?.id, RuleNumber: found?.ruleNumber ?? 1, Egress: found?.egress ?? false };
  }),
  useAcl: api("ReplaceNetworkAclAssociation", ({ pick }) => ({
    AssociationId: pick("subnet")?.networkAcl?.associationId,
    NetworkAclId: pick("network-acl")?.id,
  })),
  deleteAcl: api("DeleteNetworkAcl", ({ pick }) => ({ NetworkAclId: pick("network-acl")?.id })),
  ...NAT_REQUESTS,
  ...PEERING_REQUESTS,
  ...ROUTING_REQUESTS,
  ...IPV6_REQUESTS,
  interface: api("CreateNetworkInterface", ({ pick }) => ({ SubnetId: pick("subnet")?.id })),
  deleteInterface: api("DeleteNetworkInterface", ({ pick }) => ({
    NetworkInterfaceId: pick("network-interface")?.id,
  })),
  editInterface,
  attach,
  detach,
  allocate: api("AllocateAddress", () => ({ Domain: "vpc" })),
  associateAddress: api("AssociateAddress", ({ pick, number }) => {
    const eni = pick("network-interface");
    const privateIp = eni?.privateIpAddresses[number(eni.privateIpAddresses.length)];
    return {
      AllocationId: pick("address")?.id,
      NetworkInterfaceId: eni?.id,
      PrivateIpAddress: privateIp,
      AllowReassociation: true,
    };
  }),
  disassociateAddress: api("DisassociateAddress", ({ pick }) => ({
    AssociationId: pick("address")?.association?.associationId,
  })),
  release: api("ReleaseAddress", ({ pick }) => ({ AllocationId: pick("address")?.id })),
  launch,
  changeState,
  terminate,
};

/** The first steps make something to work on; the rest is anything. */
export function randomSteps(maxLength: number): fc.Arbitrary<readonly Step[]> {
  const step = (request: string): fc.Arbitrary<Step> =>
    fc.array(fc.nat(1000), { minLength: 8, maxLength: 8 }).map((choices) => ({ request, choices }));
  return fc
    .tuple(
      fc.tuple(...BEGINNING.map(step)),
      fc.array(fc.constantFrom(...Object.keys(REQUESTS)).chain(step), { maxLength, size: "max" }),
    )
    .map(([first, rest]) => [...first, ...rest]);
}

/** What makes more of a region, each as often as it stands here. */
const BUILDING = (
  "vpc block subnet subnet gateway attachGateway table associate route route dns " +
  "group ingress ingress ingress egress wideIngress wideIngress wideEgress wideEgress closeEgress acl aclEntry aclEntry useAcl " +
  "flowLog flowLog interface editInterface editInterface attach launch launch allocate allocate associateAddress associateAddress natWay natWay regionalWay natGateway nat64Way " +
  "peering launch prefixList listRoute listRule edge block exclude interfaceEndpoint " +
  "ipv6Way ipv6Way ipv6Way ipv6Address ipv6Address ipv6Route ipv6Ingress ipv6Ingress ipv6Egress ipv6AclEntry ipv6AclEntry ipv6EgressOnly"
).split(" ");

/**
 * A region with a way to the internet, and then this many requests that mostly build more. Without
 * fast-check's machinery.
 */
export function growth(choice: Choice, length: number): readonly Step[] {
  const first = (request: string, ...choices: readonly number[]): Step => ({
    request,
    choices: [...choices, ...stepOf(choice, request).choices],
  });
  const ports = (request: string): Step =>
    first(request, choice.below(1000), choice.below(2), choice.below(1000), 0);
  const more = Array.from({ length }, () =>
    stepOf(choice, choice.oneIn(4) ? choice.pick(NAMES) : choice.pick(BUILDING)),
  );
  return [
    ...["vpc", "subnet", "gateway", "attachGateway"].map((request) => stepOf(choice, request)),
    // To the gateway, in the only table, for 0.0.0.0/0.
    first("route", 1, 0, 0, 0),
    ..."subnet launch launch launch allocate allocate associateAddress associateAddress ingress ingress"
      .split(" ")
      .map((request) => stepOf(choice, request)),
    // At times the first group names ports one way and the other.
    ...(choice.oneIn(4) ? [first("closeEgress", 0), ports("wideEgress"), ports("wideIngress")] : []),
    ...(choice.oneIn(3)
      ? "ipv6Way ipv6Way ipv6Ingress ipv6Egress".split(" ").map((request) => stepOf(choice, request))
      : []),
    ...(choice.oneIn(5) ? "natWay nat64Way".split(" ").map((request) => stepOf(choice, request)) : []),
    ...(choice.oneIn(6)
      ? "peering launch launch editInterface".split(" ").map((request) => stepOf(choice, request))
      : []),
    ...more,
  ];
}

/** One request of the named kind. */
export function stepOf(choice: Choice, request: string): Step {
  return { request, choices: Array.from({ length: 8 }, () => choice.below(1000)) };
}

const NAMES = Object.keys(REQUESTS);
