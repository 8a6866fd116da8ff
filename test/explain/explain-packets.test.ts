/**
 * For random regions and random questions: explain says that an exchange passes exactly when its request and
 * its answer pass the kernel program; after its commands they do; and nothing else was opened (see
 * explain-opened.ts).
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { present } from "../../src/lib/assert.ts";
import { isManaged, type NetworkInterface } from "../../src/model/network-interface.ts";
import type { Reader } from "../../src/model/state.ts";
import { fullPlan } from "../../src/plan/compile.ts";
import type { ExchangeText } from "../../src/protocol/explain.ts";
import { ICMP, ICMPV6, type Packet, TCP, UDP } from "../../src/reach/packet.ts";
import { type Choice, choices } from "../kit/choice.ts";
import { type Asking, asked, commandsIn, type Question } from "../kit/explain.ts";
import { newShell } from "../kit/paste.ts";
import { SETTINGS } from "../kit/scene.ts";
import { growth, POOLS, randomRegion, type RandomRegion, SEED } from "../random/random-region.ts";
import { REMOTE } from "../random/random-request.ts";
import { type Kernel, openKernel, type Outcome } from "./explain-kernel.ts";
import { openedBesides } from "./explain-opened.ts";

const REGIONS = Number(process.env["GENKAN_REGIONS"] ?? 40);
const QUESTIONS = 5;
const settings = { ...SETTINGS, pools: POOLS, fragments: 4 };

test("explain says what packets do, its commands let them pass, and nothing else", { skip: noKernel }, () => {
  const kernel = openKernel();
  const seen = new Map<string, number>();
  const count = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
  for (let number = 0; number < REGIONS; number++) {
    for (let question = 0; question < QUESTIONS; question++) {
      const choice = choices(SEED * 1000 + question, number);
      const region = randomRegion();
      // The same region for each question about it: a question changes it.
      const growing = choices(SEED, number);
      for (const step of growth(growing, 20 + growing.below(30))) region.run(step);
      ask({ kernel, region, choice, count, name: `region ${number}, question ${question}` });
    }
  }
  kernel.close();
  if (SEED !== 1) return;
  for (const what of [
    "passes",
    "blocked",
    "forwarded",
    "mended",
    "ipv6 passes",
    "unmended",
    "no_route",
    "security_group_in",
    "network_acl_in",
  ])
    assert.ok((seen.get(what) ?? 0) > 0, `${what} was seen: ${JSON.stringify(Object.fromEntries(seen))}`);
});

type Trial = {
  readonly kernel: Kernel;
  readonly region: RandomRegion;
  readonly choice: Choice;
  readonly count: (what: string) => void;
  readonly name: string;
};

function ask({ kernel, region, choice, count, name }: Trial): void {
  const others = (): ReadonlyMap<string, Reader> => new Map([[REMOTE, present(region.readers()[1], REMOTE)]]);
  const asking: Asking = { ...region, others, settings };
  const found = randomQuestion(region.reader(), present(others().get(REMOTE), REMOTE), choice);
  if (!found) return;
  const { subject, question } = found;
  const what = `${name}: explain ${subject} ${JSON.stringify(question)}`;
  const before = region.readers().map(frozenReader);
  kernel.load(fullPlan(region.readers(), settings));
  const told = asked(asking, subject, question);
  for (const exchange of told.exchanges) {
    agrees(kernel, region.readers(), exchange, choice, what);
    count(exchange.verdict);
    if (exchange.verdict === "passes") count(`${exchange.family} passes`);
    for (const hop of exchange.hops) if (!hop.ok) count(hop.what);
  }
  const commands = commandsIn(told);
  const run = newShell({
    change: (body) => {
      assert.ok(region.change(body), `${what}: a command is refused`);
    },
  });
  for (const line of commands) {
    try {
      run(line);
    } catch (error) {
      throw new Error(`${what}: ${line}\n${commands.join("\n")}`, { cause: error });
    }
  }
  const opened = region
    .readers()
    .flatMap((after, index) =>
      openedBesides(present(before[index], "before"), after, told, question.to === undefined, choice),
    );
  assert.deepEqual(opened, [], `${what}\n${commands.join("\n")}`);
  kernel.load(fullPlan(region.readers(), settings));
  const after = asked(asking, subject, question);
  for (const [index, exchange] of told.exchanges.entries()) {
    const then = present(after.exchanges[index], "the same exchange");
    agrees(kernel, region.readers(), then, choice, `${what}, mended`);
    if (then.verdict === "forwarded") count("forwarded");
    if (exchange.verdict !== "blocked") {
      assert.equal(
        then.verdict,
        exchange.verdict,
        `${what}: what passed goes on passing\n${commands.join("\n")}`,
      );
    } else if (exchange.again) count("again");
    else if (exchange.hops.every((hop) => hop.ok || hop.commands || hop.repeated)) {
      count("mended");
      assert.notEqual(
        then.verdict,
        "blocked",
        `${what}: the commands mend it\n${commands.join("\n")}\n${JSON.stringify(then.hops.filter(({ ok }) => !ok))}`,
      );
    } else count("unmended");
  }
}

/** A region as it is now, whatever comes later. */
function frozenReader(reader: Reader): Reader {
  const copy = randomRegion();
  copy.change((tx) => {
    for (const kind of KINDS_KEPT) for (const resource of reader.list(kind)) tx.put(resource);
  });
  return copy.reader();
}

