import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { tracePacket } from "../../src/answers/trace-packet.ts";
import type { Paint } from "../../src/cli/paint.ts";
import { walkLines } from "../../src/cli/trace-packet.ts";
import { present } from "../../src/lib/assert.ts";
import type { PacketTrace } from "../../src/protocol/trace.ts";
import { idsIn } from "../../src/reach/ids.ts";
import type { Language } from "../../src/words/language.ts";
import { type Scene, scene } from "../kit/scene.ts";

const INTERNET = "198.51.100.1";
const same = (text: string): string => text;
const PLAIN: Paint = { good: same, bad: same, faint: same, strong: same };

function walked(s: Scene, to: string): PacketTrace {
  const tables = s.tables();
  const readers = [s.region.reader()];
  return tracePacket({ tables, ids: idsIn(readers), sender: [s.eni(s.web.eni)], question: { to } });
}

function lines(s: Scene, to: string, language: Language): string {
  return walkLines(walked(s, to), language, PLAIN).join("\n");
}

/** A peered VPC 10.9.0.0/16, in which nobody is, with the route to it. */
function withPeer(s: Scene): { readonly vpc: string; readonly connection: string } {
  s.ec2("CreateVpc", { CidrBlock: "10.9.0.0/16" });
  const vpc = present(
    s.region
      .reader()
      .list("vpc")
      .find(({ id }) => id !== s.vpc),
    "the peer",
  ).id;
  s.ec2("CreateVpcPeeringConnection", { VpcId: s.vpc, PeerVpcId: vpc });
  const connection = present(s.region.reader().list("vpc-peering-connection")[0], "the connection").id;
  s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: connection });
  s.ec2("CreateRoute", {
    RouteTableId: s.table,
    DestinationCidrBlock: "10.9.0.0/16",
    VpcPeeringConnectionId: connection,
  });
  return { vpc, connection };
}

describe("a packet's way in words", () => {
  test("an active peering route goes by its connection's id, and what is no address of the peer VPC is told as such", () => {
    const s = scene();
    const { vpc, connection } = withPeer(s);
    const english = lines(s, "10.9.1.7:80", "en");
    assert.match(english, new RegExp(`routes ${s.table} 10\\.9\\.0\\.0/16: ${connection}\\n`));
    assert.match(english, new RegExp(`✗ route table: 10\\.9\\.1\\.7 is no address of the peer VPC ${vpc}`));
    assert.match(
      english,
      new RegExp(
        `✗ dropped: no_such_private_address: 10\\.9\\.1\\.7 is no address of the peer VPC ${vpc}, and a peering connection carries packets to no other$`,
      ),
    );
    assert.match(
      lines(s, "10.9.1.7:80", "ja"),
      new RegExp(`10\\.9\\.1\\.7 はピアリング先の VPC ${vpc} のアドレスではない`),
    );
    assert.match(
      lines(s, "10.0.2.99", "en"),
      /dropped: no_such_private_address: nobody in the VPC has this private address$/,
    );
  });

  test("a route to a NAT gateway goes by the gateway's id", () => {
    const s = scene();
    const AllocationId = s.ec2("AllocateAddress", {})["AllocationId"];
    s.ec2("CreateNatGateway", { SubnetId: s.otherSubnet, AllocationId });
    const nat = present(s.region.reader().list("nat-gateway")[0], "the gateway").id;
    s.ec2("CreateRoute", { RouteTableId: s.table, DestinationCidrBlock: "192.0.2.0/24", NatGatewayId: nat });
    assert.match(
      lines(s, "192.0.2.7", "en"),
      new RegExp(`the route table sends 192\\.0\\.2\\.7 to ${nat} \\(`),
    );
  });

  test("no ACL guards the subnet of a regional NAT gateway, which no other subnet is", () => {
    const s = scene();
    s.ec2("CreateNatGateway", { VpcId: s.vpc, AvailabilityMode: "regional" });
    const nat = present(s.region.reader().list("nat-gateway")[0], "the gateway").id;
    s.ec2("CreateRoute", { RouteTableId: s.table, DestinationCidrBlock: "192.0.2.0/24", NatGatewayId: nat });
    assert.match(
      lines(s, "192.0.2.7", "en"),
      /✓ network ACL, inbound: no network ACL guards the subnet of a regional NAT gateway\n/,
    );
    assert.match(lines(s, s.other.privateIp, "en"), /✓ network ACL, inbound: the network ACL lets it in: /);
  });

  test("it passes, and that only the answer is blocked is told", () => {
    const s = scene();
    assert.equal(walked(s, INTERNET).answerDropped, undefined);
    assert.equal(walked(s, s.other.privateIp).answerDropped, undefined);
    s.ec2("ModifyVpcBlockPublicAccessOptions", { InternetGatewayBlockMode: "block-ingress" });
    const { verdict, answerDropped } = walked(s, INTERNET);
    assert.deepEqual([verdict, answerDropped], ["passed", "block_public_access"]);
    assert.match(
      lines(s, INTERNET, "en"),
      /\n! but the answer would be dropped: block_public_access: VPC Block Public Access blocks it at the internet gateway$/,
    );
    assert.match(lines(s, INTERNET, "ja"), /\n! ただし応答は破棄される: block_public_access: /);
  });

  test("an ACL that lets no answers in is told, too", () => {
    const s = scene();
    s.ec2("DeleteNetworkAclEntry", { NetworkAclId: s.acl, RuleNumber: 100, Egress: false });
    assert.deepEqual(
      [walked(s, INTERNET).verdict, walked(s, INTERNET).answerDropped],
      ["passed", "network_acl_in"],
    );
  });
});
