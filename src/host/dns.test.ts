import assert from "node:assert/strict";
import { test } from "node:test";
import packet, { type RecordType } from "dns-packet";
import * as fc from "fast-check";
import { aliasOf, slotOfAlias } from "./alias.ts";
import type { InstanceDirectory } from "./directory.ts";
import { answerDns, type Viewer } from "./dns.ts";
import { associate, exampleDirectory, SLOT } from "./test-state.ts";

type Answer = { readonly rcode: string; readonly data: readonly string[] };

function ask(
  directory: InstanceDirectory,
  viewer: Viewer | undefined,
  name: string,
  type: RecordType = "A",
): Answer {
  const query = packet.encode({
    type: "query",
    id: 7,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type, name }],
  });
  const bytes = answerDns(query, viewer, directory);
  assert(bytes);
  const answer = packet.decode(Buffer.from(bytes));
  assert.equal(answer.id, 7);
  assert.equal(answer.type, "response");
  const { rcode } = answer as unknown as { rcode: string };
  return { rcode, data: (answer.answers ?? []).map((a) => ("data" in a ? String(a.data) : "")) };
}

function insideOf(directory: InstanceDirectory): Viewer {
  const asker = directory.bySlot(SLOT);
  assert(asker);
  return { kind: "vpc", asker };
}

const NO_SUCH_NAME: Answer = { rcode: "NXDOMAIN", data: [] };

test("private names are known in their own VPC, in both directions", () => {
  const directory = exampleDirectory();
  const inside = insideOf(directory);
  assert.deepEqual(ask(directory, inside, "ip-10-0-1-5.ec2.internal"), {
    rcode: "NOERROR",
    data: ["10.0.1.5"],
  });
  assert.deepEqual(ask(directory, inside, "IP-10-0-1-6.EC2.Internal"), {
    rcode: "NOERROR",
    data: ["10.0.1.6"],
  });
  assert.deepEqual(ask(directory, inside, "5.1.0.10.in-addr.arpa", "PTR"), {
    rcode: "NOERROR",
    data: ["ip-10-0-1-5.ec2.internal"],
  });
  assert.deepEqual(ask(directory, inside, "ip-10-0-1-5.ec2.internal", "AAAA"), {
    rcode: "NOERROR",
    data: [],
  });
  assert.deepEqual(ask(directory, inside, "ip-10-0-1-7.ec2.internal"), NO_SUCH_NAME);
  assert.deepEqual(ask(directory, inside, "ip-10-0-1-5.us-west-2.compute.internal"), NO_SUCH_NAME);
  assert.deepEqual(ask(directory, { kind: "internet" }, "ip-10-0-1-5.ec2.internal"), NO_SUCH_NAME);
  const other: Viewer = {
    kind: "vpc",
    asker: { ...directory.bySlot(SLOT)!, vpc: { ...directory.bySlot(SLOT)!.vpc, id: "vpc-2" } },
  };
  assert.deepEqual(ask(directory, other, "ip-10-0-1-5.ec2.internal"), NO_SUCH_NAME);
});

test("a subnet with DNS64 gives names without an IPv6 address one of NAT64, in both directions", () => {
  const directory = exampleDirectory(associate("203.0.113.9"));
  const asker = directory.bySlot(SLOT)!;
  const eni = { ...asker.eni, ipv6Addresses: ["2001:db8:1::5"] };
  const inside = (enableDns64: boolean): Viewer => ({
    kind: "vpc",
    asker: { ...asker, eni, subnet: { ...asker.subnet, enableDns64 } },
  });
  const six = (name: string, enableDns64 = true): readonly string[] =>
    ask(directory, inside(enableDns64), name, "AAAA").data;
  assert.deepEqual(six("machine.internet.example"), ["64:ff9b::c633:6402"]);
  assert.deepEqual(six("machine.internet.example", false), []);
  assert.deepEqual(six("ip-10-0-1-6.ec2.internal"), ["64:ff9b::a00:106"], "private ones too");
  assert.deepEqual(six("internet.example"), ["2001:db8:ffff::1"], "who has an IPv6 address keeps it");
  assert.deepEqual(six("instance-data.ec2.internal"), [], "the metadata service is not behind a NAT gateway");
  assert.deepEqual(
    ask(directory, inside(true), "machine.internet.example").data,
    ["198.51.100.2"],
    "A records stay",
  );
  assert.deepEqual(ask(directory, inside(true), "nobody.internet.example", "AAAA"), NO_SUCH_NAME);
  const reversed = "2.0.4.6.3.3.6.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa";
  const alias = ["2.100.51.198.in-addr.arpa", "machine.internet.example"];
  assert.deepEqual(ask(directory, inside(true), reversed, "PTR"), { rcode: "NOERROR", data: alias });
  assert.deepEqual(ask(directory, inside(false), reversed, "PTR"), NO_SUCH_NAME);
});