const KINDS_KEPT = [
  "vpc",
  "subnet",
  "route-table",
  "route",
  "internet-gateway",
  "address",
  "network-interface",
  "security-group",
  "security-group-rule",
  "network-acl",
  "instance",
  "nat-gateway",
  "egress-only-internet-gateway",
  "vpc-peering-connection",
  "prefix-list",
  "vpc-endpoint",
  "vpn-gateway",
  "carrier-gateway",
] as const;

/** A question about this region's interfaces; the other end may be in another region. */
function randomQuestion(
  reader: Reader,
  remote: Reader,
  choice: Choice,
): { readonly subject: string; readonly question: Question } | undefined {
  const interfaces = reader.list("network-interface").filter((eni) => !isManaged(eni));
  if (interfaces.length === 0) return undefined;
  const subject = choice.pick(interfaces);
  const other = choice.pick(interfaces);
  const [beyond = other] = choice.oneIn(2)
    ? remote.list("network-interface")
    : remote.list("network-interface").toReversed();
  const publicIp =
    reader.list("address").find(({ association }) => association?.networkInterfaceId === other.id)
      ?.publicIp ?? other.autoPublicIp;
  const to = choice.weighted<string | undefined>([
    [4, undefined],
    [2, "198.51.100.1"],
    [2, "2001:db8:ffff::1"],
    [2, "64:ff9b::c633:6401"],
    [4, other.id === subject.id ? undefined : other.id],
    [3, publicIp],
    [2, other.privateIpAddresses[0]],
    [1, other.ipv6Addresses?.[0]],
    [2, beyond.id === subject.id ? undefined : beyond.id],
    [1, beyond.privateIpAddresses[0]],
    [1, "169.254.169.254"],
    [1, "169.254.169.253"],
    [1, choice.pick(["192.168.0.1", "10.1.0.9", "10.50.0.7", "203.0.113.9"])],
    [1, reader.list("nat-gateway").find(({ state }) => state === "available")?.id],
  ]);
  const protocol = choice.pick(["tcp", "tcp", "udp", "icmp"]);
  return {
    subject: subject.id,
    question: {
      ...(to === undefined ? {} : { to }),
      ...(choice.oneIn(2) ? { protocol } : {}),
      ...(choice.oneIn(3) ? { port: String(choice.pick([22, 40, 443])) } : {}),
    },
  };
}

const PROTOCOLS: Readonly<Record<string, number>> = { tcp: TCP, udp: UDP, icmp: ICMP };

/** The verdict is the kernel program's, from whichever port the client sends. */
function agrees(
  kernel: Kernel,
  readers: readonly Reader[],
  exchange: ExchangeText,
  choice: Choice,
  what: string,
): void {
  const { source, destination, verdict } = exchange;
  if (source === undefined || destination === undefined) return assert.equal(verdict, "blocked", what);
  const enis = readers.flatMap((reader) => reader.list("network-interface"));
  const client = enis.find(
    (eni) => eni.id === exchange.client || eni.attachment?.instanceId === exchange.client,
  );
  const from = client && enis.find((eni) => eni.vpcId === client.vpcId && has(eni, source))?.slot;
  const isIpv6 = source.includes(":");
  const protocol = exchange.protocol === "icmp" && isIpv6 ? ICMPV6 : (PROTOCOLS[exchange.protocol] ?? 0);
  const packet = (port: number): Packet => ({
    source,
    destination,
    protocol,
    ...(exchange.protocol === "icmp"
      ? { icmp: { type: isIpv6 ? 128 : 8, code: 0 }, sourcePort: 1, destinationPort: 1 }
      : { sourcePort: port, destinationPort: exchange.port ?? 0 }),
    ...(exchange.protocol === "tcp" ? { tcp: { syn: true } } : {}),
    ...(from === undefined ? {} : { from }),
  });
  const owns = (slot: number, address: string): boolean =>
    enis.some((eni) => eni.slot === slot && has(eni, address));
  const range = from === undefined ? ([1024, 65_535] as const) : ([32_768, 60_999] as const);
  const run = (port: number): Outcome => kernel.exchange(packet(port), owns);
  const usual = run(40_000);
  if (verdict === "forwarded")
    return assert.equal(usual.kind, "forwarded", `${what}: ${JSON.stringify(usual)}`);
  const ports = exchange.protocol === "icmp" ? [40_000] : portsIn(readers, range, choice);
  const outcomes = [usual, ...ports.map(run)];
  const failed = outcomes.find(({ kind }) => kind !== "answered");
  if (verdict === "passes")
    assert.equal(
      failed,
      undefined,
      `${what}: ${exchange.source} ${exchange.destination} ${JSON.stringify(failed)}`,
    );
  // Which port a NAT gateway takes is its own choice: here it may have been a good one.
  else if (!exchange.hops.some(({ ok, params }) => !ok && params["ports"] === "1024-65535"))
    assert.ok(failed, `${what}: ${JSON.stringify(exchange)} passes`);
}

function has({ privateIpAddresses, ipv6Addresses = [] }: NetworkInterface, address: string): boolean {
  return privateIpAddresses.includes(address) || ipv6Addresses.includes(address);
}

/** Both ends, all ports at which an ACL may begin to think otherwise, and any other. */
function portsIn(
  readers: readonly Reader[],
  [from, to]: readonly [number, number],
  choice: Choice,
): readonly number[] {
  const bounds = readers
    .flatMap((reader) => reader.list("network-acl"))
    .flatMap(({ entries }) =>
      entries.flatMap(({ portRange }) => (portRange ? [portRange.from, portRange.to + 1] : [])),
    );
  const within = [...new Set(bounds)].filter((port) => port > from && port <= to);
  return [from, to, from + choice.below(to - from + 1), ...within];
}
