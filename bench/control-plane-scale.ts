/**
 * The control plane with a large region: how long it takes to start, what memory it takes, and how long
 * single calls take. The region is put into the store beforehand (region-at-scale.ts), then the real server
 * starts on it, without packets.
 */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compiledTables, startPlan } from "../src/agent/image.ts";
import { openDatapath } from "../src/datapath/loader.ts";
import { OBJECT, sh } from "../src/datapath/test-kit.ts";
import { openEmbedded } from "../src/store/embedded.ts";
import { writeImage } from "../src/store/image-writer.ts";
import { imagePath, openImage } from "../src/store/image.ts";
import { changeToPacket } from "./change-to-packet.ts";
import { flushTime, settled } from "./disk.ts";
import { sendOne } from "./load.ts";
import { optionsApart, runApart } from "./namespace.ts";
import { makeRegion, type Sample, type Scale, SCALE_POOL } from "./region-at-scale.ts";
import { atMost, type Row, rowOf } from "./row.ts";
import { newBpffs } from "./scale.ts";
import { type Server, startServer, takeDown } from "./server.ts";
import { signedRequest } from "./signed-request.ts";

export type ScaleOptions = {
  readonly scale: Scale;
  /** How often the server starts, and each call is made. */
  readonly starts: number;
  readonly calls: number;
  /** Where the region is kept between runs: making one of a million takes minutes. */
  readonly keep?: string;
};

/** The rows of one size of region. */
export function controlPlaneScaleRows(options: ScaleOptions): Promise<readonly Row[]> {
  return runApart(HERE, options);
}

const HERE = fileURLToPath(import.meta.url);

