/**
 * The proof finds what it is there to find: each of these faults, planted into a copy of the kernel program,
 * is a disagreement within a few thousand frames; and `npm run prove` ends with an error then.
 */

import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { openMachine } from "./proof.ts";
import { playRandom } from "./scenario.ts";

const ROOT = join(import.meta.dirname, "../../..");
const KERNEL = "src/datapath/bpf";
const FRAMES = 500;
const MOST = 160_000;

/** In which file what becomes what. */
type Fault = readonly [name: string, file: string, from: RegExp, to: string];

const FAULTS: readonly Fault[] = [
  [
    "a route to nothing that is taken for another",
    "route.h",
    /return DROP_nothing_behind;/,
    "return DROP_blackhole;",
  ],
  [
    "a wrong header checksum on the fast path",
    "flow_cache.h",
    /(?<=\+ \(__u32\)flow(\.|->)header_delta)/,
    " + 1",
  ],
  [
    "a UDP checksum where there was none",
    "translate.h",
    / \| \(transport == 6 \? BPF_F_MARK_MANGLED_0 : 0\)/,
    "",
  ],
  ["a skipped network ACL", "genkan.bpf.c", /if \(!p->same_subnet\) \{/, "if (0) {"],
  ["a stale flow after a change", "flow_cache.h", /(?<=if \()flow(\.|->)epoch != /, "0 && $&"],
  ["a stale flow after a change at its target", "flow_cache.h", /(?<= \+ )vpc_epoch\(target_vpc\)/, "0 * $&"],
  [
    "a stale flow after its connection's time",
    "flow_cache.h",
    /p->tracked \? .* : p->now \+ UNTRACKED_HOLDS/,
    "~0ULL",
  ],
  [
    "a flow for another sender's MAC address",
    "flow_cache.h",
    / \|\| !same_macs\(macs, flow(\.|->)macs\)/,
    "",
  ],
  [
    "a flow for another that has its place",
    "flow_cache.h",
    / \|\| !same_key\(&flow->key, &key\)(?=\)\n\t\treturn 0;)/,
    "",
  ],
  ["a connection that has expired", "connection.h", /c->expires > now &&/, "(c->expires > now || 1) &&"],
  [
    "a protocol forgotten with the pings",
    "connection.h",
    /(?<=flow->icmp \? TIMEOUT_ICMP : )TIMEOUT_OTHER/,
    "TIMEOUT_ICMP",
  ],
  [
    "UDP that is a stream with its first answer",
    "connection.h",
    /(?<=if \()c->turns >= TURNS_OF_STREAM(?=\)\n\t\t\treturn own)/,
    "c->turns",
  ],
  ["a turn of UDP that nobody sees on the fast path", "connection.h", /(?<=if \()!c->kept(?=\))/, "1"],
  [
    "idle timeouts that are every interface's",
    "connection.h",
    /(?<=return flags & )INTERFACE_IDLE_TIMEOUTS(?= \?)/,
    "0",
  ],
  [
    "an untracked connection that its middle opens",
    "security_group.h",
    /(?<=if \()is_midstream\(p\)/,
    "0 && $&",
  ],
  [
    "a connection through a gateway that open rules leave untracked",
    "security_group.h",
    /p->through_service \|\| (?=\(p->flow)/,
    "",
  ],
  [
    "one through an egress-only gateway alone",
    "genkan.bpf.c",
    /p->way == WAY_EGRESS_ONLY \|\| (?=p->target\.flags & INTERFACE_NAT)/,
    "",
  ],
  [
    "what comes from a NAT gateway, taken for untracked",
    "genkan.bpf.c",
    /p->through_service = 1;(?=\n\tp->sender)/,
    "p->through_service = 0;",
  ],
  ["a hairpin through a NAT gateway, taken for its own", "genkan.bpf.c", /p->through_service = 0;/, ""],
  ["one connection more than the limit", "connection.h", /(?<=floor->removed )>= limit/, "> limit"],
  [
    "an ICMP error whose packet is not translated",
    "translate.h",
    /return translate_inner\(.*\);/,
    "return 0;",
  ],
  ["a fragment at the wrong place", "fragment.h", /(?<=\+ offset \/ 8)(?=\))/, " + 1"],
  [
    "an untracked flow whose rules say ports",
    "security_group.h",
    /\(this_way \| back\) & OPEN_ALL_PORTS/,
    "1",
  ],
  [
    "an answer at another of the interface's addresses",
    "services.h",
    /(?<=reason = to_asking_place\(p, )destination >> ALIAS_SLOT_BITS/,
    "0 * $&",
  ],
  [
    "a second address that stands for all",
    "services.h",
    /(?<=row->addresses\[)i & \(MAX_ASKING_ADDRESSES - 1\)/,
    "1 & $&",
  ],
  ["one packet more to the services than an interface has", "allowance.h", /(?<=count->packets )>= s/, "> s"],
  [
    "a piece over TCP's flags behind an option",
    "fragment.h",
    /known->transport \+ TCP_FLAGS_END/,
    "TCP_FLAGS_END",
  ],
  [
    "a frame to be cut with bytes behind its packet",
    "parse.h",
    /\(skb->gso_size \|\| cut_tail\(skb, p->total_length\)\)/,
    "(!skb->gso_size && cut_tail(skb, p->total_length))",
  ],
  [
    "an answer of the metadata service that goes too far",
    "services.h",
    /write_ttl\(skb, p->target\.hop_limit\)/,
    "0 && $&",
  ],
  [
    "a flow log that forgets its subnet",
    "flow_log.h",
    /(?<=if \()subnet && subnet->flags/,
    "0 && subnet && subnet->flags",
  ],
  ["a refusal that a flow log calls accepted", "flow_log.h", /(?<=refused \? )FLOW_REJECT/, "FLOW_ACCEPT"],
  [
    "a flow log of the address after translation",
    "flow_log.h",
    /p->logged = p->flow;(?=\n\tp->log_slot = slot)/,
    "p->logged = p->flow; V4(p->logged.source) = p->source.public_ip;",
  ],
  [
    "a packet on the fast path that its flow log misses",
    "flow_log.h",
    /p->may_keep = 0;(?=\n\tp->logged = p->flow;\n\tp->log_slot = slot)/,
    "",
  ],
  [
    "a flow log of a NAT gateway with the address after translation",
    "genkan.bpf.c",
    /\tflow_log_at_nat\(skb, p, reason\);\n\tif \(!reason\)\n\t\treason = nat_out\(p\);/,
    "\tif (!reason)\n\t\treason = nat_out(p);\n\tflow_log_at_nat(skb, p, reason);",
  ],
  ["a next hop that is the one before", "flow_log.h", /row->next_hop = more->next_hop;/, ""],
  [
    "a next hop of what a group refused",
    "flow_log.h",
    /refused \|\| (?=p->way == WAY_GATEWAY \|\| p->way == WAY_EGRESS_ONLY \? 0)/,
    "",
  ],
  ["a NAT gateway that its next hop does not name", "genkan.bpf.c", /p->sender = slot;/, ""],
  ["the internet gateway as a next hop", "genkan.bpf.c", /p->sender = 0;/, ""],
  [
    "one flow record more than an interface's share",
    "flow_log.h",
    /(?<=if \(has )<(?= s->flow_record_share)/,
    "<=",
  ],
  [
    "an interface that takes a third of the flow records that are left",
    "flow_log.h",
    /(?<=taken\) \/ )4/,
    "3",
  ],
  ["a flow without a record that nobody is told of", "flow_log.h", /own->skipped\[odd\] = window \+ 1;/, ""],
  [
    "a port whose checksum goes the wrong way",
    "translate.h",
    /(?<=port_checksum_offset\(p->flow\.protocol\), )from, to,/,
    "to, from,",
  ],
  [
    "a NAT connection that lives on",
    "nat_gateway.h",
    /(?<=floor && )c->expires > now(?= && c->created)/,
    "(c->expires > now || 1)",
  ],
  [
    "a port that another connection has",
    "nat_gateway.h",
    /(?<=if \()nat_inside_of\(outside, old, &one\.other, now\)/,
    "0 && $&",
  ],
  [
    "a NAT gateway past its own ACL",
    "genkan.bpf.c",
    /(?<=if \()!p->same_subnet(?=\)\n\t\treason = network_acl\(p, RULE_LIST_NETWORK_ACL_OUT, p->source\.subnet\);\n\tflow_log_out)/,
    "0",
  ],
  [
    "a NAT gateway that carries pieces of TCP",
    "nat_gateway.h",
    /(?<=IP_OFFSET\) && )p->flow\.protocol != IPPROTO_UDP/,
    "p->flow.icmp",
  ],
  ["a NAT gateway that is no hop on the fast path", "flow_cache.h", /h->ip\.ttl -= flow->hops;/, ""],
  ["a NAT gateway that passes a TTL of 1 on", "nat_gateway.h", /(?<=p->hop_limit <= p->hops) \+ 1/, ""],
  [
    "a NAT gateway that tells of a TTL of 1 by another's address",
    "icmp_error.h",
    /p->target\.private_ip, &what/,
    "p->ip.destination, &what",
  ],
  [
    "NAT64 that says where it should not",
    "nat64.h",
    /(?<=WITHIN\(ip, 0x7f000000, 8\) \|\| ip >= 0x)e0000000/,
    "f0000000",
  ],
  [
    "NAT64 whose checksums forget the ports",
    "nat64_write.h",
    /(?<=replace\(skb, at, 0, )ports_grow\(&p->arrived, &p->flow\)/,
    "0",
  ],
  [
    "NAT64 that measures IPv6",
    "deliver.h",
    /(?<=return )p->nat64 && p->came_ipv6 \?[^;]*: length;/,
    "length;",
  ],
  [
    "an ICMP error of NAT64 with the MTU of the other family",
    "nat64_write.h",
    /bpf_htons\(other_mtu\(mtu, to6\)\)/,
    "bpf_htons(mtu)",
  ],
  ["a regional NAT gateway of one zone", "route.h", /(?<=row->zones\[)zone & \(MAX_ZONES - 1\)/, "0 * zone"],
  [
    "an endpoint that is taken for a stopped instance",
    "deliver.h",
    /p->target\.flags & INTERFACE_ENDPOINT/,
    "0",
  ],
  ["a private NAT gateway on the internet", "genkan.bpf.c", /DROP_nat_private/, "0"],
  [
    "a peering connection that carries what only passes through",
    "route.h",
    /if \(!find_address\(p->source\.vpc, &p->flow\.source\)\)\n\t\treturn DROP_peering_source;/,
    "",
  ],
  [
    "a peering connection into the sender's own VPC",
    "route.h",
    /(?<=row = find_address\()peer, /,
    "p->source.vpc, ",
  ],
  [
    "a peering connection between regions that carries what is too long for it",
    "deliver.h",
    /(?<=WAY_REMOTE_PEERING \? )REMOTE_PEERING_MTU/,
    "INSIDE_MTU",
  ],
  [
    "a flow log that takes every peering for one within the region",
    "flow_log.h",
    /(?<=WAY_REMOTE_PEERING \? )PATH_REMOTE_PEERING/,
    "PATH_PEERING",
  ],
  ["an IPv6 rule that lets IPv4 in", "network_acl.h", /length < 96 && !p->is_ipv6 && !rule->group/, "0"],
  [
    "an egress-only gateway that lets strangers in",
    "egress_only.h",
    /if \(!c \|\| is_reopened\(c, p\)\)\n\t\treturn DROP_egress_only;/,
    "if (!c)\n\t\treturn 0;",
  ],
  [
    "an egress-only gateway that forgets",
    "egress_only.h",
    /(?<=p->target\.flags, )1(?=\);\n\treturn 0;)/,
    "0",
  ],
  ["a stale IPv6 flow after a change", "ipv6_flow_cache.h", /(?<=if \()flow->epoch != /, "0 && $&"],
  ["a routing header with a hop to come", "ipv6_parse.h", / \|\| header\[3\]/, ""],
  [
    "a solicitation for one's own address that is answered",
    "neighbour.h",
    / \|\| owns_address\(&p->source, p->link, &target\)/,
    "",
  ],
  [
    "a header checksum that nobody looks at",
    "parse.h",
    /(?<=if \()bad_header_checksum\(skb, p\)/,
    "(0 && $&)",
  ],
];

const folder = mkdtempSync(join(tmpdir(), "genkan-faults-"));
after(() => rmSync(folder, { recursive: true }));

/** The kernel program with the fault in it. */
function compiled([name, file, from, to]: Fault): string {
  const copy = join(folder, name.replaceAll(" ", "-"));
  cpSync(join(ROOT, KERNEL), join(copy, KERNEL), { recursive: true });
  cpSync(join(ROOT, "tools/build-kernel.sh"), join(copy, "tools/build-kernel.sh"));
  const path = join(copy, KERNEL, file);
  const text = readFileSync(path, "utf8");
  // Where a line of C is broken is no matter.
  const pattern = new RegExp(from.source.replaceAll(" ", "\\s+"), "g");
  assert.equal(text.match(pattern)?.length, 1, `${file} has it once: ${from}`);
  writeFileSync(path, text.replace(pattern, to));
  const made = spawnSync("sh", [join(copy, "tools/build-kernel.sh")], { encoding: "utf8" });
  assert.equal(made.status, 0, made.stderr);
  return join(copy, "dist/datapath/genkan.bpf.o");
}

describe("the proof finds", { skip: noKernel }, () => {
  for (const fault of FAULTS) {
    it(fault[0], () => {
      const manner = { seed: 1, frames: FRAMES, mutated: 12 };
      const machine = openMachine(compiled(fault));
      let number = 0;
      while (machine.frames() < MOST && !playRandom(machine, manner, number).found) number++;
      machine.close();
      // What the program gets wrong by itself is no sign of the fault.
      const sound = openMachine();
      assert.equal(
        playRandom(sound, manner, number).found,
        undefined,
        `scenario ${number} finds nothing without the fault`,
      );
      sound.close();
      if (process.env["GENKAN_SHOW"]) console.log(fault[0], machine.frames());
      assert.ok(machine.frames() < MOST, `found within ${MOST} frames`);
    });
  }

  it("nothing without a fault to find, and says so by its exit code", () => {
    const prove = (object: string): SpawnSyncReturns<string> =>
      spawnSync(
        process.execPath,
        [join(import.meta.dirname, "prove.js"), "--packets", "4000", "--jobs", "1", "--object", object],
        {
          encoding: "utf8",
        },
      );
    const right = prove(join(ROOT, "dist/datapath/genkan.bpf.o"));
    assert.equal(right.status, 0, right.stdout + right.stderr);
    const wrong = prove(join(folder, "a-skipped-network-ACL/dist/datapath/genkan.bpf.o"));
    assert.equal(wrong.status, 1);
    assert.match(wrong.stdout, /disagreement on the verdict\n.*\n.*network_acl_in/);
    assert.match(wrong.stdout, /again: npm run prove -- --seed 1 --scenario \d+/);
  });
});
