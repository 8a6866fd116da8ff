import { DescribeInstancesCommand, type EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import * as ec2 from "@aws-sdk/client-ec2";
import { DEMO } from "../words/demo.ts";
import { type Language, say, type Words } from "../words/language.ts";
import { reasonText } from "../words/trace-text.ts";
import type { Paint } from "./paint.ts";

/** What one attempt to exchange packets came to. */
export type Attempt = { readonly passed: boolean; readonly seen: string; readonly reason: string };

export type DemoTools = {
  readonly client: EC2Client;
  readonly language: Language;
  readonly paint: Paint;
  readonly print: (line: string) => void;
  /** From inside the instance to the internet: what the internet says it saw. */
  readonly outward: (instanceId: string) => Promise<Attempt>;
  /** From the internet to the address (the instance's public one, or the one it would need). */
  readonly inward: (instanceId: string, address: string | undefined) => Promise<Attempt>;
};

/**
 * Builds one VPC step by step, shows after each step what real packets do and why, and removes it all again.
 */
export async function demo(tools: DemoTools): Promise<boolean> {
  const { print, language, paint } = tools;
  const undo: (() => Promise<unknown>)[] = [];
  const line = (words: Words, values: Readonly<Record<string, string>> = {}): void =>
    print(say(language, words, values));
  try {
    line(DEMO.title);
    return await steps(tools, undo, (words, values) => line(words, values));
  } finally {
    for (const step of undo.toReversed())
      await step().catch((cause: unknown) => print(paint.bad(String(cause))));
    line(DEMO.clean);
  }
}

/** The drop's name, which documents and other commands use, and what it means. */
function reasonWords(language: Language, reason: string): string {
  const words = reasonText(reason, language);
  return words === reason ? reason : `${reason} (${words})`;
}

type Line = (words: Words, values?: Readonly<Record<string, string>>) => void;

async function steps(tools: DemoTools, undo: (() => Promise<unknown>)[], line: Line): Promise<boolean> {
  const { client, paint, print } = tools;
  const heading = (words: Words, values: Readonly<Record<string, string>> = {}): void => {
    print("");
    print(paint.strong(say(tools.language, words, values)));
  };
  const base = await buildBase(client, undo);
  const first = await launch(client, base, base.subnet, undo);
  line(DEMO.build, { vpc: base.vpc, instance: first.id, private: first.privateIp });

  const results: boolean[] = [];
  const look = async (instance: Launched, address: string | undefined, expected: boolean): Promise<void> => {
    results.push((await show(tools, instance, address)) === expected);
  };
  heading(DEMO.step0);
  await look(first, undefined, false);

  const igw =
    (await client.send(new ec2.CreateInternetGatewayCommand({}))).InternetGateway?.InternetGatewayId ?? "";
  undo.push(() => client.send(new ec2.DeleteInternetGatewayCommand({ InternetGatewayId: igw })));
  await client.send(new ec2.AttachInternetGatewayCommand({ InternetGatewayId: igw, VpcId: base.vpc }));
  undo.push(() =>
    client.send(new ec2.DetachInternetGatewayCommand({ InternetGatewayId: igw, VpcId: base.vpc })),
  );
  heading(DEMO.step1, { igw });
  await look(first, undefined, false);

  await client.send(
    new ec2.CreateRouteCommand({
      RouteTableId: base.routeTable,
      DestinationCidrBlock: "0.0.0.0/0",
      GatewayId: igw,
    }),
  );
  heading(DEMO.step2, { igw });
  await look(first, undefined, false);

  const address = await client.send(new ec2.AllocateAddressCommand({ Domain: "vpc" }));
  undo.push(() => client.send(new ec2.ReleaseAddressCommand({ AllocationId: address.AllocationId ?? "" })));
  const association = await client.send(
    new ec2.AssociateAddressCommand({ AllocationId: address.AllocationId, InstanceId: first.id }),
  );
  undo.push(() =>
    client.send(new ec2.DisassociateAddressCommand({ AssociationId: association.AssociationId ?? "" })),
  );
  heading(DEMO.step3, { public: address.PublicIp ?? "", private: first.privateIp });
  await look(first, address.PublicIp, true);

  const second = await launchPrivate(client, base, undo);
  heading(DEMO.step4, { instance: second.id, private: second.privateIp });
  await look(second, undefined, false);
  print("");
  line(DEMO.end);
  return results.every(Boolean);
}

/** Sends both ways, prints both lines, and tells whether both passed. */
async function show(tools: DemoTools, instance: Launched, address: string | undefined): Promise<boolean> {
  const { language, paint, print } = tools;
  const row = (direction: Words, attempt: Attempt): void => {
    const words = attempt.passed
      ? paint.good(`✓ ${say(language, DEMO.passed, { seen: attempt.seen })}`)
      : paint.bad(
          `✗ ${say(language, DEMO.dropped, { reason: reasonWords(tools.language, attempt.reason) })}`,
        );
    print(`   ${say(language, direction)}  ${words}`);
  };
  const out = await tools.outward(instance.id);
  row(DEMO.out, out);
  if (address === undefined) {
    row(DEMO.in, { passed: false, seen: "", reason: say(language, DEMO.noAddress) });
    return false;
  }
  const inward = await tools.inward(instance.id, address);
  row(DEMO.in, inward);
  return out.passed && inward.passed;
}

type BaseNetwork = {
  readonly vpc: string;
  readonly subnet: string;
  readonly routeTable: string;
  readonly group: string;
};
type Launched = { readonly id: string; readonly privateIp: string };

async function buildBase(client: EC2Client, undo: (() => Promise<unknown>)[]): Promise<BaseNetwork> {
  const vpc = (await client.send(new ec2.CreateVpcCommand({ CidrBlock: "10.0.0.0/16" }))).Vpc?.VpcId ?? "";
  undo.push(() => client.send(new ec2.DeleteVpcCommand({ VpcId: vpc })));
  const subnet =
    (await client.send(new ec2.CreateSubnetCommand({ VpcId: vpc, CidrBlock: "10.0.1.0/24" }))).Subnet
      ?.SubnetId ?? "";
  undo.push(() => client.send(new ec2.DeleteSubnetCommand({ SubnetId: subnet })));
  const routeTable =
    (await client.send(new ec2.CreateRouteTableCommand({ VpcId: vpc }))).RouteTable?.RouteTableId ?? "";
  undo.push(() => client.send(new ec2.DeleteRouteTableCommand({ RouteTableId: routeTable })));
  const association = await client.send(
    new ec2.AssociateRouteTableCommand({ RouteTableId: routeTable, SubnetId: subnet }),
  );
  undo.push(() =>
    client.send(new ec2.DisassociateRouteTableCommand({ AssociationId: association.AssociationId ?? "" })),
  );
  const group =
    (
      await client.send(
        new ec2.CreateSecurityGroupCommand({
          VpcId: vpc,
          GroupName: "genkan-demo",
          Description: "HTTP from anywhere",
        }),
      )
    ).GroupId ?? "";
  undo.push(() => client.send(new ec2.DeleteSecurityGroupCommand({ GroupId: group })));
  await client.send(
    new ec2.AuthorizeSecurityGroupIngressCommand({
      GroupId: group,
      IpProtocol: "tcp",
      FromPort: 80,
      ToPort: 80,
      CidrIp: "0.0.0.0/0",
    }),
  );
  return { vpc, subnet, routeTable, group };
}

/** A server that answers each request on port 80 with the address that it saw. */
const SERVER_USER_DATA = `#!/bin/sh
mkdir -p /tmp/www/cgi-bin
printf '#!/bin/sh\\nprintf "Content-Type: text/plain\\\\r\\\\n\\\\r\\\\n%%s\\\\n" "$REMOTE_ADDR"\\n' > /tmp/www/cgi-bin/ip
chmod +x /tmp/www/cgi-bin/ip
exec busybox httpd -f -p 80 -h /tmp/www
`;

async function launch(
  client: EC2Client,
  base: BaseNetwork,
  subnet: string,
  undo: (() => Promise<unknown>)[],
): Promise<Launched> {
  const launched = await client.send(
    new RunInstancesCommand({
      ImageId: "ami-0123456789abcdef0",
      InstanceType: "t3.micro",
      MinCount: 1,
      MaxCount: 1,
      SubnetId: subnet,
      SecurityGroupIds: [base.group],
      UserData: btoa(SERVER_USER_DATA),
    }),
  );
  const id = launched.Instances?.[0]?.InstanceId ?? "";
  undo.push(async () => {
    await client.send(new ec2.TerminateInstancesCommand({ InstanceIds: [id] }));
    await ec2.waitUntilInstanceTerminated(
      { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
      { InstanceIds: [id] },
    );
  });
  await ec2.waitUntilInstanceRunning(
    { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
    { InstanceIds: [id] },
  );
  const described = await client.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  return { id, privateIp: described.Reservations?.[0]?.Instances?.[0]?.PrivateIpAddress ?? "" };
}

async function launchPrivate(
  client: EC2Client,
  base: BaseNetwork,
  undo: (() => Promise<unknown>)[],
): Promise<Launched> {
  const subnet =
    (await client.send(new ec2.CreateSubnetCommand({ VpcId: base.vpc, CidrBlock: "10.0.2.0/24" }))).Subnet
      ?.SubnetId ?? "";
  undo.push(() => client.send(new ec2.DeleteSubnetCommand({ SubnetId: subnet })));
  return launch(client, base, subnet, undo);
}
