import assert from "node:assert/strict";
import { test } from "node:test";
import { routeTableActions } from "../route/route-table.ts";
import { routeActions } from "../route/route.ts";
import { securityGroupRuleActions } from "../security/security-group-rule.ts";
import { tagActions } from "../tag/tag.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { vpcCidrBlockActions } from "../vpc/vpc-cidr-block.ts";
import { vpcCreateActions } from "../vpc/vpc-create.ts";
import { vpcDeleteActions } from "../vpc/vpc-delete.ts";
import { vpcPeeringConnectionCreateActions } from "./vpc-peering-connection-create.ts";
import { vpcPeeringConnectionDescribeActions } from "./vpc-peering-connection-describe.ts";
import { purgeVpcPeeringConnections, vpcPeeringConnectionActions } from "./vpc-peering-connection.ts";

const { CreateVpcPeeringConnection } = vpcPeeringConnectionCreateActions;
const {
  AcceptVpcPeeringConnection,
  RejectVpcPeeringConnection,
  DeleteVpcPeeringConnection,
  ModifyVpcPeeringConnectionOptions,
} = vpcPeeringConnectionActions;
const { DescribeVpcPeeringConnections } = vpcPeeringConnectionDescribeActions;
const ACCOUNT = "123456789012";
const HOUR = 60 * 60 * 1000;
const [EAST, WEST] = ["us-east-1", "us-west-2"] as const;

function newVpc(region: TestRegion, CidrBlock: string): string {
  return must(region.call(vpcCreateActions.CreateVpc, { CidrBlock }).Vpc?.VpcId);
}

function asked(region: TestRegion, VpcId: string, PeerVpcId: string, PeerRegion: string = WEST): string {
  return must(
    region.call(CreateVpcPeeringConnection, { VpcId, PeerVpcId, PeerRegion }).VpcPeeringConnection
      ?.VpcPeeringConnectionId,
  );
}

function known(region: TestRegion) {
  return must(region.call(DescribeVpcPeeringConnections, {}).VpcPeeringConnections);
}

function now(region: TestRegion, id: string) {
  return must(
    region.call(DescribeVpcPeeringConnections, { VpcPeeringConnectionIds: [id] }).VpcPeeringConnections?.[0],
  );
}

/** A VPC in each of two regions, and a request between them. */
function pair(ofEast = "10.0.0.0/16", ofWest = "10.1.0.0/16") {
  const east = newRegion();
  const west = east.elsewhere(WEST);
  const [vpcId, peerId] = [newVpc(east, ofEast), newVpc(west, ofWest)];
  const id = asked(east, vpcId, peerId);
  return { east, west, vpcId, peerId, id, VpcPeeringConnectionId: id };
}

test("a request between regions shows in both, with the region of each side, and has its own tags in each", () => {
  const east = newRegion();
  const west = east.elsewhere(WEST);
  const [VpcId, PeerVpcId] = [newVpc(east, "10.0.0.0/16"), newVpc(west, "10.1.0.0/16")];
  const Tags = [{ Key: "side", Value: "east" }];
  const TagSpecifications = [{ ResourceType: "vpc-peering-connection" as const, Tags }];
  const made = must(
    east.call(CreateVpcPeeringConnection, { VpcId, PeerVpcId, PeerRegion: WEST, TagSpecifications })
      .VpcPeeringConnection,
  );
  assert.deepEqual(made.Status, { Code: "initiating-request", Message: `Initiating Request to ${ACCOUNT}` });
  const id = must(made.VpcPeeringConnectionId);
  const { Tags: ofEast, ...inEast } = now(east, id);
  const { Tags: ofWest, ...inWest } = now(west, id);
  assert.deepEqual(inEast, inWest);
  assert.deepEqual(inWest.AccepterVpcInfo, { OwnerId: ACCOUNT, VpcId: PeerVpcId, Region: WEST });
  assert.deepEqual(
    [inWest.RequesterVpcInfo?.Region, inWest.RequesterVpcInfo?.CidrBlock],
    [EAST, "10.0.0.0/16"],
  );
  assert.deepEqual([ofEast, ofWest], [Tags, []]);
  west.call(tagActions.CreateTags, { Resources: [id], Tags: [{ Key: "side", Value: "west" }] });
  west.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId: id });
  const after = [east, west].map((region) => now(region, id));
  assert.deepEqual(
    after.map((one) => [one.Status?.Code, one.AccepterVpcInfo?.CidrBlock, one.Tags?.[0]?.Value]),
    [
      ["active", "10.1.0.0/16", "east"],
      ["active", "10.1.0.0/16", "west"],
    ],
  );
});

