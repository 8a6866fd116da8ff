/** The commands that `genkan explain` proposes, run as they stand. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { present } from "../../src/lib/assert.ts";
import { commandsIn, type Question } from "../kit/explain.ts";
import { newShell } from "../kit/paste.ts";
import { type Scene, scene } from "../kit/scene.ts";
import {
  asking,
  closeHttp,
  commands,
  deleteDefault,
  deny,
  EVERYWHERE,
  explained,
  INTERNET,
  makePrivate,
  mend,
  stop,
  verdicts,
} from "./small-region.ts";

describe("the commands", () => {
  test("for one list have numbers of their own", () => {
    const s = scene();
    deny(s, false, 50);
    s.ec2("DeleteNetworkAclEntry", { NetworkAclId: s.acl, RuleNumber: 100, Egress: true });
    assert.equal(commands(explained(s)).length, 4);
    assert.equal(mend(s).ok, true);
  });

  test("make room in front of a denying entry where none is, and nothing else is decided otherwise", () => {
    const s = scene();
    deny(s, false, 1);
    s.ec2("CreateNetworkAclEntry", {
      NetworkAclId: s.acl,
      Egress: false,
      RuleNumber: 2,
      RuleAction: "allow",
      Protocol: "47",
      CidrBlock: "10.0.0.0/8",
    });
    assert.equal(mend(s, { to: INTERNET, direction: "in" }).ok, true);
    const entries = present(s.region.reader().get("network-acl", s.acl), "the ACL").entries.filter(
      ({ egress }) => !egress,
    );
    assert.deepEqual(
      entries
        .toSorted((a, b) => a.ruleNumber - b.ruleNumber)
        .map(({ ruleNumber, action, protocol, cidrBlock }) => [ruleNumber, action, protocol, cidrBlock]),
      [
        [1, "allow", 6, `${INTERNET}/32`],
        [2, "deny", -1, EVERYWHERE],
        [3, "allow", 47, "10.0.0.0/8"],
        [100, "allow", -1, EVERYWHERE],
      ],
    );
  });

  test("run one after another as they stand, and mend everything", () => {
    const faults: readonly ((s: Scene) => void)[] = [
      (s) => stop(s, s.web.id),
      deleteDefault,
      (s) =>
        s.region.change((tx) => {
          const { vpcId: _, ...detached } = present(tx.get("internet-gateway", s.gateway), s.gateway);
          tx.put(detached);
        }),
      (s) => s.region.change((tx) => tx.delete("internet-gateway", s.gateway)),
      makePrivate,
      (s) => {
        s.ec2("RevokeSecurityGroupEgress", {
          GroupId: s.group,
          IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: EVERYWHERE }] }],
        });
      },
      closeHttp,
      (s) => s.ec2("DeleteNetworkAclEntry", { NetworkAclId: s.acl, RuleNumber: 100, Egress: true }),
      (s) => s.ec2("DeleteNetworkAclEntry", { NetworkAclId: s.acl, RuleNumber: 100, Egress: false }),
      (s) => deny(s, true, 1),
      (s) => deny(s, false, 2),
    ];
    const questions: readonly Question[] = [
      {},
      { to: INTERNET },
      { to: INTERNET, protocol: "icmp" },
      { to: INTERNET, protocol: "udp", port: "53" },
    ];
    fc.assert(
      fc.property(fc.subarray([...faults]), fc.constantFrom(...questions), (chosen, question) => {
        const s = scene();
        for (const fault of chosen) attempt(() => fault(s));
        const answer = mend(s, question);
        assert.deepEqual([verdicts(answer), commands(answer)], [["passes", "passes"], []]);
      }),
      { numRuns: 100 },
    );
  });

  test("stand in a shell with quotes where they need them", () => {
    const s = scene();
    const run = newShell(asking(s));
    s.region.change((tx) => {
      for (const { id } of tx.list("route")) tx.delete("route", id);
      tx.delete("internet-gateway", s.gateway);
    });
    const lines = commandsIn(explained(s, { direction: "out" }));
    assert.ok(
      lines.every((line) => !/[[\]{}()](?![^']*')/.test(line.replaceAll(/\$\([^)]*\)/g, ""))),
      lines.join("\n"),
    );
    for (const line of lines) run(line);
    assert.equal(explained(s, { direction: "out" }).ok, true);
  });
});

/** A fault that another one made impossible is none. */
function attempt(body: () => void): void {
  try {
    body();
  } catch {
    return;
  }
}
