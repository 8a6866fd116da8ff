import assert from "node:assert/strict";
import { test } from "node:test";
import { routeTableActions } from "../route/route-table.ts";
import { routeActions } from "../route/route.ts";
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

function newVpc(region: TestRegion, CidrBlock: string): string {
  return must(region.call(vpcCreateActions.CreateVpc, { CidrBlock }).Vpc?.VpcId);
}

function asked(region: TestRegion, VpcId: string, PeerVpcId: string): string {
  return must(
    region.call(CreateVpcPeeringConnection, { VpcId, PeerVpcId }).VpcPeeringConnection
      ?.VpcPeeringConnectionId,
  );
}

function now(region: TestRegion, id: string) {
  return must(
    region.call(DescribeVpcPeeringConnections, { VpcPeeringConnectionIds: [id] }).VpcPeeringConnections?.[0],
  );
}

function pair() {
  const region = newRegion({ quotas: { ...newRegion().context().quotas, vpcs: 100 } });
  const vpcId = newVpc(region, "10.0.0.0/16");
  const peerId = newVpc(region, "10.1.0.0/16");
  return { region, vpcId, peerId, id: asked(region, vpcId, peerId) };
}

test("a request: initiating, pending, provisioning, active; the accepter's blocks show once it is accepted", () => {
  const region = newRegion();
  const VpcId = newVpc(region, "10.0.0.0/16");
  const PeerVpcId = newVpc(region, "10.1.0.0/16");
  const tags = [{ Key: "a", Value: "b" }];
  const made = must(
    region.call(CreateVpcPeeringConnection, {
      VpcId,
      PeerVpcId,
      PeerOwnerId: ACCOUNT,
      PeerRegion: "us-east-1",
      TagSpecifications: [{ ResourceType: "vpc-peering-connection", Tags: tags }],
    }).VpcPeeringConnection,
  );
  assert.deepEqual(made.Status, { Code: "initiating-request", Message: `Initiating Request to ${ACCOUNT}` });
  assert.deepEqual(made.ExpirationTime, new Date("2026-01-08T00:00:00.000Z"));
  const id = must(made.VpcPeeringConnectionId);
  const pending = now(region, id);
  assert.deepEqual(pending.Status, {
    Code: "pending-acceptance",
    Message: `Pending Acceptance by ${ACCOUNT}`,
  });
  assert.deepEqual(pending.AccepterVpcInfo, { OwnerId: ACCOUNT, VpcId: PeerVpcId, Region: "us-east-1" });
  assert.equal(pending.RequesterVpcInfo?.CidrBlock, "10.0.0.0/16");
  assert.deepEqual(pending.Tags, tags);
  const accepted = region.call(AcceptVpcPeeringConnection, {
    VpcPeeringConnectionId: id,
  }).VpcPeeringConnection;
  assert.deepEqual(accepted?.Status, { Code: "provisioning", Message: "Provisioning" });
  const active = now(region, id);
  assert.deepEqual(active.Status, { Code: "active", Message: "Active" });
  assert.deepEqual(active.AccepterVpcInfo?.CidrBlockSet, [{ CidrBlock: "10.1.0.0/16" }]);
  assert.equal(active.ExpirationTime, undefined);
});

test("overlapping blocks, and a VPC with itself, fail; a connection that ended is not accepted, rejected or deleted", () => {
  const region = newRegion();
  const vpcId = newVpc(region, "10.0.0.0/16");
  const inside = newVpc(region, "10.0.128.0/20");
  for (const peer of [inside, vpcId]) {
    const VpcPeeringConnectionId = asked(region, vpcId, peer);
    const Message = "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range";
    assert.deepEqual(now(region, VpcPeeringConnectionId).Status, { Code: "failed", Message });
    for (const [action, wanted] of [
      [AcceptVpcPeeringConnection, "provisioning"],
      [RejectVpcPeeringConnection, "rejected"],
      [DeleteVpcPeeringConnection, "deleting"],
    ] as const) {
      const words = `Invalid state transition for ${VpcPeeringConnectionId}, attempted to transition from failed to ${wanted}`;
      refuses(
        "InvalidStateTransition",
        () => region.call<{ VpcPeeringConnectionId: string }, unknown>(action, { VpcPeeringConnectionId }),
        words,
      );
    }
  }
});