test("only the accepter's region accepts or rejects; either deletes, for both", () => {
  const { east, west, vpcId, peerId, id, VpcPeeringConnectionId } = pair();
  const words = `Incorrect region (${EAST}) specified for this request. VPC peering connection ${id} must be`;
  const accept = () => east.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId });
  refuses("OperationNotPermitted", accept, `${words} accepted in region ${WEST}`);
  const reject = () => east.call(RejectVpcPeeringConnection, { VpcPeeringConnectionId });
  refuses("OperationNotPermitted", reject, `${words} accepted or rejected in region ${WEST}`);
  const states = (asked: string) => [east, west].map((region) => now(region, asked).Status?.Code);
  assert.deepEqual(states(id), ["pending-acceptance", "pending-acceptance"]);
  west.call(RejectVpcPeeringConnection, { VpcPeeringConnectionId });
  assert.deepEqual(states(id), ["rejected", "rejected"]);
  for (const end of [east, west]) {
    const next = asked(east, vpcId, peerId);
    west.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId: next });
    assert.deepEqual(states(next), ["active", "active"]);
    end.call(DeleteVpcPeeringConnection, { VpcPeeringConnectionId: next });
    assert.deepEqual(states(next), ["deleted", "deleted"]);
  }
});

test("a request for a VPC that the other region lacks, or whose blocks overlap, fails and never shows in the other region", () => {
  const east = newRegion();
  const west = east.elsewhere(WEST);
  const vpcId = newVpc(east, "10.0.0.0/16");
  const inside = newVpc(west, "10.0.128.0/20");
  const words = "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range";
  for (const [peer, region] of [
    ["vpc-0123456789abcdef0", WEST],
    ["vpc-0123456789abcdef0", "eu-west-1"],
    [vpcId, WEST],
    [inside, WEST],
  ] as const) {
    const id = asked(east, vpcId, peer, region);
    assert.deepEqual(now(east, id).Status, { Code: "failed", Message: words });
    assert.deepEqual(now(east, id).AccepterVpcInfo, { OwnerId: ACCOUNT, VpcId: peer, Region: region });
    assert.deepEqual(known(east.elsewhere(region)), []);
  }
});

test("peering is refused with an unknown region or another partition, and allowed within the own region", () => {
  const east = newRegion({ hasRegion: (name) => name === "my-lab-1" });
  const VpcId = newVpc(east, "10.0.0.0/16");
  for (const PeerRegion of ["mars-1", "cn-north-1", "us-gov-west-1"]) {
    const words = `You cannot create a VPC peering connection between the ${EAST} and ${PeerRegion} regions.`;
    refuses("InvalidParameterValue", () => asked(east, VpcId, "vpc-0123456789abcdef0", PeerRegion), words);
  }
  const lab = east.elsewhere("my-lab-1");
  const id = asked(east, VpcId, newVpc(lab, "10.1.0.0/16"), "my-lab-1");
  assert.equal(now(lab, id).Status?.Code, "pending-acceptance");
});

test("options are set in the region of their side, and show in both", () => {
  const { east, west, id, VpcPeeringConnectionId } = pair();
  west.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId });
  const on = { AllowDnsResolutionFromRemoteVpc: true };
  const modify = (region: TestRegion, options: object) => () =>
    region.call(ModifyVpcPeeringConnectionOptions, { VpcPeeringConnectionId, ...options });
  const words = (side: string) =>
    `${side}'s VPC Peering connection options cannot be modified for a different region`;
  refuses("OperationNotPermitted", modify(east, { AccepterPeeringConnectionOptions: on }), words("Accepter"));
  refuses(
    "OperationNotPermitted",
    modify(west, { RequesterPeeringConnectionOptions: on }),
    words("Requester"),
  );
  const classic = {
    RequesterPeeringConnectionOptions: { ...on, AllowEgressFromLocalVpcToRemoteClassicLink: false },
  };
  refuses(
    "OperationNotPermitted",
    modify(east, classic),
    /is not supported for cross-region VPC peering connections$/,
  );
  modify(east, { RequesterPeeringConnectionOptions: on })();
  for (const region of [east, west]) {
    const { AccepterVpcInfo, RequesterVpcInfo } = now(region, id);
    const set = [RequesterVpcInfo, AccepterVpcInfo].map(
      (side) => side?.PeeringOptions?.AllowDnsResolutionFromRemoteVpc,
    );
    assert.deepEqual(set, [true, false]);
  }
});

