import type { Words } from "./language.ts";

const install = (name: string): Words => ({ en: `apt-get install ${name}`, ja: `apt-get install ${name}` });

/** What a machine needs for Genkan, in the order in which it is told, and how to mend what it lacks. */
export const NEEDS = {
  linux: {
    what: { en: "Linux", ja: "Linux" },
    mend: {
      en: "Packets move only on Linux; elsewhere the control plane runs alone.",
      ja: "パケットが流れるのは Linux だけです。",
    },
  },
  root: {
    what: { en: "root", ja: "root 権限" },
    mend: {
      en: "Run Genkan as root (sudo ./genkan up); otherwise the control plane runs alone.",
      ja: "root で実行してください（sudo ./genkan up）。",
    },
  },
  kernel: {
    what: { en: "kernel 6.1 or later ({release})", ja: "カーネル 6.1 以降（{release}）" },
    mend: { en: "Upgrade the kernel.", ja: "カーネルを更新してください。" },
  },
  typeInformation: {
    what: { en: "kernel type information (BTF)", ja: "カーネルの型情報（BTF）" },
    mend: {
      en: "Use a kernel built with CONFIG_DEBUG_INFO_BTF.",
      ja: "CONFIG_DEBUG_INFO_BTF のあるカーネルを使ってください。",
    },
  },
  userNamespaces: {
    what: { en: "user namespaces", ja: "ユーザー名前空間" },
    mend: { en: "sysctl user.max_user_namespaces=96365", ja: "sysctl user.max_user_namespaces=96365" },
  },
  ip: { what: { en: "ip (iproute2)", ja: "ip（iproute2）" }, mend: install("iproute2") },
  nft: { what: { en: "nft (nftables)", ja: "nft（nftables）" }, mend: install("nftables") },
  bwrap: { what: { en: "bwrap (bubblewrap)", ja: "bwrap（bubblewrap）" }, mend: install("bubblewrap") },
  busybox: { what: { en: "busybox", ja: "busybox" }, mend: install("busybox") },
  libbpf: { what: { en: "libbpf.so.1", ja: "libbpf.so.1" }, mend: install("libbpf1") },
  curl: { what: { en: "curl", ja: "curl" }, mend: install("curl") },
  aws: {
    what: { en: "AWS CLI", ja: "AWS CLI" },
    mend: {
      en: "apt-get install awscli (any EC2 client will do)",
      ja: "apt-get install awscli（EC2 クライアントなら何でも使えます）",
    },
  },
} as const satisfies Record<string, { readonly what: Words; readonly mend: Words }>;

/** What is said of the kernel's tables, compared with the state row by row. */
export const TABLES = {
  good: {
    en: "{rows} rows of the kernel's tables, all as the state says",
    ja: "カーネルのテーブルの {rows} 行は、すべて状態のとおりです",
  },
  more: { en: "and {more} more", ja: "ほか {more} 件" },
  mend: {
    en: "A restart repairs the tables: ./genkan up",
    ja: "再起動（./genkan up）でテーブルは直ります",
  },
} as const satisfies Record<string, Words>;
