/**
 * Runs every test and closes with `N passed, N failed`. As root on Linux, the tests of `src/` together and
 * each file of `test/` run in network, mount and process namespaces of their own, with an empty /run: no
 * packet of theirs has a way out, and none meets another's or those of a Genkan that is up.
 */

import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isolatedCommand } from "../test/kit/isolate.ts";

const root = join(import.meta.dirname, "../..");
const isolated = process.platform === "linux" && process.getuid?.() === 0;
const PARALLEL = 2;
/** What measures times, or is several machines, has this one to itself. */
const BY_ITSELF = /\/(neighbours|box)\.test\.js$/;

function testFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return testFiles(path);
    // A compiled test whose source is gone no longer counts.
    const source = path.replace(join(root, "dist"), root).replace(/\.js$/, ".ts");
    return entry.name.endsWith(".test.js") && existsSync(source) ? [path] : [];
  });
}

/** The files to run together; a word on the command line chooses those whose path contains it. */
function groups(words: readonly string[]): readonly (readonly string[])[] {
  const chosen = (folder: string): string[] => {
    const path = join(root, "dist", folder);
    const files = existsSync(path) ? testFiles(path) : [];
    return words.length === 0
      ? files
      : files.filter((file) => words.some((word) => file.slice(root.length).includes(word)));
  };
  return [[...chosen("src"), ...chosen("tools")], ...chosen("test").map((file) => [file])].filter(
    (group) => group.length > 0,
  );
}

type Result = { readonly passed: number; readonly failed: number; readonly skipped: number };

function run(files: readonly string[]): Promise<Result> {
  const node = [
    process.execPath,
    "--test",
    `--test-concurrency=${PARALLEL}`,
    "--test-timeout=1200000",
    "--test-reporter=spec",
    ...files,
  ];
  const [program = "", ...args] = isolated ? isolatedCommand(node) : node;
  return new Promise((resolve, reject) => {
    const environment = {
      ...process.env,
      PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`,
      NO_COLOR: "1",
      NODE_NO_WARNINGS: "1",
    };
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"], env: environment });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      process.stdout.write(text);
      const count = (word: string): number =>
        Number(new RegExp(`^ℹ ${word} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
      const failed = count("fail") + count("cancelled");
      resolve({
        passed: count("pass"),
        failed: code !== 0 && failed === 0 ? 1 : failed,
        skipped: count("skipped"),
      });
    });
  });
}

const chosen = groups(process.argv.slice(2));
const byThemselves = chosen.filter(([file = ""]) => BY_ITSELF.test(file));
const waiting = chosen.filter((group) => !byThemselves.includes(group));
const results: Result[] = [];
async function work(): Promise<void> {
  for (let group = waiting.shift(); group; group = waiting.shift()) results.push(await run(group));
}
// The tests of src/ use every processor by themselves; those of test/ run beside one another.
const first = waiting.shift();
if (first) results.push(await run(first));
for (const group of byThemselves) results.push(await run(group));
await Promise.all(Array.from({ length: PARALLEL }, work));

const sum = (key: keyof Result): number => results.reduce((total, result) => total + result[key], 0);
console.log(
  `${sum("passed")} passed, ${sum("failed")} failed${sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : ""}`,
);
process.exitCode = sum("failed") === 0 && sum("passed") > 0 ? 0 : 1;
