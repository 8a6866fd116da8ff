import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { NEEDS } from "../words/doctor.ts";
import { say, type Language, type Words } from "../words/language.ts";
import { oldClients } from "./environment.ts";
import type { Paint } from "./paint.ts";
import { outputOf } from "./run.ts";

export type Finding = { readonly what: string; readonly good: boolean; readonly mend?: string };

const root = (): boolean => process.getuid?.() === 0;
const command = (name: string) => (): boolean =>
  outputOf(["sh", "-c", `PATH=$PATH:/usr/sbin:/sbin command -v ${name}`], 5000) !== undefined;

const CHECKS: Readonly<Record<keyof typeof NEEDS, () => boolean>> = {
  linux: () => process.platform === "linux",
  root,
  kernel: () => isKernelNewEnough(release()),
  typeInformation: () => existsSync("/sys/kernel/btf/vmlinux"),
  userNamespaces: () => numberIn("/proc/sys/user/max_user_namespaces") > 0,
  ip: command("ip"),
  nft: command("nft"),
  bwrap: command("bwrap"),
  busybox: command("busybox"),
  libbpf: () =>
    (outputOf(["sh", "-c", "PATH=$PATH:/usr/sbin:/sbin ldconfig -p"], 5000) ?? "").includes("libbpf.so.1"),
  curl: command("curl"),
  aws: command("aws"),
};

/** What this machine has and lacks for Genkan; nothing is changed. */
export function examine(language: Language): readonly Finding[] {
  const findings = Object.entries<{ readonly what: Words; readonly mend: Words }>(NEEDS).map(
    ([name, { what, mend }]) => {
      const found = { what: say(language, what, { release: release() }) };
      return CHECKS[name as keyof typeof NEEDS]()
        ? { ...found, good: true }
        : { ...found, good: false, mend: say(language, mend) };
    },
  );
  return [...findings, ...oldClients().map(({ warning }) => ({ what: warning, good: false }))];
}

export function findingLines(findings: readonly Finding[], paint: Paint): readonly string[] {
  return findings.flatMap(({ what, good, mend }) => [
    `${good ? paint.good("✓") : paint.bad("✗")} ${what}`,
    ...(mend ? [`    ${mend}`] : []),
  ]);
}

/** Whether the data plane's program can be loaded: `npm run kernels` tests Linux 6.1 and later. */
export function isKernelNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 6 || (major === 6 && minor >= 1);
}

function numberIn(path: string): number {
  return existsSync(path) ? Number(readFileSync(path, "utf8")) : 0;
}