test("rejected and deleted say who did it, and are described for a while", () => {
  for (const [action, code, hours] of [
    [RejectVpcPeeringConnection, "rejected", 48],
    [DeleteVpcPeeringConnection, "deleted", 2],
  ] as const) {
    const { region, id } = pair();
    region.call(action, { VpcPeeringConnectionId: id });
    const words = `${code === "deleted" ? "Deleted" : "Rejected"} by ${ACCOUNT}`;
    assert.deepEqual(now(region, id).Status, { Code: code, Message: words });
    region.advance(hours * HOUR - 1);
    region.change(purgeVpcPeeringConnections);
    assert.equal(now(region, id).Status?.Code, code);
    region.advance(1);
    region.change(purgeVpcPeeringConnections);
    refuses(
      "InvalidVpcPeeringConnectionID.NotFound",
      () => now(region, id),
      `The vpcPeeringConnection ID '${id}' does not exist`,
    );
  }
});

test("a request that nobody answers in 168 hours has expired, swept or not", () => {
  const { region, id, vpcId, peerId } = pair();
  region.advance(168 * HOUR - 1);
  assert.equal(now(region, id).Status?.Code, "pending-acceptance");
  region.advance(1);
  assert.deepEqual(now(region, id).Status, { Code: "expired", Message: "Expired" });
  refuses("InvalidStateTransition", () =>
    region.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId: id }),
  );
  region.change(purgeVpcPeeringConnections);
  assert.equal(region.reader().get("vpc-peering-connection", id)?.status, "expired");
  assert.notEqual(asked(region, vpcId, peerId), id);
});

test("one live connection between two VPCs, whoever asks; none with other accounts and unknown VPCs", () => {
  const { region, vpcId, peerId, id } = pair();
  refuses("VpcPeeringConnectionAlreadyExists", () => asked(region, peerId, vpcId));
  region.call(DeleteVpcPeeringConnection, { VpcPeeringConnectionId: id });
  asked(region, peerId, vpcId);
  refuses("InvalidVpcID.NotFound", () => asked(region, vpcId, "vpc-0123456789abcdef0"));
  refuses("MissingParameter", () => region.call(CreateVpcPeeringConnection, { VpcId: vpcId }));
  const foreign = (more: object) => () =>
    region.call(CreateVpcPeeringConnection, { VpcId: vpcId, PeerVpcId: peerId, ...more });
  refuses("UnsupportedOperation", foreign({ PeerOwnerId: "999999999999" }));
  refuses("InvalidVpcPeeringConnectionId.Malformed", () => now(region, "pcx-nothing"));
});

test("quotas: requests outstanding, and active connections of either VPC", () => {
  const base = newRegion().context().quotas;
  const quotas = { ...base, "outstanding-vpc-peering-connections": 1, "vpc-peering-connections-per-vpc": 1 };
  const region = newRegion({ quotas });
  const [a = "", b = "", c = ""] = [0, 1, 2].map((n) => newVpc(region, `10.${n}.0.0/16`));
  const first = asked(region, a, b);
  refuses("OutstandingVpcPeeringConnectionLimitExceeded", () => asked(region, a, c));
  region.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId: first });
  const second = asked(region, a, c);
  refuses("VpcPeeringConnectionsPerVpcLimitExceeded", () =>
    region.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId: second }),
  );
});

test("a route to it is a blackhole until it is accepted and after it is deleted; other VPCs' tables can't name it", () => {
  const { region, vpcId: VpcId, id } = pair();
  const RouteTableId = must(
    region.call(routeTableActions.CreateRouteTable, { VpcId }).RouteTable?.RouteTableId,
  );
  const route = { RouteTableId, DestinationCidrBlock: "10.1.0.0/16", VpcPeeringConnectionId: id };
  region.call(routeActions.CreateRoute, route);
  const state = () =>
    region.call(routeTableActions.DescribeRouteTables, { RouteTableIds: [RouteTableId] }).RouteTables?.[0]
      ?.Routes?.[1]?.State;
  assert.equal(state(), "blackhole");
  region.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId: id });
  assert.equal(state(), "active");
  const other = newVpc(region, "10.7.0.0/16");
  const foreign = must(
    region.call(routeTableActions.CreateRouteTable, { VpcId: other }).RouteTable?.RouteTableId,
  );
  refuses(
    "InvalidParameterValue",
    () => region.call(routeActions.CreateRoute, { ...route, RouteTableId: foreign }),
    /different networks$/,
  );
  region.call(DeleteVpcPeeringConnection, { VpcPeeringConnectionId: id });
  assert.equal(state(), "blackhole");
  const again = { ...route, DestinationCidrBlock: "10.1.1.0/24" };
  refuses("InvalidVpcPeeringConnectionID.NotFound", () => region.call(routeActions.CreateRoute, again));
});

