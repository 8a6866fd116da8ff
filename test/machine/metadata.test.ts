import assert from "node:assert/strict";
import { test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { noPackets, startGenkan, there } from "../kit/genkan.ts";

const METADATA = "http://169.254.169.254/latest";

test(
  "an instance of an account that prefers version 2 gets its metadata only with a token",
  { skip: noPackets, timeout: 120_000 },
  async () => {
    const genkan = await startGenkan();
    try {
      const { client } = genkan;
      await client.send(new ec2.ModifyInstanceMetadataDefaultsCommand({ HttpTokens: "required" }));
      const { Vpc } = await client.send(new ec2.CreateVpcCommand({ CidrBlock: "10.0.0.0/16" }));
      const { Subnet } = await client.send(
        new ec2.CreateSubnetCommand({ VpcId: Vpc?.VpcId, CidrBlock: "10.0.1.0/24" }),
      );
      const image = {
        ImageId: "ami-0123456789abcdef0",
        InstanceType: "t3.micro",
        MinCount: 1,
        MaxCount: 1,
      } as const;
      const { Instances } = await client.send(
        new ec2.RunInstancesCommand({ ...image, SubnetId: Subnet?.SubnetId }),
      );
      const id = there(Instances?.[0]?.InstanceId);
      await ec2.waitUntilInstanceRunning(
        { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
        { InstanceIds: [id] },
      );
      /** What a request from inside gets, and its status behind it. */
      const got = async (...more: readonly string[]): Promise<string> =>
        (
          await genkan.genkan("exec", id, "--", "curl", "-s", "-m", "5", "-w", " %{http_code}", ...more)
        ).out.trim();

      assert.match(await got(`${METADATA}/meta-data/instance-id`), / 401$/, "version 1 is over");
      const answer = await got(
        "-X",
        "PUT",
        "-H",
        "X-aws-ec2-metadata-token-ttl-seconds: 60",
        `${METADATA}/api/token`,
      );
      const [token = "", status] = answer.split(" ");
      assert.equal(status, "200");
      assert.equal(
        await got("-H", `X-aws-ec2-metadata-token: ${token}`, `${METADATA}/meta-data/instance-id`),
        `${id} 200`,
      );
      assert.match(
        await got("-H", "X-aws-ec2-metadata-token: made-up", `${METADATA}/meta-data/instance-id`),
        / 401$/,
      );

      await client.send(
        new ec2.ModifyInstanceMetadataOptionsCommand({ InstanceId: id, HttpTokens: "optional" }),
      );
      assert.equal(await got(`${METADATA}/meta-data/instance-id`), `${id} 200`, "until it is allowed again");
      await client.send(
        new ec2.ModifyInstanceMetadataOptionsCommand({ InstanceId: id, HttpEndpoint: "disabled" }),
      );
      assert.doesNotMatch(
        await got(`${METADATA}/meta-data/instance-id`),
        / 200$/,
        "nothing answers when it is off",
      );
    } finally {
      await genkan.stop();
    }
  },
);
