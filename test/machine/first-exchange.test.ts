import assert from "node:assert/strict";
import { test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { footprint } from "../../src/host/test-footprint.ts";
import {
  attachGateway,
  buildVpc,
  execute,
  launchInstance,
  noPackets,
  startGenkan,
  there,
} from "../kit/genkan.ts";

/** Answers each HTTP request with the address that it saw. */
const SERVER = `#!/bin/sh
mkdir -p /tmp/www/cgi-bin
printf '#!/bin/sh\\nprintf "Content-Type: text/plain\\\\r\\\\n\\\\r\\\\n%%s\\\\n" "$REMOTE_ADDR"\\n' > /tmp/www/cgi-bin/ip
chmod +x /tmp/www/cgi-bin/ip
exec busybox httpd -f -p 80 -h /tmp/www
`;

test(
  "an instance, the internet and this machine talk over a public IP; down leaves nothing behind",
  { skip: noPackets, timeout: 120_000 },
  async () => {
    const before = await footprint(() => true);
    const genkan = await startGenkan([]);
    try {
      const { client } = genkan;
      const vpc = await buildVpc(client);
      const igw = await attachGateway(client, vpc.vpc);
      await client.send(
        new ec2.CreateRouteCommand({
          RouteTableId: vpc.table,
          DestinationCidrBlock: "0.0.0.0/0",
          GatewayId: igw,
        }),
      );
      const instance = await launchInstance(client, vpc, { publicIp: true, userData: SERVER });
      const id = there(instance.InstanceId);
      const address = there(instance.PublicIpAddress);

      const out = await genkan.genkan("exec", id, "--", "curl", "-s", "-m", "5", "http://198.51.100.1/ip");
      assert.equal(out.out.trim(), address, "the internet sees the public IP");

      const url = `http://${address}/cgi-bin/ip`;
      const patient = [
        "-s",
        "-m",
        "10",
        "--retry",
        "50",
        "--retry-delay",
        "0",
        "--retry-connrefused",
        "--retry-max-time",
        "10",
      ];
      const internet = await genkan.genkan("internet", "--", "curl", ...patient, url);
      assert.match(internet.out, /\b198\.51\.100\.1\b/);
      const machine = await execute("curl", ["--noproxy", "*", ...patient, url]);
      assert.match(machine.out, /\b198\.51\.100\.2\b/);

      // The machine opens connections; instances only answer.
      const intrusion = await genkan.genkan(
        "exec",
        id,
        "--",
        "curl",
        "-s",
        "-m",
        "2",
        `http://198.51.100.2:${genkan.port}/`,
      );
      assert.notEqual(intrusion.status, 0);

      // Exit status and input pass through.
      assert.equal((await genkan.genkan("exec", id, "--", "sh", "-c", "exit 7")).status, 7);

      // The metadata service knows the public address.
      const metadata = await genkan.genkan(
        "exec",
        id,
        "--",
        "curl",
        "-s",
        "-m",
        "5",
        "http://169.254.169.254/latest/meta-data/public-ipv4",
      );
      assert.equal(metadata.out.trim(), address);
      const name = await genkan.genkan("exec", id, "--", "getent", "hosts", there(instance.PrivateDnsName));
      assert.match(name.out, new RegExp(`^${there(instance.PrivateIpAddress).replaceAll(".", "\\.")} `));
    } finally {
      await genkan.stop();
    }
    assert.deepEqual(await footprint(() => true), before);
  },
);

test("down after kill -9 leaves nothing behind", { skip: noPackets, timeout: 120_000 }, async () => {
  const before = await footprint(() => true);
  const genkan = await startGenkan([]);
  const vpc = await buildVpc(genkan.client);
  await launchInstance(genkan.client, vpc);
  process.kill(-there(genkan.process.pid), "SIGKILL");
  await genkan.stop();
  assert.deepEqual(await footprint(() => true), before);
});
