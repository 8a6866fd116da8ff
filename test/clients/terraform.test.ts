/**
 * Terraform with the AWS provider, where both are on the machine: applies, plans clean, changes in place,
 * destroys, leaves nothing.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { type Ended, execute, type Genkan, noPackets, ROOT, startGenkan } from "../kit/genkan.ts";
import { leftOvers } from "./left-overs.ts";

/** Where a provider may lie: `registry.terraform.io/hashicorp/aws/VERSION/linux_ARCH/`. */
const MIRRORS = [
  process.env["GENKAN_TERRAFORM_PLUGINS"] ?? "",
  "/opt/tf-plugins",
  "/usr/share/terraform/plugins",
];
const PROVIDER = "registry.terraform.io/hashicorp/aws";
const mirror = MIRRORS.find((folder) => folder !== "" && existsSync(join(folder, PROVIDER)));
const terraform = ["/usr/local/bin/terraform", "/usr/bin/terraform"].find((path) => existsSync(path));
const absent =
  noPackets ||
  (terraform === undefined
    ? "no terraform here"
    : mirror === undefined
      ? "no AWS provider for Terraform here"
      : false);

const CONFIGURATIONS = ["public", "private", "ipv6", "three-zone", "peering", "flow-logs", "gateways"];
const MINUTES = 60_000;

/** Most of the time Terraform waits for its own clock: several at once, each with a Genkan of its own. */
describe("Terraform", { skip: absent, concurrency: 3 }, () => {
  for (const name of CONFIGURATIONS) {
    test(name, { timeout: 8 * MINUTES }, async () => {
      const folder = mkdtempSync(join(tmpdir(), "genkan-terraform-"));
      const genkan = await startGenkan(["--no-host-link"]);
      const environment = environmentOf(genkan, folder);
      await both(
        async () => {
          const provider = name === "public" ? undefined : await startProvider(environment);
          await both(
            () => lifeOf(name, folder, genkan.client, { ...environment, ...provider?.environment }),
            () => provider?.stop(),
          );
        },
        async () => {
          await genkan.stop();
          rmSync(folder, { recursive: true, force: true });
        },
      );
    });
  }
});

/**
 * Runs the end whatever the body does. When both fail, both errors are shown: the body's is often the reason
 * for the other.
 */
async function both(body: () => Promise<void>, end: () => Promise<void> | void): Promise<void> {
  const failed: unknown[] = [];
  for (const part of [body, end])
    try {
      await part();
    } catch (error) {
      failed.push(error);
    }
  if (failed.length > 1)
    throw new AggregateError(
      failed,
      failed.map((error) => (error instanceof Error ? error.message : String(error))).join("\n\n"),
    );
  if (failed.length > 0) throw failed[0];
}

async function lifeOf(
  name: string,
  folder: string,
  client: Genkan["client"],
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const source = join(ROOT, "test/clients/terraform");
  cpSync(join(source, name), folder, { recursive: true });
  cpSync(join(source, "provider.tf"), join(folder, "provider.tf"));
  const run = runner(folder, environment);
  const done = async (...argv: readonly string[]): Promise<void> => {
    const { status, out, err } = await run(...argv);
    assert.equal(status, 0, `terraform ${argv.join(" ")}\n${out.slice(-6000)}\n${err}`);
  };
  await done("init", "-no-color", "-input=false");
  for (const stage of ["false", "true"]) {
    const changed = `-var=changed=${stage}`;
    if (stage === "true") await changesInPlace(run, changed);
    await done(
      "apply",
      "-no-color",
      "-input=false",
      "-auto-approve",
      ...(stage === "true" ? [PLAN] : [changed]),
    );
    const plan = await run("plan", "-no-color", "-input=false", "-detailed-exitcode", changed);
    assert.equal(plan.status, 0, `a plan after the apply is clean\n${plan.out}\n${plan.err}`);
  }
  await done("destroy", "-no-color", "-input=false", "-auto-approve", "-var=changed=true");
  assert.deepEqual(await leftOvers(client), [], "nothing is left");
}

const PLAN = "changes.tfplan";

/** The second stage changes resources, and replaces none. */
async function changesInPlace(run: Run, changed: string): Promise<void> {
  const { status, out, err } = await run(
    "plan",
    "-no-color",
    "-input=false",
    "-detailed-exitcode",
    `-out=${PLAN}`,
    changed,
  );
  assert.equal(status, 2, `the change is seen\n${out}\n${err}`);
  assert.doesNotMatch(out, /must be replaced|will be destroyed/);
}

type Run = (...argv: readonly string[]) => Promise<Ended>;

/**
 * The provider takes seconds of a processor to start, and Terraform starts it two or three times a command:
 * all but one configuration find it started, as its developers do.
 */
async function startProvider(
  env: NodeJS.ProcessEnv,
): Promise<{ readonly environment: NodeJS.ProcessEnv; readonly stop: () => void }> {
  const program = readdirSync(join(mirror ?? "", PROVIDER), { recursive: true, encoding: "utf8" }).find(
    (path) => /terraform-provider-aws_[^/]*$/.test(path),
  );
  const child = spawn(join(mirror ?? "", PROVIDER, program ?? ""), ["-debug"], {
    stdio: ["ignore", "pipe", "ignore"],
    env,
  });
  for await (const line of createInterface(child.stdout)) {
    const [, value] = /TF_REATTACH_PROVIDERS='(.*)'/.exec(line) ?? [];
    if (value === undefined) continue;
    child.stdout.resume();
    return { environment: { TF_REATTACH_PROVIDERS: value }, stop: () => child.kill() };
  }
  throw new Error("the provider did not start");
}

function environmentOf(genkan: Genkan, folder: string): NodeJS.ProcessEnv {
  const configuration = join(folder, "cli.tfrc");
  writeFileSync(
    configuration,
    `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }\n}\n`,
  );
  return {
    ...genkan.environment,
    ...genkan.credentials,
    TF_CLI_CONFIG_FILE: configuration,
    TF_VAR_endpoint: `http://127.0.0.1:${genkan.port}`,
    // Nothing here speaks TLS, and the provider can take a bundle of certificates only once in a process.
    AWS_CA_BUNDLE: undefined,
    AWS_EC2_METADATA_DISABLED: "true",
    CHECKPOINT_DISABLE: "1",
    // Memory for time: a third less of the processor.
    GOGC: "400",
  };
}

function runner(folder: string, env: NodeJS.ProcessEnv): Run {
  return (...argv) => execute(terraform ?? "", [`-chdir=${folder}`, ...argv], { env, timeout: 4 * MINUTES });
}
