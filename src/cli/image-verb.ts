/** In its own file: what `genkan image` takes, and what it says of itself. */
export const IMAGE_VERB = {
  summary: {
    en: "images that configurations look up by name: make one known, list them, remove one",
    ja: "構成が名前で検索するイメージを登録・一覧・削除",
  },
  more: [
    {
      en: "for example: genkan image alias fck-nat-al2023-hvm-1.3.0-x86_64-ebs --owner 568608671756",
      ja: "例: genkan image alias fck-nat-al2023-hvm-1.3.0-x86_64-ebs --owner 568608671756",
    },
  ],
  usage:
    "genkan image alias NAME [--id AMI] [--owner ACCOUNT] [--arch x86_64|arm64] | image ls | image rm NAME|AMI",
  options: {
    id: {
      type: "string",
      value: "AMI",
      words: { en: "its id (default: one that follows from the name)", ja: "ID（既定では名前から決まる）" },
    },
    owner: {
      type: "string",
      value: "ACCOUNT",
      words: { en: "its owner (default: your account)", ja: "所有者（既定は自分のアカウント）" },
    },
    arch: {
      type: "string",
      value: "NAME",
      words: { en: "x86_64 or arm64 (default x86_64)", ja: "x86_64 または arm64（既定 x86_64）" },
    },
    region: {
      type: "string",
      value: "NAME",
      words: { en: "in which region (default: the home's)", ja: "リージョン（既定は home のもの）" },
    },
    json: { type: "boolean", words: { en: "print JSON", ja: "JSON で出力" } },
  },
} as const;