test("a public name is the private address inside its VPC and the public one elsewhere", () => {
  const directory = exampleDirectory(associate("203.0.113.9"));
  const name = "ec2-203-0-113-9.compute-1.amazonaws.com";
  assert.deepEqual(ask(directory, insideOf(directory), name), { rcode: "NOERROR", data: ["10.0.1.5"] });
  assert.deepEqual(ask(directory, { kind: "internet" }, name), { rcode: "NOERROR", data: ["203.0.113.9"] });
  const asker = directory.bySlot(SLOT)!;
  const other: Viewer = { kind: "vpc", asker: { ...asker, vpc: { ...asker.vpc, id: "vpc-2" } } };
  assert.deepEqual(ask(directory, other, name), { rcode: "NOERROR", data: ["203.0.113.9"] });
  assert.deepEqual(ask(directory, other, "9.113.0.203.in-addr.arpa", "PTR"), {
    rcode: "NOERROR",
    data: [name],
  });
  assert.deepEqual(ask(directory, other, "ec2-203-0-113-9.us-west-2.compute.amazonaws.com"), NO_SUCH_NAME);
  assert.deepEqual(ask(directory, other, "ec2-203-0-113-8.compute-1.amazonaws.com"), NO_SUCH_NAME);
});

test("a reverse lookup gives first the name that a public address's owner gave it", () => {
  const directory = exampleDirectory(associate("203.0.113.9"), (tx) => {
    const address = tx.list("address")[0];
    assert(address);
    tx.put({ ...address, ptrRecord: "mail.example.com." });
  });
  for (const viewer of [insideOf(directory), { kind: "internet" } as const])
    assert.deepEqual(ask(directory, viewer, "9.113.0.203.in-addr.arpa", "PTR"), {
      rcode: "NOERROR",
      data: ["mail.example.com"],
    });
});

test("a VPC without DNS host names has no public names", () => {
  const directory = exampleDirectory(associate("203.0.113.9"), (tx) => {
    const vpc = tx.list("vpc")[0];
    assert(vpc);
    tx.put({ ...vpc, enableDnsHostnames: false });
  });
  assert.deepEqual(
    ask(directory, insideOf(directory), "ec2-203-0-113-9.compute-1.amazonaws.com"),
    NO_SUCH_NAME,
  );
});

test("the simulated internet has names, and nothing else exists", () => {
  const directory = exampleDirectory();
  const inside = insideOf(directory);
  assert.deepEqual(ask(directory, inside, "internet.example"), { rcode: "NOERROR", data: ["198.51.100.1"] });
  assert.deepEqual(ask(directory, inside, "internet.example", "AAAA"), { rcode: "NOERROR", data: [] });
  assert.deepEqual(ask(directory, { kind: "internet" }, "internet.example", "AAAA"), {
    rcode: "NOERROR",
    data: ["2001:db8:ffff::1"],
  });
  assert.deepEqual(ask(directory, inside, "1.100.51.198.in-addr.arpa", "PTR"), {
    rcode: "NOERROR",
    data: ["internet.example"],
  });
  for (const name of ["amazon.com", "", "com", "constructor", "999.1.1.1.in-addr.arpa"])
    assert.deepEqual(ask(directory, inside, name), NO_SUCH_NAME, name);
  assert.equal(ask(directory, undefined, "internet.example").rcode, "REFUSED");
});

test("a query of many questions, or with answers in it, is refused without being read", () => {
  const directory = exampleDirectory();
  const inside = insideOf(directory);
  const question = { type: "A", name: "internet.example" } as const;
  const refused = (query: packet.Packet): string | undefined => {
    const answer = answerDns(packet.encode({ type: "query", id: 7, ...query }), inside, directory);
    return answer && (packet.decode(Buffer.from(answer)) as unknown as { rcode: string }).rcode;
  };
  assert.equal(refused({ questions: [question] }), "NOERROR");
  assert.equal(refused({ questions: [question, question] }), "FORMERR");
  assert.equal(
    refused({ questions: Array.from({ length: 10_800 }, () => ({ type: "A", name: "" })) }),
    "FORMERR",
  );
  assert.equal(refused({ questions: [] }), "FORMERR");
  assert.equal(
    refused({ questions: [question], answers: [{ type: "A", name: "a", data: "192.0.2.1" }] }),
    "FORMERR",
  );
});

test("garbage gets an error or nothing, and never an exception", () => {
  const directory = exampleDirectory();
  const inside = insideOf(directory);
  const valid = packet.encode({
    type: "query",
    id: 7,
    questions: [{ type: "A", name: "ip-10-0-1-5.ec2.internal" }],
  });
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 }).map((edits) => {
      const mutated = Uint8Array.from(valid);
      for (const [at, value] of edits) mutated[at] = value;
      return mutated;
    }),
  );
  fc.assert(
    fc.property(bytes, (query) => {
      const answer = answerDns(query, inside, directory);
      if (answer) assert.equal((Buffer.from(answer).readUInt16BE(2) & 0x8000) !== 0, true);
    }),
    { numRuns: 2_000 },
  );
});

