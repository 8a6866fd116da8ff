/**
 * boto3, of each Python on the machine that has it: every waiter and paginator whose operation is offered,
 * and a story around them.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { OFFERED } from "../../src/actions/registry.ts";
import { execute, type Genkan, noPackets, ROOT, startGenkan } from "../kit/genkan.ts";
import { found } from "./found.ts";
import { leftOvers } from "./left-overs.ts";

const pythons = noPackets
  ? []
  : found("python3").filter((python) => spawnSync(python, ["-c", "import boto3"]).status === 0);
const MINUTES = 60_000;

describe("boto3", { skip: noPackets || (pythons.length === 0 ? "no Python with boto3 here" : false) }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan(["--no-host-link"]);
  });
  after(() => genkan.stop());

  for (const python of pythons)
    test(`${python}: waiters end, pages are the whole`, { timeout: 4 * MINUTES }, async () => {
      const env = {
        ...genkan.environment,
        ...genkan.credentials,
        AWS_DEFAULT_REGION: genkan.credentials.AWS_REGION,
        AWS_CONFIG_FILE: "/dev/null",
        AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
        AWS_EC2_METADATA_DISABLED: "true",
      };
      const args = [join(ROOT, "test/clients/boto3/story.py"), `http://127.0.0.1:${genkan.port}`];
      const { status, out, err } = await execute(python, args, {
        env,
        timeout: 4 * MINUTES,
        input: JSON.stringify(OFFERED),
      });
      assert.equal(status, 0, `${out}${err.slice(-4000)}`);
      const { waited, paged } = JSON.parse(out) as {
        readonly waited: readonly string[];
        readonly paged: number;
      };
      assert.ok(waited.length >= 14 && paged > 20, out);
      assert.deepEqual(await leftOvers(genkan.client), [], "nothing is left");
    });
});
