import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { execute, noPackets, ROOT } from "../kit/genkan.ts";

/** A first instruction that no verifier takes: it reads a register that nothing was put into. */
const UNSET = Buffer.from("bf50000000000000", "hex");

/** The offset of a section's bytes in a 64-bit ELF file. */
function sectionAt(file: Buffer, name: string): number {
  const headers = Number(file.readBigUInt64LE(40));
  const header = (index: number): Buffer => file.subarray(headers + index * 64);
  const names = Number(header(file.readUInt16LE(62)).readBigUInt64LE(24));
  for (let index = 0; index < file.readUInt16LE(60); index += 1) {
    const at = names + header(index).readUInt32LE(0);
    if (file.toString("latin1", at, file.indexOf(0, at)) === name)
      return Number(header(index).readBigUInt64LE(24));
  }
  throw new Error(`no section ${name}`);
}

describe("a kernel that refuses the program", { skip: noPackets }, () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "genkan-refused-"));
    cpSync(join(ROOT, "dist"), join(folder, "dist"), { recursive: true });
    cpSync(join(ROOT, "package.json"), join(folder, "package.json"));
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const object = join(folder, "dist/datapath/genkan.bpf.o");
    const bytes = readFileSync(object);
    UNSET.copy(bytes, sectionAt(bytes, "tc"));
    writeFileSync(object, bytes);
  });
  after(() => rmSync(folder, { recursive: true }));

  it("is told in one line, with the verifier's words in a file, and the start leaves nothing behind", async () => {
    const home = join(folder, "home");
    const main = join(folder, "dist/src/main.js");
    const env = { ...process.env, GENKAN_HOME: home, LC_ALL: "C" };
    const ended = await execute(process.execPath, ["--no-warnings", main, "up", "--no-host-link"], {
      env,
      timeout: 60_000,
    });
    assert.equal(ended.status, 1);
    const file = join(home, "verifier.log");
    assert.match(
      ended.err,
      /^genkan: This kernel \(\S+\) refuses the program that moves packets: EACCES\. Its last words: \S+\. Without packets: \S+ up --no-packets\n$/,
    );
    assert.ok(ended.err.includes(file));
    assert.match(readFileSync(file, "utf8"), /R5 !read_ok/);
    assert.equal(existsSync("/run") && (await execute("sh", ["-c", "ls -d /run/genkan-*"])).out, "");
  });
});
