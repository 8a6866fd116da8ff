/** The guided tour, with real packets, as a Japanese user sees it. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { type Genkan, noPackets, startGenkan } from "../kit/genkan.ts";

describe("genkan demo", { skip: noPackets }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan();
  });
  after(() => genkan.stop());

  test(
    "sends packets after each step, names each drop in the reader's language, and leaves nothing",
    { timeout: 180_000 },
    async () => {
      const vpcs = async (): Promise<readonly unknown[] | undefined> =>
        (await genkan.client.send(new ec2.DescribeVpcsCommand({}))).Vpcs;
      const earlier = await vpcs();
      const { status, out, err } = await genkan.genkan("demo", "--lang", "ja");
      assert.equal(status, 0, out + err);
      const outwards = [...out.matchAll(/^ +インスタンス → インターネット +(.*)$/gm)].map(([, said]) =>
        said?.replace(/[\d.]+$/, "IP"),
      );
      const noRoute = "✗ 破棄: no_route (サブネットのルートテーブルに宛先へのルートがない)";
      assert.deepEqual(outwards, [
        noRoute,
        noRoute,
        "✗ 破棄: no_public_ip (送信元にパブリック IP が割り当てられていない)",
        "✓ 通ります。相手から見えたアドレスは IP",
        noRoute,
      ]);
      const inwards = [...out.matchAll(/^ +インターネット → インスタンス +([✓✗])/gm)].map(([, mark]) => mark);
      assert.deepEqual(inwards, ["✗", "✗", "✗", "✓", "✗"]);
      assert.deepEqual(await vpcs(), earlier);
    },
  );
});
