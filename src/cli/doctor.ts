import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { oldClients } from "./environment.ts";
import { say, type Language, type Paint, type Words } from "./language.ts";
import { outputOf } from "./run.ts";

export type Finding = { readonly what: string; readonly good: boolean; readonly mend?: string };

type Check = { readonly what: Words; readonly good: () => boolean; readonly mend: Words };

const root = (): boolean => process.getuid?.() === 0;
const command = (name: string) => (): boolean =>
  outputOf(["sh", "-c", `PATH=$PATH:/usr/sbin:/sbin command -v ${name}`], 5000) !== undefined;
const install = (name: string): Words => ({ en: `apt-get install ${name}`, ja: `apt-get install ${name}` });

const CHECKS: readonly Check[] = [
  {
    what: { en: "Linux", ja: "Linux" },
    good: () => process.platform === "linux",
    mend: { en: "Packets move only on Linux; elsewhere the control plane runs alone.", ja: "パケットが流れるのは Linux だけです。" },
  },
  {
    what: { en: "root", ja: "root 権限" },
    good: root,
    mend: {
      en: "Run Genkan as root (sudo ./genkan up); otherwise the control plane runs alone.",
      ja: "root で実行してください（sudo ./genkan up）。",
    },
  },
  {
    what: { en: `kernel 6.1 or later (${release()})`, ja: `カーネル 6.1 以降（${release()}）` },
    good: () => isKernelNewEnough(release()),
    mend: { en: "Upgrade the kernel.", ja: "カーネルを更新してください。" },
  },
  {
    what: { en: "kernel type information (BTF)", ja: "カーネルの型情報（BTF）" },
    good: () => existsSync("/sys/kernel/btf/vmlinux"),
    mend: { en: "Use a kernel built with CONFIG_DEBUG_INFO_BTF.", ja: "CONFIG_DEBUG_INFO_BTF のあるカーネルを使ってください。" },
  },
  {
    what: { en: "user namespaces", ja: "ユーザー名前空間" },
    good: () => numberIn("/proc/sys/user/max_user_namespaces") > 0,
    mend: { en: "sysctl user.max_user_namespaces=96365", ja: "sysctl user.max_user_namespaces=96365" },
  },
  { what: { en: "ip (iproute2)", ja: "ip（iproute2）" }, good: command("ip"), mend: install("iproute2") },
  { what: { en: "nft (nftables)", ja: "nft（nftables）" }, good: command("nft"), mend: install("nftables") },
  { what: { en: "bwrap (bubblewrap)", ja: "bwrap（bubblewrap）" }, good: command("bwrap"), mend: install("bubblewrap") },
  { what: { en: "busybox", ja: "busybox" }, good: command("busybox"), mend: install("busybox") },
  {
    what: { en: "libbpf.so.1", ja: "libbpf.so.1" },
    good: () => (outputOf(["sh", "-c", "PATH=$PATH:/usr/sbin:/sbin ldconfig -p"], 5000) ?? "").includes("libbpf.so.1"),
    mend: install("libbpf1"),
  },
  { what: { en: "curl", ja: "curl" }, good: command("curl"), mend: install("curl") },
  {
    what: { en: "AWS CLI", ja: "AWS CLI" },
    good: command("aws"),
    mend: { en: "apt-get install awscli (any EC2 client will do)", ja: "apt-get install awscli（EC2 クライアントなら何でも使えます）" },
  },
];

/** What this machine has and lacks for Genkan; nothing is changed. */
export function examine(language: Language): readonly Finding[] {
  const findings = CHECKS.map(({ what, good, mend }) =>
    good() ? { what: say(language, what), good: true } : { what: say(language, what), good: false, mend: say(language, mend) },
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
