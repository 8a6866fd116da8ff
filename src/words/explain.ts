import type { ObstacleReason } from "../protocol/explain.ts";
import type { Words } from "./language.ts";

/** What stands in an exchange's way besides the reasons of drops. */
export const OBSTACLES: Readonly<Record<ObstacleReason, Words>> = {
  no_ipv4_address: {
    en: "the network interface has no IPv4 address",
    ja: "ネットワークインターフェイスに IPv4 アドレスがない",
  },
  no_ipv6_address: {
    en: "the network interface has no IPv6 address",
    ja: "ネットワークインターフェイスに IPv6 アドレスがない",
  },
  no_subnet_ipv6_block: {
    en: "the network interface has no IPv6 address, and its subnet no IPv6 block",
    ja: "ネットワークインターフェイスに IPv6 アドレスがなく、サブネットに IPv6 CIDR ブロックがない",
  },
  no_vpc_ipv6_block: {
    en: "the network interface has no IPv6 address, and its VPC no IPv6 block",
    ja: "ネットワークインターフェイスに IPv6 アドレスがなく、VPC に IPv6 CIDR ブロックがない",
  },
  no_public_address: {
    en: "no public IP is mapped to {privateIp}, so there is nothing to send to",
    ja: "{privateIp} にパブリック IP が割り当てられていないので、宛先がない",
  },
  misdirected: {
    en: "the answer comes from {source}, which was not asked: whoever asked discards it",
    ja: "応答の送信元が、問い合わせ先ではない {source} になる（受け取った側で捨てられる）",
  },
  no_such_host: {
    en: "no host of the internet has {destination}: only a NAT gateway translates it, and the route table leads {block} to none",
    ja: "{destination} を持つホストはインターネットにない（変換するのは NAT ゲートウェイだけで、ルートテーブルの {block} の先が NAT ゲートウェイではない）",
  },
};

export const EXPLAIN = {
  heading: { en: "{client} → {server}, {traffic}", ja: "{client} から {server} へ（{traffic}）" },
  answer: { en: "and the answer:", ja: "応答:" },
  passes: {
    en: "{client} can reach {server} on {traffic}, and the answer comes back",
    ja: "{client} から {server} へ {traffic} で接続でき、応答も戻る",
  },
  blocked: {
    en: "{client} can't reach {server} on {traffic}",
    ja: "{client} から {server} へ {traffic} で接続できない",
  },
  depends: {
    en: "the software behind {depends} decides from there on (see genkan trace {instance})",
    ja: "この先は {depends} のソフトウェア次第（genkan trace {instance} で確認できる）",
  },
  local: {
    en: "{to} never leaves {subject}: no route, security group or network ACL has a say",
    ja: "{to} 宛てのパケットは {subject} の外へ出ない（ルート、セキュリティグループ、ネットワーク ACL は関係しない）",
  },
  mend: { en: "mend it with:", ja: "直すには:" },
  repeated: { en: "(the commands above mend this too)", ja: "（上のコマンドで直る）" },
  takes: { en: "({takes} is in use by nothing in this account)", ja: "（{takes} はこのアカウントで未使用）" },
  again: {
    en: "ask again when the commands have run: what else it takes shows only then",
    ja: "コマンドを実行したら、もう一度確認する（残りに必要なものは、そのときに分かる）",
  },
  asked: {
    en: "({traffic} is what is asked about by default; for another port: --port PORT)",
    ja: "（既定の {traffic} で確認。ほかのポートは --port PORT）",
  },
  blackhole: {
    en: "the route {destination} leads to {target}, which takes no packets now",
    ja: "ルート {destination} の先の {target} が、今はパケットを受け取らない（ブラックホール）",
  },
  ports: { en: " (on some of the ports {ports})", ja: "（ポート {ports} の一部）" },
} as const satisfies Record<string, Words>;
