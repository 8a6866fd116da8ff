/**
 * Runs every test and closes with `N passed, N failed`. As root on Linux the tests run in a network and
 * mount namespace of their own, with an empty /run: no packet of theirs has a way out.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const isolated = process.platform === "linux" && process.getuid?.() === 0;

function testFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return testFiles(path);
    // A compiled test whose source is gone no longer counts.
    const source = path.replace(join(root, "dist"), root).replace(/\.js$/, ".ts");
    return entry.name.endsWith(".test.js") && existsSync(source) ? [path] : [];
  });
}

/** A word on the command line chooses the files whose path contains it. */
function chosenFiles(): string[] {
  const words = process.argv.slice(2);
  const all = ["src", "test", "tools"]
    .map((folder) => join(root, "dist", folder))
    .filter(existsSync)
    .flatMap(testFiles);
  return words.length === 0 ? all : all.filter((file) => words.some((word) => file.includes(word)));
}

const INSIDE = 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"';

function run(files: readonly string[]): Promise<{ passed: number; failed: number; skipped: number; code: number }> {
  const node = [process.execPath, "--test", "--test-concurrency=2", "--test-timeout=300000", "--test-reporter=spec", ...files];
  const command = isolated ? ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", INSIDE, "sh", ...node] : node;
  const [program = "", ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NO_COLOR: "1", NODE_NO_WARNINGS: "1" },
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      process.stdout.write(chunk);
    });
    child.on("error", reject);
    child.on("close", (code) => {
      const count = (word: string): number => Number(new RegExp(`^ℹ ${word} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
      resolve({ passed: count("pass"), failed: count("fail") + count("cancelled"), skipped: count("skipped"), code: code ?? 1 });
    });
  });
}

const result = await run(chosenFiles());
const failed = result.code !== 0 && result.failed === 0 ? 1 : result.failed;
console.log(`${result.passed} passed, ${failed} failed${result.skipped > 0 ? `, ${result.skipped} skipped` : ""}`);
process.exitCode = failed === 0 && result.passed > 0 ? 0 : 1;
