import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import {
  attachGateway,
  buildVpc,
  codeOf,
  describeInstance,
  type Genkan,
  launchInstance,
  noPackets,
  startGenkan,
  there,
  type Vpc,
} from "../kit/genkan.ts";

const SERVER =
  "#!/bin/sh\nmkdir -p /tmp/www\necho inside > /tmp/www/index.html\nexec busybox httpd -f -p 80 -h /tmp/www\n";

describe("an exchange needs gateway, route and public IP", { skip: noPackets }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan();
  });
  after(() => genkan.stop());

  const outward = async (id: string): Promise<string | undefined> => {
    const ended = await genkan.genkan("exec", id, "--", "curl", "-s", "-m", "2", "http://198.51.100.1/ip");
    return ended.status === 0 ? ended.out.trim() : undefined;
  };
  const inward = async (address: string): Promise<string | undefined> => {
    const ended = await genkan.genkan("internet", "--", "curl", "-s", "-m", "2", `http://${address}/`);
    return ended.status === 0 ? ended.out.trim() : undefined;
  };
  const explained = async (id: string): Promise<readonly string[]> => {
    const ended = await genkan.genkan("explain", id, "--json");
    const { exchanges } = JSON.parse(ended.out) as { exchanges: { hops: { ok: boolean; what: string }[] }[] };
    return [
      ...new Set(exchanges.flatMap(({ hops }) => hops.filter(({ ok }) => !ok).map(({ what }) => what))),
    ];
  };
  const drops = async (reason: string): Promise<number> => {
    const { drops } = JSON.parse((await genkan.genkan("status", "--json")).out) as {
      drops: { reason: string; packets: number }[];
    };
    return drops.filter((drop) => drop.reason === reason).reduce((sum, drop) => sum + drop.packets, 0);
  };
  /** Retries until the server that user data starts listens inside. */
  const served = async (id: string): Promise<void> => {
    const ended = await genkan.genkan(
      "exec",
      id,
      "--",
      "curl",
      "-s",
      "--retry",
      "50",
      "--retry-delay",
      "0",
      "--retry-connrefused",
      "--retry-max-time",
      "10",
      "http://127.0.0.1/",
    );
    assert.equal(ended.out.trim(), "inside");
  };

  test("with a public IP from launch, in a VPC without a gateway, adding what is missing", async () => {
    const { client } = genkan;
    const vpc = await buildVpc(client);
    const instance = await launchInstance(client, vpc, { publicIp: true, userData: SERVER });
    const id = there(instance.InstanceId);
    const address = there(instance.PublicIpAddress, "the auto-assigned address");
    await served(id);

    // Only the public IP.
    assert.equal(await outward(id), undefined);
    assert.equal(await inward(address), undefined);
    assert.ok((await drops("no_route")) > 0, "the way out has no route");
    assert.ok((await drops("no_internet_gateway")) > 0, "the way in has no gateway");
    assert.deepEqual(
      new Set((await explained(id)).slice(0, 2)),
      new Set(["no_internet_gateway", "no_route"]),
    );

    // A route to a gateway that is not attached is refused.
    const igw = there(
      (await client.send(new ec2.CreateInternetGatewayCommand({}))).InternetGateway?.InternetGatewayId,
    );
    const route = { RouteTableId: vpc.table, DestinationCidrBlock: "0.0.0.0/0", GatewayId: igw };
    assert.equal(await codeOf(client.send(new ec2.CreateRouteCommand(route))), "InvalidParameterValue");

    // Public IP and gateway: a request arrives inside, its answer drops for want of a route.
    await client.send(new ec2.AttachInternetGatewayCommand({ InternetGatewayId: igw, VpcId: vpc.vpc }));
    const before = await drops("no_route");
    assert.equal(await inward(address), undefined);
    assert.ok((await drops("no_route")) > before, "the answer drops");
    const seen = await genkan.genkan("exec", id, "--", "sh", "-c", "cat /proc/net/tcp /proc/net/tcp6");
    assert.match(
      seen.out,
      /016433C6:[0-9A-F]{4} 03 /,
      "the request from 198.51.100.1 arrived: a half-open connection stands",
    );
    assert.equal(await outward(id), undefined);
    assert.deepEqual(await explained(id), ["no_route"]);

    // All three.
    await client.send(new ec2.CreateRouteCommand(route));
    assert.equal(await outward(id), address);
    assert.equal(await inward(address), "inside");
    assert.deepEqual(await explained(id), []);

    // Taking the route away stops it from the answer on; giving it back restores it.
    await client.send(
      new ec2.DeleteRouteCommand({ RouteTableId: vpc.table, DestinationCidrBlock: "0.0.0.0/0" }),
    );
    assert.equal(await outward(id), undefined);
    assert.deepEqual(await explained(id), ["no_route"]);
    await client.send(new ec2.CreateRouteCommand(route));
    assert.equal(await outward(id), address);

    // The gateway can't go while a public address is mapped; once the instance stops, its auto-assigned
    // address is gone.
    const detach = new ec2.DetachInternetGatewayCommand({ InternetGatewayId: igw, VpcId: vpc.vpc });
    assert.equal(await codeOf(client.send(detach)), "DependencyViolation");
    await client.send(new ec2.StopInstancesCommand({ InstanceIds: [id] }));
    await ec2.waitUntilInstanceStopped(
      { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
      { InstanceIds: [id] },
    );
    assert.equal((await describeInstance(client, id)).PublicIpAddress, undefined);
    await client.send(detach);
    const table = await client.send(new ec2.DescribeRouteTablesCommand({ RouteTableIds: [vpc.table] }));
    assert.equal(table.RouteTables?.[0]?.Routes?.find((r) => r.GatewayId === igw)?.State, "blackhole");

    // Started again: a route that is a blackhole and a public IP, no gateway.
    await client.send(new ec2.StartInstancesCommand({ InstanceIds: [id] }));
    await ec2.waitUntilInstanceRunning(
      { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
      { InstanceIds: [id] },
    );
    assert.equal(await outward(id), undefined);
    assert.ok((await drops("no_internet_gateway")) > 0);
    assert.deepEqual(await explained(id), ["no_internet_gateway"]);
  });

  test("with gateway and route, the public IP comes and goes", async () => {
    const { client } = genkan;
    const vpc: Vpc = await buildVpc(client);
    const instance = await launchInstance(client, vpc, { userData: SERVER });
    const id = there(instance.InstanceId);
    await served(id);

    // Nothing at all; and an Elastic IP can't be associated without an attached gateway.
    assert.equal(await outward(id), undefined);
    const elastic = await client.send(new ec2.AllocateAddressCommand({ Domain: "vpc" }));
    const associate = new ec2.AssociateAddressCommand({
      AllocationId: there(elastic.AllocationId),
      InstanceId: id,
    });
    assert.equal(await codeOf(client.send(associate)), "Gateway.NotAttached");

    // Only the gateway, then gateway and route.
    const igw = await attachGateway(client, vpc.vpc);
    assert.equal(await outward(id), undefined);
    await client.send(
      new ec2.CreateRouteCommand({
        RouteTableId: vpc.table,
        DestinationCidrBlock: "0.0.0.0/0",
        GatewayId: igw,
      }),
    );
    const before = await drops("no_public_ip");
    assert.equal(await outward(id), undefined);
    assert.ok((await drops("no_public_ip")) > before);
    assert.equal(await inward(there(elastic.PublicIp)), undefined);
    assert.deepEqual(await explained(id), ["no_public_ip", "no_public_address"]);

    // All three, and back.
    const association = await client.send(associate);
    assert.equal(await outward(id), elastic.PublicIp);
    assert.equal(await inward(there(elastic.PublicIp)), "inside");
    await client.send(
      new ec2.DisassociateAddressCommand({ AssociationId: there(association.AssociationId) }),
    );
    assert.equal(await outward(id), undefined);
    assert.equal(await inward(there(elastic.PublicIp)), undefined);
    await client.send(associate);
    assert.equal(await outward(id), elastic.PublicIp);
  });

  test("what AWS refuses is refused", async () => {
    const { client } = genkan;
    const vpc = await buildVpc(client);
    const igw = await attachGateway(client, vpc.vpc);
    const second = there(
      (await client.send(new ec2.CreateInternetGatewayCommand({}))).InternetGateway?.InternetGatewayId,
    );
    assert.equal(
      await codeOf(
        client.send(new ec2.AttachInternetGatewayCommand({ InternetGatewayId: second, VpcId: vpc.vpc })),
      ),
      "InvalidParameterValue",
    );
    assert.equal(
      await codeOf(
        client.send(new ec2.AttachInternetGatewayCommand({ InternetGatewayId: igw, VpcId: vpc.vpc })),
      ),
      "Resource.AlreadyAssociated",
    );
    assert.equal(
      await codeOf(client.send(new ec2.DeleteInternetGatewayCommand({ InternetGatewayId: igw }))),
      "DependencyViolation",
    );
    assert.equal(
      await codeOf(client.send(new ec2.DeleteVpcCommand({ VpcId: vpc.vpc }))),
      "DependencyViolation",
    );
  });
});
