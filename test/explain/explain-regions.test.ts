/** What `genkan explain` and `trace --to` say of ends in two regions, and what the commands make of them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { bootDone } from "../../src/actions/instance/instance-lifecycle.ts";
import type { TestRegion } from "../../src/actions/test-region.ts";
import { tracePacket } from "../../src/answers/trace-packet.ts";
import type { Paint } from "../../src/cli/paint.ts";
import { walkLines } from "../../src/cli/trace-packet.ts";
import { memoryTables } from "../../src/contract/memory-tables.ts";
import { present } from "../../src/lib/assert.ts";
import type { Reader } from "../../src/model/state.ts";
import { fullPlan } from "../../src/plan/compile.ts";
import { idsIn } from "../../src/reach/ids.ts";
import { type Asking, asked, commandsIn, mended, wrong } from "../kit/explain.ts";
import { scene, type Scene, SETTINGS } from "../kit/scene.ts";

const same = (text: string): string => text;
const PLAIN: Paint = { good: same, bad: same, faint: same, strong: same };
const WEST = "us-west-2";

type Ground = {
  readonly s: Scene;
  readonly west: TestRegion;
  /** The route table of the first subnet. */
  readonly own: string;
  readonly asking: Asking;
  readonly connection: string;
  readonly table: string;
  readonly group: string;
  readonly peer: { readonly id: string; readonly eni: string; readonly ip: string };
};

function made(answer: unknown, prefix: string): string {
  return present(new RegExp(`"(${prefix}-[0-9a-f]{17})"`).exec(JSON.stringify(answer))?.[1], prefix);
}

/**
 * The scene in us-east-1, and in us-west-2 a VPC 10.9.0.0/16 with a running instance, with which a connection
 * is asked for.
 */
function ground(): Ground {
  const s = scene();
  // A table of its own: a route more is nobody else's concern.
  const own = made(s.ec2("CreateRouteTable", { VpcId: s.vpc }), "rtb");
  s.ec2("CreateRoute", { RouteTableId: own, DestinationCidrBlock: "0.0.0.0/0", GatewayId: s.gateway });
  s.ec2("AssociateRouteTable", { RouteTableId: own, SubnetId: s.subnet });
  const west = s.region.elsewhere(WEST);
  const vpc = made(west.perform("CreateVpc", { CidrBlock: "10.9.0.0/16" }), "vpc");
  const subnet = made(west.perform("CreateSubnet", { VpcId: vpc, CidrBlock: "10.9.1.0/24" }), "subnet");
  const launch = { ImageId: "ami-0123456789abcdef0", MinCount: 1, MaxCount: 1, SubnetId: subnet };
  const id = made(west.perform("RunInstances", launch), "i");
  west.change((tx, context) => bootDone(tx, id, context));
  const eni = present(west.reader().by("network-interface", "instanceId", id)[0], "its interface");
  const record = present(west.reader().get("vpc", vpc), vpc);
  const { reader, begin, change } = s.region;
  return {
    s,
    west,
    own,
    asking: {
      reader,
      begin,
      change,
      context: s.region.context(),
      settings: SETTINGS,
      others: () => new Map([[WEST, west.reader()]]),
    },
    connection: made(
      s.ec2("CreateVpcPeeringConnection", { VpcId: s.vpc, PeerVpcId: vpc, PeerRegion: WEST }),
      "pcx",
    ),
    table: record.mainRouteTable.routeTableId,
    group: record.defaultSecurityGroupId,
    peer: { id, eni: eni.id, ip: present(eni.privateIpAddresses[0], "its address") },
  };
}

test("a peer of another region: what stands in the way in either, and commands for each region", () => {
  for (const name of ["id", "ip"] as const) {
    const { s, own, asking, connection, table, group, peer } = ground();
    const question = { to: peer[name], direction: "out" };
    const answer = asked(asking, s.web.id, question);
    const exchange = present(answer.exchanges[0], "the exchange");
    assert.deepEqual([exchange.server, exchange.destination], [peer.id, peer.ip]);
    assert.deepEqual(wrong(exchange), ["private_destination", "security_group_in", "no_route"]);
    assert.deepEqual(
      exchange.hops.filter(({ ok }) => !ok).map(({ id }) => id),
      [s.gateway, group, table],
    );
    assert.deepEqual(commandsIn(answer), [
      `aws ec2 accept-vpc-peering-connection --vpc-peering-connection-id ${connection} --region ${WEST}`,
      `aws ec2 create-route --route-table-id ${own} --destination-cidr-block 10.9.0.0/16 --vpc-peering-connection-id ${connection} --region us-east-1`,
      `aws ec2 authorize-security-group-ingress --group-id ${group} --protocol tcp --port 80 --cidr ${s.web.privateIp}/32 --region ${WEST}`,
      `aws ec2 create-route --route-table-id ${table} --destination-cidr-block 10.0.0.0/16 --vpc-peering-connection-id ${connection} --region ${WEST}`,
    ]);
    assert.deepEqual(mended(asking, s.web.id, question).exchanges.map(wrong), [[]]);
  }
});

