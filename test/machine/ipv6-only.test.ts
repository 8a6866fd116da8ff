import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceNow, launchedRunning } from "../../src/actions/test-launch.ts";
import { must, newRegion } from "../../src/actions/test-region.ts";
import { subnetCreateActions } from "../../src/actions/vpc/subnet-create.ts";
import { vpcCreateActions } from "../../src/actions/vpc/vpc-create.ts";
import { metadataOf, readMetadata } from "../../src/host/metadata.ts";
import { interfaceLines } from "../../src/host/network-interface.ts";
import { fullPlan } from "../../src/plan/compile.ts";
import { instancePlan } from "../../src/plan/instance.ts";
import { lint } from "../../src/plan/lint.ts";
import type { PlanSettings } from "../../src/plan/settings.ts";

const SETTINGS: PlanSettings = {
  pools: ["203.0.113.0/24"],
  uplink: 2,
  services: 3,
  fragments: 5,
  uplinkMac: "02:00:00:00:00:02",
  uplinkPeerMac: "02:00:00:00:00:12",
  servicesMac: "02:00:00:00:00:03",
  servicesPeerMac: "02:00:00:00:00:13",
  connectionLimit: 100,
};

test("an instance in an IPv6-only subnet: tables in order, no IPv4 inside it, its addresses in the metadata", () => {
  const region = newRegion();
  const { Vpc } = region.call(vpcCreateActions.CreateVpc, {
    CidrBlock: "10.0.0.0/16",
    AmazonProvidedIpv6CidrBlock: true,
  });
  const vpcBlock = must(Vpc?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock);
  const Ipv6CidrBlock = vpcBlock.replace("/56", "/64");
  const { Subnet } = region.call(subnetCreateActions.CreateSubnet, {
    VpcId: Vpc?.VpcId,
    Ipv6Native: true,
    Ipv6CidrBlock,
  });
  const id = launchedRunning(region, { SubnetId: must(Subnet?.SubnetId) });
  const reader = region.reader();
  const rows = fullPlan([reader], SETTINGS);
  assert.deepEqual(lint(rows), []);
  assert.deepEqual(
    rows.filter((row) => row.table === "addresses").map(({ key }) => key.address),
    [instanceNow(region, id).Ipv6Address],
    "it has no IPv4 address",
  );
  const instance = must(reader.get("instance", id));
  const plan = instancePlan(reader, instance, "us-east-1");
  assert.equal(plan.hostname, id);
  assert.equal(plan.dnsDomain, "ec2.internal");
  const address = instanceNow(region, id).Ipv6Address;
  assert.deepEqual(
    plan.interfaces.map((spec) => interfaceLines(spec)),
    [
      {
        ipv4: ["link set eth0 up"],
        // The router is a neighbour for good: nothing that an instance does can push it out of the machine's
        // table.
        ipv6: [
          `addr replace ${address}/128 dev eth0 nodad`,
          "neigh replace fe80::1 lladdr 02:67:6b:00:00:01 dev eth0 nud permanent",
          "route replace ::/0 via fe80::1 dev eth0",
        ],
      },
    ],
  );
  assert.deepEqual(plan.dnsServers, ["fd00:ec2::253"]);
  const [eni] = reader.by("network-interface", "instanceId", id);
  const [vpc, subnet] = [
    must(reader.get("vpc", instance.vpcId)),
    must(reader.get("subnet", instance.subnetId)),
  ];
  const asker = {
    reader,
    account: "123456789012",
    region: "us-east-1",
    eni: must(eni),
    vpc,
    subnet,
    instance,
  };
  const told = (path: string) => readMetadata(metadataOf(asker), `meta-data/${path}`);
  const folder = `network/interfaces/macs/${must(eni).macAddress}`;
  assert.equal(told(`${folder}/ipv6s`), instanceNow(region, id).Ipv6Address);
  assert.equal(told("ipv6"), instanceNow(region, id).Ipv6Address);
  assert.equal(told(`${folder}/subnet-ipv6-cidr-blocks`), Ipv6CidrBlock);
  assert.equal(told(`${folder}/vpc-ipv6-cidr-blocks`), vpcBlock);
  assert.deepEqual(
    [told("local-ipv4"), told(`${folder}/local-ipv4s`), told("local-hostname")],
    [undefined, undefined, `${id}.ec2.internal`],
  );
});
