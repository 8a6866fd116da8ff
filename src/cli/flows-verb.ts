/** `genkan flows`: see flows.ts. */
export const FLOWS_VERB = {
  summary: {
    en: "records of flow logs (CreateFlowLogs): what was written, or with -f what comes",
    ja: "フローログ（CreateFlowLogs）のレコードを表示。-f を付けると、これからのものを表示し続ける",
  },
  more: [
    {
      en: "A record is a line in its flow log's own format; the files lie under GENKAN_HOME/flow-logs. With -f, intervals are a second long.",
      ja: "レコードは、そのフローログの形式で 1 行に 1 つ。ファイルは GENKAN_HOME/flow-logs にある。-f の間は集約間隔が 1 秒になる。",
    },
    {
      en: "A filter by a field passes only records whose format has that field. INSTANCE may be a network interface too.",
      ja: "フィルターは、そのフィールドを形式に含むレコードだけを通す。INSTANCE にはネットワークインターフェイスの ID も使える。",
    },
  ],
  usage:
    "genkan flows [INSTANCE] [-f] [--log ID] [--address A[/N]] [--port N] [--action accept|reject] [--count N] [--json]",
  options: {
    follow: {
      type: "boolean",
      short: "f",
      words: {
        en: "only records from now on, as they come; Ctrl-C ends it",
        ja: "これからのレコードを届くたびに表示。Ctrl-C で終了",
      },
    },
    log: {
      type: "string",
      value: "ID",
      words: { en: "only records of this flow log", ja: "このフローログのレコードのみ" },
    },
    address: {
      type: "string",
      value: "A[/N]",
      words: { en: "only from or to this address or block", ja: "このアドレスまたはブロックのみ" },
    },
    port: { type: "string", value: "N", words: { en: "only from or to this port", ja: "このポートのみ" } },
    action: {
      type: "string",
      value: "accept|reject",
      words: {
        en: "only what was accepted, or only what was refused",
        ja: "許可されたもの、または拒否されたもののみ",
      },
    },
    count: {
      type: "string",
      value: "N",
      words: { en: "end after so many records", ja: "この数のレコードで終了" },
    },
    json: {
      type: "boolean",
      words: { en: "print JSON, an object a line", ja: "JSON で出力（1 行に 1 オブジェクト）" },
    },
    lang: {
      type: "string",
      value: "en|ja",
      words: { en: "language (default: the locale's)", ja: "言語（既定はロケールに従う）" },
    },
  },
} as const;
