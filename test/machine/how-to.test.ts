/** What the pages under docs/how-to/ say to type is typed, and does what they say. */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { oldClients } from "../../src/cli/environment.ts";
import { outputOf } from "../../src/cli/run.ts";
import { execute, type Genkan, noPackets, ROOT, startGenkan } from "../kit/genkan.ts";

const noCli =
  outputOf(["aws", "--version"], 60_000) === undefined || oldClients().some(({ client }) => client === "aws");

function blocksOf(page: string): readonly string[] {
  return [...readFileSync(join(ROOT, "docs/how-to", page), "utf8").matchAll(/```sh\n(.*?)```/gs)].map(
    ([, block]) => block ?? "",
  );
}

/** The shell blocks of a page, one after another in one shell; what each line printed. */
async function typed(genkan: Genkan, page: string): Promise<readonly string[]> {
  const blocks = blocksOf(page);
  const folder = mkdtempSync(join(tmpdir(), "genkan-how-to-"));
  try {
    symlinkSync(join(ROOT, "genkan"), join(folder, "genkan"));
    writeFileSync(join(folder, "page.sh"), `set -e\neval "$(./genkan env)"\n${blocks.join("\n")}`);
    const ended = await execute("bash", ["--norc", "-c", `cd '${folder}' && bash page.sh`], {
      env: genkan.environment,
      timeout: 560_000,
    });
    assert.equal(ended.status, 0, `${page}: ${ended.err}\n${ended.out}`);
    return ended.out.split("\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const skip = noPackets || (noCli ? "no AWS CLI that reads AWS_ENDPOINT_URL" : false);

describe("the how-to pages", { skip }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan([]);
  });
  after(() => genkan.stop());

  it(
    "nat.md: the internet sees the NAT gateway's Elastic IP, and explain says that the way out is right",
    { timeout: 600_000 },
    async () => {
      const lines = await typed(genkan, "nat.md");
      assert.ok(
        lines.some((line) => /^203\.0\.113\.\d+$/.test(line)),
        lines.join("\n"),
      );
    },
  );

  it(
    "ipv6.md: the instance's own address is seen, twice, and reached from outside only by the internet gateway",
    { timeout: 600_000 },
    async () => {
      const lines = await typed(genkan, "ipv6.md");
      assert.equal(lines.filter((line) => /^2001:db8:[0-9a-f:]+$/.test(line)).length, 2, lines.join("\n"));
      assert.equal(lines.filter((line) => line.includes("1 packets transmitted, 1 received")).length, 1);
      assert.equal(lines.filter((line) => line.includes("1 packets transmitted, 0 received")).length, 1);
    },
  );
});

describe("the how-to pages in Japanese", () => {
  it("say to type the same", () => {
    const words = (page: string): readonly string[] =>
      blocksOf(page).map((block) => block.replaceAll(/ *# .*$/gm, "").replaceAll(" --lang ja", ""));
    for (const page of ["nat", "ipv6"]) assert.deepEqual(words(`${page}.ja.md`), words(`${page}.md`));
  });
});
