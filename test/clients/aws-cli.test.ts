/**
 * The AWS CLI, each version of it that is on the machine: a story of what people do with it, waiters, pages
 * and errors included.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { execute, type Genkan, noPackets, ROOT, startGenkan } from "../kit/genkan.ts";
import { found } from "./found.ts";
import { leftOvers } from "./left-overs.ts";

const programs = noPackets ? [] : found("aws");
const MINUTES = 60_000;

describe(
  "the AWS CLI",
  { concurrency: true, skip: noPackets || (programs.length === 0 ? "no aws here" : false) },
  () => {
    let genkan: Genkan;
    before(async () => {
      genkan = await startGenkan(["--no-host-link"]);
    });
    after(async () => {
      const left = await leftOvers(genkan.client);
      await genkan.stop();
      assert.deepEqual(left, [], "nothing is left");
    });

    for (const program of programs)
      test(`${program}: makes, waits, pages and takes away`, { timeout: 4 * MINUTES }, async () => {
        const folder = mkdtempSync(join(tmpdir(), "genkan-aws-"));
        const script = `cd "${folder}" && exec sh "${join(ROOT, "test/clients/aws-cli/story.sh")}"`;
        const { AWS_REGION = "us-east-1" } = genkan.credentials;
        const env = {
          ...genkan.environment,
          ...genkan.credentials,
          AWS: program,
          STORY: `story-${programs.indexOf(program)}`,
          ENDPOINT: `http://127.0.0.1:${genkan.port}`,
          AWS_DEFAULT_REGION: AWS_REGION,
          AWS_PAGER: "",
          AWS_CONFIG_FILE: join(folder, "config"),
          AWS_SHARED_CREDENTIALS_FILE: join(folder, "credentials"),
          AWS_EC2_METADATA_DISABLED: "true",
        };
        const { status, out, err } = await execute("sh", ["-c", script], { env, timeout: 4 * MINUTES });
        rmSync(folder, { recursive: true });
        assert.equal(status, 0, `${out}${err}`);
        assert.match(out, /the story ended\n$/);
      });
  },
);