test("routes of both regions lead to it, and are blackholes together", () => {
  const { east, west, vpcId, peerId, VpcPeeringConnectionId } = pair();
  const route = (region: TestRegion, VpcId: string, DestinationCidrBlock: string) => {
    const RouteTableId = must(
      region.call(routeTableActions.CreateRouteTable, { VpcId }).RouteTable?.RouteTableId,
    );
    region.call(routeActions.CreateRoute, { RouteTableId, DestinationCidrBlock, VpcPeeringConnectionId });
    return () =>
      region.call(routeTableActions.DescribeRouteTables, { RouteTableIds: [RouteTableId] }).RouteTables?.[0]
        ?.Routes?.[1]?.State;
  };
  const states = [route(east, vpcId, "10.1.0.0/16"), route(west, peerId, "10.0.0.0/16")];
  const all = () => states.map((state) => state());
  assert.deepEqual(all(), ["blackhole", "blackhole"]);
  west.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId });
  assert.deepEqual(all(), ["active", "active"]);
  for (const [region, VpcId] of [
    [east, vpcId],
    [west, peerId],
  ] as const)
    refuses("DependencyViolation", () => region.call(vpcDeleteActions.DeleteVpc, { VpcId }));
  west.call(DeleteVpcPeeringConnection, { VpcPeeringConnectionId });
  assert.deepEqual(all(), ["blackhole", "blackhole"]);
});

test("peers of two regions take no blocks that overlap; the accepter's overlap fails the request in both", () => {
  const { east, west, vpcId, peerId, id, VpcPeeringConnectionId } = pair("10.30.0.0/16", "10.31.0.0/16");
  const add = (region: TestRegion, VpcId: string, CidrBlock: string) => () =>
    region.call(vpcCidrBlockActions.AssociateVpcCidrBlock, { VpcId, CidrBlock });
  refuses("OperationNotPermitted", add(east, vpcId, "10.40.0.0/16"), /not accepted yet/);
  add(west, peerId, "10.41.0.0/16")();
  west.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId });
  refuses(
    "InvalidVpc.Range",
    add(west, peerId, "10.30.128.0/20"),
    new RegExp(`CIDR block of ${vpcId}, to which ${id} leads`),
  );
  refuses("InvalidVpc.Range", add(east, vpcId, "10.41.7.0/24"));
  add(west, peerId, "10.42.0.0/16")();
  const blocks = ["10.31.0.0/16", "10.41.0.0/16", "10.42.0.0/16"].map((CidrBlock) => ({ CidrBlock }));
  for (const region of [east, west]) assert.deepEqual(now(region, id).AccepterVpcInfo?.CidrBlockSet, blocks);
  const third = newVpc(west, "10.32.0.0/16");
  const second = asked(east, vpcId, third);
  add(west, third, "10.30.1.0/24")();
  for (const region of [east, west]) assert.equal(now(region, second).Status?.Code, "failed");
});

test("one live connection between them, quotas of both sides, and no groups across", () => {
  const base = newRegion().context().quotas;
  const east = newRegion({ quotas: { ...base, "vpc-peering-connections-per-vpc": 1 } });
  const west = east.elsewhere(WEST);
  const [a, b] = [newVpc(east, "10.0.0.0/16"), newVpc(east, "10.1.0.0/16")];
  const [c, d] = [newVpc(west, "10.2.0.0/16"), newVpc(west, "10.3.0.0/16")];
  const first = asked(east, a, c);
  refuses("VpcPeeringConnectionAlreadyExists", () => asked(west, c, a, EAST));
  west.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId: first });
  // The requester has one already, which only its own region knows of.
  const second = asked(east, b, d);
  west.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId: second });
  const third = asked(east, a, d);
  refuses("VpcPeeringConnectionsPerVpcLimitExceeded", () =>
    west.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId: third }),
  );
  const group = (region: TestRegion, vpcId: string) =>
    must(region.reader().get("vpc", vpcId)).defaultSecurityGroupId;
  const IpPermissions = [
    { IpProtocol: "-1", UserIdGroupPairs: [{ GroupId: group(west, c), VpcPeeringConnectionId: first }] },
  ];
  const name = () =>
    east.call(securityGroupRuleActions.AuthorizeSecurityGroupIngress, {
      GroupId: group(east, a),
      IpPermissions,
    });
  refuses("InvalidGroup.NotFound", name);
});

test("a request that nobody answers expires in both regions, and is forgotten in each", () => {
  const { east, west, id } = pair();
  east.advance(168 * HOUR);
  for (const region of [east, west]) assert.equal(now(region, id).Status?.Code, "expired");
  east.change(purgeVpcPeeringConnections);
  for (const region of [east, west]) assert.equal(now(region, id).Status?.Code, "expired");
  east.advance(49 * HOUR);
  for (const region of [west, east]) {
    region.change(purgeVpcPeeringConnections);
    assert.deepEqual(known(region), []);
  }
});
