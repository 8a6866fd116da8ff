/** Terraform with the AWS provider, where both are on the machine: applies, plans clean, changes in place, destroys, leaves nothing. */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Ended, execute, type Genkan, noPackets, ROOT, startGenkan } from "../kit.ts";
import { leftOvers } from "./left-overs.ts";

/** Where a provider may lie: `registry.terraform.io/hashicorp/aws/VERSION/linux_ARCH/`. */
const MIRRORS = [process.env["GENKAN_TERRAFORM_PLUGINS"] ?? "", "/opt/tf-plugins", "/usr/share/terraform/plugins"];
const mirror = MIRRORS.find((folder) => folder !== "" && existsSync(join(folder, "registry.terraform.io/hashicorp/aws")));
const terraform = ["/usr/local/bin/terraform", "/usr/bin/terraform"].find((path) => existsSync(path));
const absent =
  noPackets || (terraform === undefined ? "no terraform here" : mirror === undefined ? "no AWS provider for Terraform here" : false);

const CONFIGURATIONS = ["public", "private", "ipv6", "three-zone", "peering", "flow-logs", "gateways"];
const MINUTES = 60_000;

/** Most of the time Terraform waits for its own clock: several at once, each with a Genkan of its own. */
describe("Terraform", { skip: absent, concurrency: 3 }, () => {
  for (const name of CONFIGURATIONS) {
    test(name, { timeout: 8 * MINUTES }, async () => {
      const folder = mkdtempSync(join(tmpdir(), "genkan-terraform-"));
      const genkan = await startGenkan(["--no-host-link"]);
      try {
        await lifeOf(name, folder, genkan);
      } finally {
        await genkan.stop();
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
});

async function lifeOf(name: string, folder: string, genkan: Genkan): Promise<void> {
  const source = join(ROOT, "test/clients/terraform");
  cpSync(join(source, name), folder, { recursive: true });
  cpSync(join(source, "provider.tf"), join(folder, "provider.tf"));
  const run = runner(folder, genkan);
  const done = async (...argv: readonly string[]): Promise<void> => {
    const { status, out, err } = await run(...argv);
    assert.equal(status, 0, `terraform ${argv.join(" ")}\n${out.slice(-6000)}\n${err}`);
  };
  await done("init", "-no-color", "-input=false");
  for (const stage of ["false", "true"]) {
    const changed = `-var=changed=${stage}`;
    if (stage === "true") await changesInPlace(run, changed);
    await done("apply", "-no-color", "-input=false", "-auto-approve", changed);
    const plan = await run("plan", "-no-color", "-input=false", "-detailed-exitcode", changed);
    assert.equal(plan.status, 0, `a plan after the apply is clean\n${plan.out}\n${plan.err}`);
  }
  await done("destroy", "-no-color", "-input=false", "-auto-approve", "-var=changed=true");
  assert.deepEqual(await leftOvers(genkan.client), [], "nothing is left");
}

/** The second stage changes resources, and replaces none. */
async function changesInPlace(run: Run, changed: string): Promise<void> {
  const { status, out, err } = await run("plan", "-no-color", "-input=false", "-detailed-exitcode", changed);
  assert.equal(status, 2, `the change is seen\n${out}\n${err}`);
  assert.doesNotMatch(out, /must be replaced|will be destroyed/);
}

type Run = (...argv: readonly string[]) => Promise<Ended>;

function runner(folder: string, genkan: Genkan): Run {
  const configuration = join(folder, "cli.tfrc");
  writeFileSync(configuration, `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }\n}\n`);
  const env = {
    ...genkan.environment,
    ...genkan.credentials,
    TF_CLI_CONFIG_FILE: configuration,
    TF_VAR_endpoint: `http://127.0.0.1:${genkan.port}`,
    AWS_EC2_METADATA_DISABLED: "true",
    CHECKPOINT_DISABLE: "1",
  };
  return (...argv) => execute(terraform ?? "", [`-chdir=${folder}`, ...argv], { env, timeout: 4 * MINUTES });
}