test("a VPC with a live connection can't be deleted; with a dead one it can", () => {
  const { region, vpcId, peerId, id } = pair();
  for (const VpcId of [vpcId, peerId])
    refuses("DependencyViolation", () => region.call(vpcDeleteActions.DeleteVpc, { VpcId }));
  region.call(DeleteVpcPeeringConnection, { VpcPeeringConnectionId: id });
  region.call(vpcDeleteActions.DeleteVpc, { VpcId: peerId });
  assert.equal(now(region, id).Status?.Code, "deleted");
});

test("options are for active connections, and each side has its own", () => {
  const { region, id: VpcPeeringConnectionId } = pair();
  const AccepterPeeringConnectionOptions = { AllowDnsResolutionFromRemoteVpc: true };
  const modify = () =>
    region.call(ModifyVpcPeeringConnectionOptions, {
      VpcPeeringConnectionId,
      AccepterPeeringConnectionOptions,
    });
  const words = `Peering ${VpcPeeringConnectionId} is not active. Peering options can be added only to active peerings.`;
  refuses("OperationNotPermitted", modify, words);
  region.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId });
  assert.deepEqual(modify(), { AccepterPeeringConnectionOptions });
  const { AccepterVpcInfo, RequesterVpcInfo } = now(region, VpcPeeringConnectionId);
  assert.equal(AccepterVpcInfo?.PeeringOptions?.AllowDnsResolutionFromRemoteVpc, true);
  assert.equal(RequesterVpcInfo?.PeeringOptions?.AllowDnsResolutionFromRemoteVpc, false);
  refuses("MissingParameter", () =>
    region.call(ModifyVpcPeeringConnectionOptions, { VpcPeeringConnectionId }),
  );
  const RequesterPeeringConnectionOptions = { AllowEgressFromLocalClassicLinkToRemoteVpc: true };
  refuses("UnsupportedOperation", () =>
    region.call(ModifyVpcPeeringConnectionOptions, {
      VpcPeeringConnectionId,
      RequesterPeeringConnectionOptions,
    }),
  );
});

test("filters look at both sides and at the state", () => {
  const { region, vpcId, peerId, id } = pair();
  const found = (Name: string, value: string) =>
    region
      .call(DescribeVpcPeeringConnections, { Filters: [{ Name, Values: [value] }] })
      .VpcPeeringConnections?.map((one) => one.VpcPeeringConnectionId);
  assert.deepEqual(found("requester-vpc-info.vpc-id", vpcId), [id]);
  assert.deepEqual(found("requester-vpc-info.vpc-id", peerId), []);
  assert.deepEqual(found("accepter-vpc-info.vpc-id", peerId), [id]);
  assert.deepEqual(found("accepter-vpc-info.cidr-block", "10.1.0.0/16"), []);
  assert.deepEqual(found("requester-vpc-info.cidr-block", "10.0.0.0/16"), [id]);
  region.advance(168 * HOUR);
  assert.deepEqual(found("status-code", "pending-acceptance"), []);
  assert.deepEqual(found("status-code", "expired"), [id]);
});

test("a new block must not overlap a peer's; while a request is pending, the requester's VPC takes none, and the accepter's overlap fails the request", () => {
  const region = newRegion();
  const [a, b, c] = [
    newVpc(region, "10.30.0.0/16"),
    newVpc(region, "10.31.0.0/16"),
    newVpc(region, "10.32.0.0/16"),
  ];
  const add = (VpcId: string, CidrBlock: string) => () =>
    region.call(vpcCidrBlockActions.AssociateVpcCidrBlock, { VpcId, CidrBlock });
  const id = asked(region, a, b);
  refuses("OperationNotPermitted", add(a, "10.40.0.0/16"), /not accepted yet/);
  add(b, "10.41.0.0/16")();
  region.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId: id });
  refuses(
    "InvalidVpc.Range",
    add(b, "10.30.128.0/20"),
    new RegExp(`conflicts with a CIDR block of ${a}, to which ${id} leads`),
  );
  refuses("InvalidVpc.Range", add(a, "10.41.7.0/24"));
  add(a, "10.40.0.0/16")();
  const second = asked(region, a, c);
  add(c, "10.40.1.0/24")();
  assert.deepEqual(now(region, second)?.Status?.Code, "failed");
  refuses("InvalidStateTransition", () =>
    region.call(AcceptVpcPeeringConnection, { VpcPeeringConnectionId: second }),
  );
});