async function measure({ scale, starts, calls, keep }: ScaleOptions): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "genkan-bench-"));
  // Every change is taken back, so that a kept one can be used again.
  const home = keep ?? folder;
  try {
    const sample = await prepare(scale, home);
    const many = scale.addresses.toLocaleString("en");
    const loads: number[] = [];
    for (let start = 0; start < starts; start++)
      loads.push(await loadSeconds(join(home, "state"), scale.addresses));
    const seconds: number[] = [];
    for (let start = 1; start < starts; start++) {
      const server = await startServer({ home, pools: [SCALE_POOL] });
      seconds.push(server.startSeconds);
      await server.stop();
    }
    const packets = await withPackets(home, sample, starts, calls);
    const server = await startServer({ home, pools: [SCALE_POOL] });
    try {
      seconds.push(server.startSeconds);
      const rows = await callRows(server, sample, calls, `region of ${many} addresses`);
      const million = scale.addresses === 1_000_000;
      return [
        rowOf({
          measure: `load ${many} addresses at start, from the disk to the kernel's tables`,
          ...(million ? { must: atMost(3), aim: atMost(1) } : {}),
          unit: "s",
          samples: loads,
        }),
        rowOf({
          measure: `genkan up with ${many} addresses, until a packet has passed`,
          unit: "s",
          samples: packets.starts,
        }),
        rowOf({
          measure: `one API change to packets obeying, region of ${many} addresses`,
          ...(million ? { must: atMost(10), aim: atMost(2) } : {}),
          unit: "ms",
          samples: packets.changes,
        }),
        rowOf({
          measure: `the same in the first process after ${many} addresses were written in bulk`,
          unit: "ms",
          samples: packets.first,
        }),
        rowOf({
          measure: `genkan up with ${many} addresses: resident memory`,
          unit: "GB",
          samples: [packets.memory / 1e9],
        }),
        rowOf({
          measure: `control plane of ${many} addresses: start, without packets`,
          unit: "s",
          samples: seconds,
        }),
        rowOf({
          measure: `control plane of ${many} addresses: resident memory`,
          ...(million ? { must: atMost(6), aim: atMost(2) } : {}),
          unit: "GB",
          samples: [server.memory() / 1e9],
        }),
        ...rows,
      ];
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The whole of Genkan on the region: starts until the self-check's packet has come back, and changes that
 * packets obey.
 */
async function withPackets(
  home: string,
  { subnet }: Sample,
  starts: number,
  calls: number,
): Promise<{
  readonly starts: readonly number[];
  readonly first: readonly number[];
  readonly changes: readonly number[];
  readonly memory: number;
}> {
  const seconds: number[] = [];
  let first: readonly number[] | undefined;
  for (let start = 1; ; start++) {
    const server = await startServer({ home, pools: [SCALE_POOL], packets: true });
    try {
      seconds.push(server.startSeconds);
      // The transactions that made the region freed tens of thousands of pages each. The first process that
      // writes after them carries a list of those along in every commit; a store that grew by requests has no
      // such lists.
      const changes = await changeToPacket(server, home, subnet, calls);
      first ??= changes;
      if (start >= starts) return { starts: seconds, first, changes, memory: server.memory() };
    } finally {
      await server.stop();
      await takeDown(home);
    }
  }
}

/** How long until the stored state can be asked and the kernel has its tables. */
async function loadSeconds(state: string, addresses: number): Promise<number> {
  const pins = newBpffs();
  const started = performance.now();
  const store = openEmbedded(state);
  const world = await store.load();
  const none = "00:00:00:00:00:00";
  const macs = { uplinkMac: none, uplinkPeerMac: none, servicesMac: none, servicesPeerMac: none };
  const settings = { pools: [SCALE_POOL], uplink: 2, services: 3, fragments: 4, ...macs, connectionLimit: 1 };
  const sizes = { interfaces: addresses + 65_536 };
  const datapath = openDatapath({ pins, netns: "/proc/thread-self/ns/net", object: OBJECT, sizes });
  datapath.reconcile(startPlan(world, store.loadedImage(), settings));
  const seconds = (performance.now() - started) / 1000;
  datapath.close();
  sh(`umount -l ${pins}`);
  await store.close();
  return seconds;
}

/** Makes the region, and the image that a control plane would have made of it meanwhile. */
async function prepare(scale: Scale, home: string): Promise<Sample> {
  const before = flushTime(home);
  const state = join(home, "state");
  const noted = join(home, "sample.json");
  if (!existsSync(noted)) {
    mkdirSync(state, { recursive: true });
    const store = openEmbedded(state);
    const { sample } = await makeRegion(scale, store);
    await store.close();
    writeFileSync(noted, JSON.stringify(sample));
  }
  const tables = compiledTables([SCALE_POOL]);
  const image = openImage(imagePath(state));
  image?.close();
  // The former run's code may have compiled other tables.
  if (image?.about.label !== tables.label) await writeImage(state, tables);
  // What was written until now must not hold up the flushes that are measured.
  sh("sync");
  await settled(home, before);
  return JSON.parse(readFileSync(noted, "utf8")) as Sample;
}

type Call = Readonly<Record<string, string>>;
type Pair = {
  readonly name: string;
  readonly call: Call | ((round: number) => Call);
  readonly back: (answer: string) => Call;
};

/** Changes that are made and taken back; both are measured. */
function changes({ gateway, group, table, subnet }: Sample): readonly Pair[] {
  const permission = (round: number): Call => ({
    GroupId: group,
    "IpPermissions.1.IpProtocol": "tcp",
    "IpPermissions.1.FromPort": String(1000 + round),
    "IpPermissions.1.ToPort": String(1000 + round),
    "IpPermissions.1.IpRanges.1.CidrIp": "198.51.100.0/24",
  });
  const route = { RouteTableId: table, DestinationCidrBlock: "198.51.100.0/24" };
  return [
    {
      name: "authorize ingress",
      call: (round) => ({ Action: "AuthorizeSecurityGroupIngress", ...permission(round) }),
      back: (answer) => ({
        Action: "RevokeSecurityGroupIngress",
        GroupId: group,
        "SecurityGroupRuleId.1": found(answer, /sgr-[0-9a-f]{17}/),
      }),
    },
    {
      name: "create route",
      call: { Action: "CreateRoute", ...route, GatewayId: gateway },
      back: () => ({ Action: "DeleteRoute", ...route }),
    },
    {
      name: "create interface",
      call: { Action: "CreateNetworkInterface", SubnetId: subnet },
      back: (answer) => ({
        Action: "DeleteNetworkInterface",
        NetworkInterfaceId: found(answer, /eni-[0-9a-f]{17}/),
      }),
    },
    {
      name: "allocate address",
      call: { Action: "AllocateAddress", Domain: "vpc" },
      back: (answer) => ({ Action: "ReleaseAddress", AllocationId: found(answer, /eipalloc-[0-9a-f]{17}/) }),
    },
  ];
}

async function callRows(
  server: Server,
  sample: Sample,
  calls: number,
  where: string,
): Promise<readonly Row[]> {
  const times = new Map<string, number[]>();
  const timed = async (name: string, parameters: Call): Promise<string> => {
    const request = signedRequest(server.signer, parameters, new Date());
    const started = performance.now();
    const answer = await sendOne(server.port, request);
    const took = performance.now() - started;
    times.set(name, [...(times.get(name) ?? []), took]);
    return answer;
  };
  for (let round = 0; round < calls; round++) {
    for (const { name, call, back } of changes(sample)) {
      const answer = await timed(name, typeof call === "function" ? call(round) : call);
      await timed(`${name}, back`, back(answer));
    }
    await associate(timed, sample);
  }
  for (let round = 0; round < Math.min(calls, 10); round++) await describe(timed, sample);
  return [...times].map(([name, samples]) => rowOf({ measure: `${name}, ${where}`, unit: "ms", samples }));
}

type Timed = (name: string, parameters: Call) => Promise<string>;

/** An address of an interface's changes hands: first away, then back. */
async function associate(timed: Timed, { subnet }: Sample): Promise<void> {
  const eni = found(
    await timed("create interface", { Action: "CreateNetworkInterface", SubnetId: subnet }),
    /eni-[0-9a-f]{17}/,
  );
  const address = found(
    await timed("allocate address", { Action: "AllocateAddress" }),
    /eipalloc-[0-9a-f]{17}/,
  );
  const associated = await timed("associate address", {
    Action: "AssociateAddress",
    AllocationId: address,
    NetworkInterfaceId: eni,
  });
  const AssociationId = found(associated, /eipassoc-[0-9a-f]{17}/);
  await timed("disassociate address", { Action: "DisassociateAddress", AssociationId });
  await timed("allocate address, back", { Action: "ReleaseAddress", AllocationId: address });
  await timed("create interface, back", { Action: "DeleteNetworkInterface", NetworkInterfaceId: eni });
}

/** Reading: by an index, and page by page. */
async function describe(timed: Timed, { subnet, vpc }: Sample): Promise<void> {
  const filter = (name: string, value: string): Call => ({
    "Filter.1.Name": name,
    "Filter.1.Value.1": value,
  });
  const action = "DescribeNetworkInterfaces";
  const first = await timed("describe 1000 interfaces", { Action: action, MaxResults: "1000" });
  const NextToken = /<nextToken>(.*)<\/nextToken>/.exec(first)?.[1];
  if (NextToken !== undefined)
    await timed("describe the next 1000 interfaces", { Action: action, MaxResults: "1000", NextToken });
  await timed("describe 1000 interfaces of a VPC", {
    Action: action,
    MaxResults: "1000",
    ...filter("vpc-id", vpc),
  });
  await timed("describe the interfaces of a subnet", { Action: action, ...filter("subnet-id", subnet) });
  await timed("describe subnets", { Action: "DescribeSubnets", ...filter("vpc-id", vpc) });
  await timed("describe addresses by a public IP that nobody has", {
    Action: "DescribeAddresses",
    ...filter("public-ip", "192.0.2.1"),
  });
}

function found(answer: string, pattern: RegExp): string {
  const match = pattern.exec(answer)?.[0];
  if (match === undefined) throw new Error(`no ${String(pattern)} in ${answer.slice(0, 500)}`);
  return match;
}

const options = optionsApart<ScaleOptions>(HERE);
if (options) process.stdout.write(JSON.stringify(await measure(options)));