test("an alias stands for one slot", () => {
  for (const slot of [16, 17, 255, 65_536, 1_048_575])
    for (const asked of ["link-local", "vpc-resolver"] as const)
      assert.equal(slotOfAlias(aliasOf(slot, asked)), slot);
  assert.equal(aliasOf(16, "link-local"), "240.0.0.16");
  assert.equal(aliasOf(16, "vpc-resolver"), "242.0.0.16");
  for (const place of [1, 30]) {
    assert.equal(slotOfAlias(aliasOf(1_048_575, "vpc-resolver", place)), 1_048_575);
    assert.equal(slotOfAlias(`fd00:6b67::${place.toString(16)}:f:ffff`), 1_048_575);
  }
  assert.equal(aliasOf(16, "link-local", 3), "240.48.0.16");
  for (const other of [
    "239.255.255.255",
    "244.0.0.0",
    "100.64.0.16",
    "10.0.0.1",
    "",
    "::1",
    "fd00:6b67::20:0:1",
  ])
    assert.equal(slotOfAlias(other), undefined);
});

test("an interface endpoint's own names lead to it, and its service's names in its VPC while that gives names", () => {
  const id = "vpce-0123456789abcdef0";
  const ENDPOINT = {
    kind: "vpc-endpoint",
    id,
    tags: {},
    serviceName: "com.amazonaws.us-east-1.ecr.dkr",
    policyDocument: "{}",
    createTime: "2030-01-01T00:00:00.000Z",
    interfaces: {
      groupIds: [],
      privateDnsEnabled: true,
      privateDnsOnlyForInboundResolverEndpoint: false,
      dnsSuffix: "0a1b2c3d",
    },
  } as const;
  type Change = { readonly names?: boolean; readonly enabled?: boolean; readonly onlyForInbound?: boolean };
  const directoryWith = ({
    names = true,
    enabled = true,
    onlyForInbound = false,
  }: Change = {}): InstanceDirectory =>
    exampleDirectory((tx) => {
      const [vpc] = tx.list("vpc");
      const [eni] = tx.list("network-interface");
      assert(vpc && eni);
      tx.put({ ...vpc, enableDnsHostnames: names });
      const interfaces = {
        ...ENDPOINT.interfaces,
        privateDnsEnabled: enabled,
        privateDnsOnlyForInboundResolverEndpoint: onlyForInbound,
      };
      tx.put({ ...ENDPOINT, vpcId: vpc.id, interfaces });
      for (const [zone, ip] of [
        ["us-east-1a", "10.0.1.77"],
        ["us-east-1b", "10.0.2.77"],
      ] as const) {
        const { attachment: _, ...rest } = eni;
        const slot = eni.slot + (zone === "us-east-1a" ? 1000 : 1001);
        tx.put({
          ...rest,
          id: `eni-${zone}`,
          slot,
          vpcEndpointId: id,
          availabilityZone: zone,
          privateIpAddresses: [ip],
        });
      }
    });
  const both = { rcode: "NOERROR", data: ["10.0.1.77", "10.0.2.77"] };
  const own = `${id}-0a1b2c3d.dkr.ecr.us-east-1.vpce.amazonaws.com`;
  const registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
  for (const change of [{}, { names: false }, { enabled: false }, { onlyForInbound: true }]) {
    const directory = directoryWith(change);
    const inside = insideOf(directory);
    assert.deepEqual(ask(directory, inside, own.toUpperCase()), both);
    assert.deepEqual(ask(directory, inside, own.replace(".dkr", "-us-east-1b.dkr")), {
      rcode: "NOERROR",
      data: ["10.0.2.77"],
    });
    assert.deepEqual(ask(directory, inside, own.replace("0a1b2c3d", "0a1b2c3e")), NO_SUCH_NAME);
    assert.deepEqual(
      ask(directory, inside, registry),
      Object.keys(change).length === 0 ? both : NO_SUCH_NAME,
      JSON.stringify(change),
    );
    assert.deepEqual(ask(directory, inside, "dkr.ecr.us-east-1.amazonaws.com"), NO_SUCH_NAME);
    assert.deepEqual(ask(directory, inside, "api.ecr.us-east-1.amazonaws.com"), NO_SUCH_NAME);
    assert.deepEqual(ask(directory, { kind: "internet" }, registry), NO_SUCH_NAME);
    const asker = directory.bySlot(SLOT)!;
    const elsewhere: Viewer = { kind: "vpc", asker: { ...asker, vpc: { ...asker.vpc, id: "vpc-2" } } };
    assert.deepEqual(
      [ask(directory, elsewhere, registry), ask(directory, elsewhere, own)],
      [NO_SUCH_NAME, both],
    );
  }
  const directory = directoryWith();
  assert.deepEqual(ask(directory, insideOf(directory), registry, "AAAA"), { rcode: "NOERROR", data: [] });
});
