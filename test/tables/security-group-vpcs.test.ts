import assert from "node:assert/strict";
import { test } from "node:test";
import { newRegion } from "../../src/actions/test-region.ts";
import { poolsOf } from "../../src/contract/pool.ts";
import { present } from "../../src/lib/assert.ts";
import { planDelta } from "../../src/plan/compile.ts";
import { SETTINGS } from "../kit/scene.ts";

test("a change of a group's rules concerns the packets of every VPC that the group can be used in", () => {
  const region = newRegion();
  const made = (operation: string, input: object): string =>
    present(
      /"((?:vpc|sg)-[0-9a-f]{17})"/.exec(JSON.stringify(region.perform(operation, input)))?.[1],
      operation,
    );
  const [left, right] = [1, 2].map((second) => made("CreateVpc", { CidrBlock: `10.${second}.0.0/16` }));
  const GroupId = made("CreateSecurityGroup", { VpcId: left, GroupName: "web", Description: "web" });
  region.perform("AssociateSecurityGroupVpc", { GroupId, VpcId: right });
  const IpPermissions = [
    { IpProtocol: "tcp", FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: "0.0.0.0/0" }] },
  ];
  region.perform("AuthorizeSecurityGroupIngress", { GroupId, IpPermissions });
  const rule = present(region.reader().by("security-group-rule", "groupId", GroupId).at(-1), "the rule");
  const delta = planDelta(
    region.reader(),
    [{ kind: "security-group-rule", id: rule.id, after: rule }],
    poolsOf(SETTINGS.pools),
  );
  const slots = [left, right].map((id) => region.reader().get("vpc", id ?? "")?.slot);
  assert.deepEqual(new Set(delta.vpcs), new Set(slots));
});
