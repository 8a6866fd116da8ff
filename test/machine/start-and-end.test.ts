import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import {
  buildVpc,
  type Ended,
  execute,
  type Genkan,
  launchInstance,
  MAIN,
  noPackets,
  startGenkan,
  there,
} from "../kit/genkan.ts";

const PAGE = 4096;

/** Words for the user, in one line, and no place in the code. */
function words({ status, out, err }: Ended): string {
  assert.equal(status, 1, out + err);
  assert.doesNotMatch(out + err, /^\s+at /m);
  return err.trim();
}

describe("a start says in words why it can't be", () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan(["--no-packets"]);
    await genkan.client.send(new ec2.CreateVpcCommand({ CidrBlock: "10.0.0.0/16" }));
    for (let count = 0; count < 60; count++)
      await genkan.client.send(new ec2.CreateInternetGatewayCommand({})).catch(() => undefined);
    await genkan.genkan("down");
  });
  after(() => genkan.stop());
  const up = (): Promise<Ended> => genkan.genkan("up", "--no-packets");
  const data = (): string => join(genkan.home, "state/data.mdb");

  test("when the state is gone, or empty, and instances are not", { timeout: 120_000 }, async () => {
    const whole = readFileSync(data());
    const disk = join(genkan.home, "instances/i-0123456789abcdef0/rootfs");
    mkdirSync(disk, { recursive: true });
    truncateSync(data(), 0);
    assert.match(
      words(await up()),
      /^genkan: .*data\.mdb is empty, and there are files of 1 instance in .*instances\. Put the file back/,
    );
    rmSync(data());
    assert.match(words(await up()), /^genkan: .*data\.mdb is missing, and there are files of 1 instance/);
    assert.ok(existsSync(disk));
    rmSync(join(genkan.home, "instances"), { recursive: true });
    writeFileSync(data(), whole);
  });

  test("when the state's pages are damaged, whichever they are", { timeout: 300_000 }, async () => {
    const whole = readFileSync(data());
    const { size } = statSync(data());
    let refused = 0;
    for (let page = 2; page < size / PAGE && page < 10; page += 1) {
      writeFileSync(data(), whole);
      const fd = openSync(data(), "r+");
      writeSync(fd, Buffer.alloc(PAGE), 0, PAGE, page * PAGE);
      const started = await genkan.genkan("up", "--no-packets", "--detach");
      if (started.status === 0) await genkan.genkan("down");
      else {
        refused += 1;
        assert.match(
          started.err,
          /^genkan: .*(data\.mdb is damaged: whoever reads it ends with SIG|state|record).* Put a copy of the file in its place/m,
        );
        assert.doesNotMatch(started.err, /^\s+at |Assertion|internal error/m);
      }
    }
    assert.ok(refused > 0);
    writeFileSync(data(), whole);
  });

  test("when a file of the home is damaged, and so do status and down", { timeout: 120_000 }, async () => {
    for (const name of ["credentials.json", "running.json"]) {
      const path = join(genkan.home, name);
      const whole = existsSync(path) ? readFileSync(path) : undefined;
      for (const text of ["", "{}"]) {
        writeFileSync(path, text);
        for (const ended of [await up(), await genkan.genkan("status")])
          assert.match(
            words(ended),
            new RegExp(`^genkan: .*${name} is damaged\\. Remove it: the next start makes it anew\\.`),
          );
      }
      if (name === "running.json")
        assert.match(words(await genkan.genkan("down")), /running\.json is damaged/);
      if (whole) writeFileSync(path, whole);
      else rmSync(path);
    }
  });

  test("when the home can't be written to", { skip: noPackets }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "genkan-readonly-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", folder]);
    const start = async (home: string, ...more: readonly string[]): Promise<string> => {
      const env = { ...genkan.environment, GENKAN_HOME: home };
      return words(
        await execute(process.execPath, ["--no-warnings", MAIN, "up", "--no-packets", ...more], { env }),
      );
    };
    const readOnly =
      /can't be (made|written to) \(its file system is read-only\)\. Choose another folder: GENKAN_HOME=/;
    for (const home of [folder, join(folder, "within")])
      for (const more of [[], ["--detach"]]) assert.match(await start(home, ...more), readOnly);
    assert.match(await start("/proc/genkan"), /\/proc\/genkan can't be made/);
    execFileSync("umount", [folder]);
    rmSync(folder, { recursive: true });
  });
});

describe("down ends everything", { skip: noPackets }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan();
  });
  after(() => genkan.stop());
  const run = (): string => {
    const name = readdirSync("/run").find((entry) => entry.startsWith("genkan-"));
    return join("/run", there(name));
  };
  const sandboxes = (): number =>
    readdirSync("/proc").filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(genkan.home);
      } catch {
        return false;
      }
    }).length;

  test("when its records were lost, and by several at once", { timeout: 120_000 }, async () => {
    const vpc = await buildVpc(genkan.client);
    await launchInstance(genkan.client, vpc, {});
    rmSync(join(run(), "proc"), { recursive: true });
    const ended = await Promise.all([1, 2, 3].map(() => genkan.genkan("down")));
    for (const { status, err } of ended) assert.equal(status, 0, err);
    assert.deepEqual(
      readdirSync("/run").filter((entry) => entry.startsWith("genkan-")),
      [],
    );
    assert.equal(sandboxes(), 0);
    await genkan.start();
  });

  test("in the midst of a start, which says so", { timeout: 120_000 }, async () => {
    await genkan.genkan("down");
    const starting = execute(process.execPath, ["--no-warnings", MAIN, "up", "--no-host-link"], {
      env: genkan.environment,
      timeout: 100_000,
    });
    while (!existsSync(join(genkan.home, "starting.json"))) await new Promise(setImmediate);
    const down = await genkan.genkan("down");
    assert.equal(down.status, 0, down.err);
    const { status, out, err } = await starting;
    assert.doesNotMatch(out + err, /^\s+at /m);
    assert.equal(status, 1, out + err);
    assert.match(out, /stopped while it was starting/);
    assert.ok(!readdirSync("/run").some((entry) => entry.startsWith("genkan-")));
    assert.equal(sandboxes(), 0);
    await genkan.start();
  });
});
