import { DescribeInstancesCommand, type EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import * as ec2 from "@aws-sdk/client-ec2";
import { type Language, type Paint, say, type Words } from "./language.ts";
import { REASONS } from "./trace-words.ts";

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

const WORDS = {
  title: {
    en: "One VPC, step by step. After each step real packets are sent both ways.",
    ja: "VPC を一歩ずつ作ります。一歩ごとに、本物のパケットを両方向に送ります。",
  },
  build: {
    en: "A VPC {vpc} (10.0.0.0/16), a subnet, and an instance {instance} at {private}.",
    ja: "VPC {vpc}（10.0.0.0/16）とサブネット、インスタンス {instance}（{private}）。",
  },
  step0: { en: "1. Nothing else yet", ja: "1. まだ何もない" },
  step1: { en: "2. An internet gateway is attached: {igw}", ja: "2. インターネットゲートウェイをアタッチ: {igw}" },
  step2: { en: "3. A route is added: 0.0.0.0/0 → {igw}", ja: "3. ルートを追加: 0.0.0.0/0 → {igw}" },
  step3: { en: "4. A public IP is mapped: {public} ↔ {private}", ja: "4. パブリック IP を割り当て: {public} ↔ {private}" },
  step4: {
    en: "5. A private subnet: instance {instance} at {private}, with no public IP and no route",
    ja: "5. プライベートサブネット: インスタンス {instance}（{private}）。パブリック IP もルートもない",
  },
  out: { en: "instance → internet", ja: "インスタンス → インターネット" },
  in: { en: "internet → instance", ja: "インターネット → インスタンス" },
  passed: { en: "passes; the other side saw {seen}", ja: "通ります。相手から見えたアドレスは {seen}" },
  dropped: { en: "dropped: {reason}", ja: "破棄: {reason}" },
  noAddress: { en: "no public address exists to send to", ja: "送り先となるパブリックアドレスがありません" },
  end: {
    en: "The three conditions: a gateway attached to the VPC, a route to it, a public IP on the instance. All three, or no exchange.",
    ja: "三つの条件: VPC にアタッチされたゲートウェイ、そこへのルート、インスタンスのパブリック IP。三つそろって初めて通信できます。",
  },
  clean: { en: "Removed everything the demo made.", ja: "デモで作ったものをすべて削除しました。" },
} as const satisfies Record<string, Words>;

/** Builds one VPC step by step, shows after each step what real packets do and why, and removes it all again. */
export async function demo(tools: DemoTools): Promise<boolean> {
  const { print, language, paint } = tools;
  const undo: (() => Promise<unknown>)[] = [];
  const line = (words: Words, values: Readonly<Record<string, string>> = {}): void => print(say(language, words, values));
  try {
    line(WORDS.title);
    return await steps(tools, undo, (words, values) => line(words, values));
  } finally {
    for (const step of undo.toReversed()) await step().catch((cause: unknown) => print(paint.bad(String(cause))));
    line(WORDS.clean);
  }
}

/** The drop's name, which documents and other commands use, and what it means. */
function reasonWords(language: Language, reason: string): string {
  const words = REASONS[reason];
  return words ? `${reason} (${say(language, words)})` : reason;
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
  line(WORDS.build, { vpc: base.vpc, instance: first.id, private: first.privateIp });

  const results: boolean[] = [];
  const look = async (instance: Launched, address: string | undefined, expected: boolean): Promise<void> => {
    results.push((await show(tools, instance, address)) === expected);
  };
  heading(WORDS.step0);
  await look(first, undefined, false);

  const igw = (await client.send(new ec2.CreateInternetGatewayCommand({}))).InternetGateway?.InternetGatewayId ?? "";
  undo.push(() => client.send(new ec2.DeleteInternetGatewayCommand({ InternetGatewayId: igw })));
  await client.send(new ec2.AttachInternetGatewayCommand({ InternetGatewayId: igw, VpcId: base.vpc }));
  undo.push(() => client.send(new ec2.DetachInternetGatewayCommand({ InternetGatewayId: igw, VpcId: base.vpc })));
  heading(WORDS.step1, { igw });
  await look(first, undefined, false);

  await client.send(new ec2.CreateRouteCommand({ RouteTableId: base.routeTable, DestinationCidrBlock: "0.0.0.0/0", GatewayId: igw }));
  heading(WORDS.step2, { igw });
  await look(first, undefined, false);

  const address = await client.send(new ec2.AllocateAddressCommand({ Domain: "vpc" }));
  undo.push(() => client.send(new ec2.ReleaseAddressCommand({ AllocationId: address.AllocationId ?? "" })));
  const association = await client.send(new ec2.AssociateAddressCommand({ AllocationId: address.AllocationId, InstanceId: first.id }));
  undo.push(() => client.send(new ec2.DisassociateAddressCommand({ AssociationId: association.AssociationId ?? "" })));
  heading(WORDS.step3, { public: address.PublicIp ?? "", private: first.privateIp });
  await look(first, address.PublicIp, true);

  const second = await launchPrivate(client, base, undo);
  heading(WORDS.step4, { instance: second.id, private: second.privateIp });
  await look(second, undefined, false);
  print("");
  line(WORDS.end);
  return results.every(Boolean);
}

/** Sends both ways, prints both lines, and tells whether both passed. */
async function show(tools: DemoTools, instance: Launched, address: string | undefined): Promise<boolean> {
  const { language, paint, print } = tools;
  const row = (direction: Words, attempt: Attempt): void => {
    const words = attempt.passed
      ? paint.good(`✓ ${say(language, WORDS.passed, { seen: attempt.seen })}`)
      : paint.bad(`✗ ${say(language, WORDS.dropped, { reason: reasonWords(tools.language, attempt.reason) })}`);
    print(`   ${say(language, direction)}  ${words}`);
  };
  const out = await tools.outward(instance.id);
  row(WORDS.out, out);
  if (address === undefined) {
    row(WORDS.in, { passed: false, seen: "", reason: say(language, WORDS.noAddress) });
    return false;
  }
  const inward = await tools.inward(instance.id, address);
  row(WORDS.in, inward);
  return out.passed && inward.passed;
}

type BaseNetwork = { readonly vpc: string; readonly subnet: string; readonly routeTable: string; readonly group: string };
type Launched = { readonly id: string; readonly privateIp: string };

async function buildBase(client: EC2Client, undo: (() => Promise<unknown>)[]): Promise<BaseNetwork> {
  const vpc = (await client.send(new ec2.CreateVpcCommand({ CidrBlock: "10.0.0.0/16" }))).Vpc?.VpcId ?? "";
  undo.push(() => client.send(new ec2.DeleteVpcCommand({ VpcId: vpc })));
  const subnet = (await client.send(new ec2.CreateSubnetCommand({ VpcId: vpc, CidrBlock: "10.0.1.0/24" }))).Subnet?.SubnetId ?? "";
  undo.push(() => client.send(new ec2.DeleteSubnetCommand({ SubnetId: subnet })));
  const routeTable = (await client.send(new ec2.CreateRouteTableCommand({ VpcId: vpc }))).RouteTable?.RouteTableId ?? "";
  undo.push(() => client.send(new ec2.DeleteRouteTableCommand({ RouteTableId: routeTable })));
  const association = await client.send(new ec2.AssociateRouteTableCommand({ RouteTableId: routeTable, SubnetId: subnet }));
  undo.push(() => client.send(new ec2.DisassociateRouteTableCommand({ AssociationId: association.AssociationId ?? "" })));
  const group =
    (await client.send(new ec2.CreateSecurityGroupCommand({ VpcId: vpc, GroupName: "genkan-demo", Description: "HTTP from anywhere" })))
      .GroupId ?? "";
  undo.push(() => client.send(new ec2.DeleteSecurityGroupCommand({ GroupId: group })));
  await client.send(
    new ec2.AuthorizeSecurityGroupIngressCommand({ GroupId: group, IpProtocol: "tcp", FromPort: 80, ToPort: 80, CidrIp: "0.0.0.0/0" }),
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

async function launch(client: EC2Client, base: BaseNetwork, subnet: string, undo: (() => Promise<unknown>)[]): Promise<Launched> {
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
    await ec2.waitUntilInstanceTerminated({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { InstanceIds: [id] });
  });
  await ec2.waitUntilInstanceRunning({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { InstanceIds: [id] });
  const described = await client.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  return { id, privateIp: described.Reservations?.[0]?.Instances?.[0]?.PrivateIpAddress ?? "" };
}

async function launchPrivate(client: EC2Client, base: BaseNetwork, undo: (() => Promise<unknown>)[]): Promise<Launched> {
  const subnet = (await client.send(new ec2.CreateSubnetCommand({ VpcId: base.vpc, CidrBlock: "10.0.2.0/24" }))).Subnet?.SubnetId ?? "";
  undo.push(() => client.send(new ec2.DeleteSubnetCommand({ SubnetId: subnet })));
  return launch(client, base, subnet, undo);
}
