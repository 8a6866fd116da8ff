/** `genkan trace`: see trace.ts. */
export const TRACE_VERB = {
  summary: {
    en: "what happens to packets, live; or, with --to, what would happen to one, stage by stage",
    ja: "パケットに何が起きているかをリアルタイムで表示。--to を付けると、1 個のパケットの行方を段階ごとに表示",
  },
  more: [
    {
      en: "Live, Ctrl-C or --count ends it. INSTANCE may be a network interface too.",
      ja: "リアルタイム表示は Ctrl-C か --count で終わる。INSTANCE にはネットワークインターフェイスの ID も使える。",
    },
    {
      en: "With --to no packet is sent. Exit status: 0 when it would pass, 1 when it would be dropped.",
      ja: "--to ではパケットを送らない。終了ステータス: 通過するなら 0、破棄されるなら 1。",
    },
  ],
  usage: `genkan trace [INSTANCE] [--address A[/N]] [--port N] [--verdict passed|dropped] [--reason WORD] [--count N] [--pcap FILE|-]
genkan trace INSTANCE --to ADDRESS[:PORT] [--from ADDRESS[:PORT]] [--protocol tcp|udp|icmp]
genkan trace internet --to ADDRESS[:PORT] [--from ADDRESS[:PORT]] [--protocol tcp|udp|icmp]`,
  options: {
    instance: {
      type: "string",
      value: "ID",
      words: {
        en: "only packets of this instance or network interface",
        ja: "このインスタンスまたはネットワークインターフェイスのパケットのみ",
      },
    },
    address: {
      type: "string",
      value: "A[/N]",
      words: {
        en: "only from or to this address or block, before or after translation",
        ja: "このアドレスまたはブロックのみ（変換の前後どちらでも）",
      },
    },
    port: { type: "string", value: "N", words: { en: "only from or to this port", ja: "このポートのみ" } },
    verdict: {
      type: "string",
      value: "passed|dropped",
      words: { en: "only what passed, or only drops", ja: "通過のみ、または破棄のみ" },
    },
    reason: {
      type: "string",
      value: "WORD",
      words: { en: "only drops for this reason, such as no_route", ja: "この理由の破棄のみ（例 no_route）" },
    },
    count: {
      type: "string",
      value: "N",
      words: { en: "end after so many packets", ja: "この数のパケットで終了" },
    },
    pcap: {
      type: "string",
      value: "FILE|-",
      words: {
        en: "write a capture for Wireshark (pcapng) with each verdict as a comment; `-`: to a pipe. A packet that passed is captured as it left, translated; a dropped one as it came",
        ja: "Wireshark 用のキャプチャ（pcapng）を書き、判定をコメントに付ける。`-` はパイプへ。通過したパケットは変換後、破棄されたパケットは届いたときの内容",
      },
    },
    snap: {
      type: "string",
      value: "BYTES",
      words: {
        en: "how much of each frame to capture (default 128, at most 256)",
        ja: "各フレームの先頭から取るバイト数（既定 128、最大 256）",
      },
    },
    to: {
      type: "string",
      value: "ADDRESS[:PORT]",
      words: {
        en: "walk one packet to there through the tables (default port 80)",
        ja: "この宛先へのパケット 1 個をテーブルに通す（既定のポート 80）",
      },
    },
    from: {
      type: "string",
      value: "ADDRESS[:PORT]",
      words: {
        en: "its source (default: the instance's primary private address, or 198.51.100.1 of the internet)",
        ja: "その送信元（既定: インスタンスのプライマリプライベートアドレス、またはインターネットの 198.51.100.1）",
      },
    },
    protocol: {
      type: "string",
      value: "NAME",
      words: { en: "tcp, udp or icmp (default tcp)", ja: "tcp、udp、icmp（既定 tcp）" },
    },
    json: {
      type: "boolean",
      words: {
        en: "print JSON; live, one object a line",
        ja: "JSON で出力（リアルタイム表示では 1 行に 1 オブジェクト）",
      },
    },
    lang: {
      type: "string",
      value: "en|ja",
      words: { en: "language (default: the locale's)", ja: "言語（既定はロケールに従う）" },
    },
  },
} as const;
