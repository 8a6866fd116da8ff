/** What `genkan explain` prints. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { explanationLines } from "../../src/cli/explain.ts";
import type { Paint } from "../../src/cli/paint.ts";
import type { Language } from "../../src/words/language.ts";
import { asked, type Question } from "../kit/explain.ts";
import { type Scene, scene, SETTINGS } from "../kit/scene.ts";

const same = (text: string): string => text;
const PLAIN: Paint = { good: same, bad: same, faint: same, strong: same };

function printed(s: Scene, question: Question, language: Language): string {
  const { reader, begin, change } = s.region;
  const asking = { reader, begin, change, context: s.region.context(), settings: SETTINGS };
  return explanationLines(asked(asking, s.web.id, question), language, PLAIN).join("\n");
}

test("what stands in the way has its resource, its code and its command; sentences are in both languages", () => {
  const s = scene();
  const english = printed(s, { direction: "in", port: "22" }, "en");
  const command = `aws ec2 authorize-security-group-ingress --group-id ${s.group} --protocol tcp --port 22 --cidr 0.0.0.0/0 --region us-east-1`;
  assert.match(english, new RegExp(`^198.51.100.1 → ${s.web.id}, TCP 22\\n`));
  assert.ok(
    english.includes(
      `    ✗ security group, inbound: no security group rule lets it in  ${s.group}  ENI_SG_RULES_MISMATCH\n        mend it with:\n          ${command}\n`,
    ),
    english,
  );
  assert.match(english, new RegExp(`\\n✗ 198.51.100.1 can't reach ${s.web.id} on TCP 22$`));
  const japanese = printed(s, { direction: "in", port: "22" }, "ja");
  assert.match(
    japanese,
    /✗ セキュリティグループ（インバウンド）: 許可するインバウンドルールがセキュリティグループにない/,
  );
  assert.match(japanese, new RegExp(`\\n✗ 198.51.100.1 から ${s.web.id} へ TCP 22 で接続できない$`));
});

test("an appliance's software is to be looked at from the instance, whoever sends first", () => {
  const s = scene();
  s.ec2("ModifyNetworkInterfaceAttribute", {
    NetworkInterfaceId: s.other.eni,
    SourceDestCheck: { Value: false },
  });
  s.ec2("AuthorizeSecurityGroupIngress", {
    GroupId: s.group,
    IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
  });
  s.ec2("ReplaceRoute", {
    RouteTableId: s.table,
    DestinationCidrBlock: "0.0.0.0/0",
    NetworkInterfaceId: s.other.eni,
  });
  const lines = printed(s, {}, "en");
  const hint = `? the software behind ${s.other.eni} decides from there on (see genkan trace ${s.web.id})`;
  assert.equal(lines.split("\n").filter((line) => line === hint).length, 2, lines);
});

test("a packet that never leaves the instance is said neither to work nor to fail", () => {
  assert.match(printed(scene(), { to: "127.0.0.1" }, "en"), /^– 127\.0\.0\.1 never leaves i-/);
});