test("asked from the accepter's side, the same is mended from there", () => {
  const { s, west, asking, connection, peer } = ground();
  const { reader, begin, change } = west;
  const others = (): ReadonlyMap<string, Reader> => new Map([["us-east-1", s.region.reader()]]);
  const fromWest: Asking = { ...asking, reader, begin, change, context: west.context(), others };
  const question = { to: s.web.privateIp, direction: "out" };
  const answer = asked(fromWest, peer.id, question);
  assert.ok(
    commandsIn(answer).includes(
      `aws ec2 accept-vpc-peering-connection --vpc-peering-connection-id ${connection} --region ${WEST}`,
    ),
  );
  assert.deepEqual(mended(fromWest, peer.id, question).exchanges.map(wrong), [[]]);
});

test("without a connection, ends in two regions meet by their public addresses", () => {
  const { s, west, asking, connection } = ground();
  west.perform("DeleteVpcPeeringConnection", { VpcPeeringConnectionId: connection });
  const vpc = made(west.perform("CreateVpc", { CidrBlock: "10.8.0.0/16" }), "vpc");
  const subnet = made(west.perform("CreateSubnet", { VpcId: vpc, CidrBlock: "10.8.1.0/24" }), "subnet");
  const NetworkInterfaces = [{ DeviceIndex: 0, SubnetId: subnet, AssociatePublicIpAddress: true }];
  const id = made(
    west.perform("RunInstances", {
      ImageId: "ami-0123456789abcdef0",
      MinCount: 1,
      MaxCount: 1,
      NetworkInterfaces,
    }),
    "i",
  );
  west.change((tx, context) => bootDone(tx, id, context));
  const publicIp = present(
    west.reader().by("network-interface", "instanceId", id)[0]?.autoPublicIp,
    "its public address",
  );
  for (const to of [id, publicIp]) {
    const question = { to, direction: "out" };
    const [exchange] = asked(asking, s.web.id, question).exchanges;
    assert.equal(exchange?.destination, publicIp);
    assert.deepEqual(wrong(present(exchange, "the exchange")), [
      "no_internet_gateway",
      "security_group_in",
      "no_route",
    ]);
    if (to === publicIp) assert.deepEqual(mended(asking, s.web.id, question).exchanges.map(wrong), [[]]);
  }
});

test("a traced packet goes by the connection's id, and comes to the other region's interface", () => {
  const { s, west, own, connection, group, table, peer } = ground();
  west.perform("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: connection });
  const route = { VpcPeeringConnectionId: connection };
  s.ec2("CreateRoute", { ...route, RouteTableId: own, DestinationCidrBlock: "10.9.0.0/16" });
  west.perform("CreateRoute", { ...route, RouteTableId: table, DestinationCidrBlock: "10.0.0.0/16" });
  const IpPermissions = [
    { IpProtocol: "tcp", FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: "10.0.0.0/16" }] },
  ];
  west.perform("AuthorizeSecurityGroupIngress", { GroupId: group, IpPermissions });
  const readers = [s.region.reader(), west.reader()];
  const tables = memoryTables(fullPlan(readers, SETTINGS));
  const ids = idsIn(readers);
  const question = { to: `${peer.ip}:80` };
  const lines = walkLines(
    tracePacket({ tables, ids, sender: [s.eni(s.web.eni)], question }),
    "en",
    PLAIN,
  ).join("\n");
  assert.match(lines, new RegExp(`routes ${own} 10\\.9\\.0\\.0/16: ${connection}\\n`));
  assert.match(lines, new RegExp(`✓[^\\n]*${peer.id}`));
  assert.ok(lines.includes(`${group} in`), "the other region's group is named");
});
