/** `genkan explain`: see explain.ts. */
export const EXPLAIN_VERB = {
  summary: {
    en: "why can, or can't, two ends exchange packets; and which commands mend it",
    ja: "通信できる・できない理由と、直すためのコマンド",
  },
  more: [
    {
      en: "An end is the id, the Name or an address of an instance, a network interface or a NAT gateway; or a host of the internet.",
      ja: "指定できるのは、インスタンス、ネットワークインターフェイス、NAT ゲートウェイの ID、Name タグ、アドレス、またはインターネット側のホスト。",
    },
    {
      en: "Without --to it is the internet; of an instance with IPv4 and IPv6, both are explained.",
      ja: "--to を省くとインターネットとの通信。IPv4 と IPv6 の両方を持つインスタンスは、両方を確認する。",
    },
    {
      en: "Exit status: 0 when all that was asked about works, or an appliance on the way decides; 1 when something doesn't.",
      ja: "終了ステータス: 確認した通信がすべてできるか、途中のアプライアンス次第なら 0、できないものがあれば 1。",
    },
  ],
  usage:
    "genkan explain INSTANCE|ADDRESS|internet [--to INSTANCE|ADDRESS] [--direction out|in|both] [--port PORT] [--protocol tcp|udp|icmp]",
  options: {
    to: {
      type: "string",
      value: "END",
      words: {
        en: "the other end (default: the internet, as 198.51.100.1 and 2001:db8:ffff::1)",
        ja: "通信の相手（既定はインターネット。198.51.100.1 と 2001:db8:ffff::1 で確認）",
      },
    },
    direction: {
      type: "string",
      value: "out|in|both",
      words: {
        en: "only connections that it opens (out), or only those that the other end opens (in); default both",
        ja: "こちらから開く接続のみ（out）、相手から開く接続のみ（in）。既定は both",
      },
    },
    port: {
      type: "string",
      value: "PORT",
      words: {
        en: "the port asked about, both ways (default 80; 53 of the resolver)",
        ja: "調べるポート（両方向とも。既定 80、リゾルバーは 53）",
      },
    },
    protocol: {
      type: "string",
      value: "NAME",
      words: { en: "tcp, udp or icmp (default tcp)", ja: "tcp、udp、icmp（既定 tcp）" },
    },
    json: { type: "boolean", words: { en: "print JSON", ja: "JSON で出力" } },
    lang: {
      type: "string",
      value: "en|ja",
      words: { en: "language (default: the locale's)", ja: "言語（既定はロケールに従う）" },
    },
  },
} as const;
