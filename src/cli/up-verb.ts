/** What `genkan up` and `genkan join` have in common. */
const BOTH = {
  detach: {
    type: "boolean",
    short: "d",
    words: {
      en: "return when it is ready, and leave it running",
      ja: "準備ができたら戻り、動かし続ける",
    },
  },
  port: {
    type: "string",
    value: "PORT",
    words: {
      en: "port of the EC2 API (default 4566, or GENKAN_PORT)",
      ja: "EC2 API のポート（既定 4566、または GENKAN_PORT）",
    },
  },
  account: {
    type: "string",
    value: "ID",
    words: { en: "account (default 123456789012)", ja: "アカウント（既定 123456789012）" },
  },
  region: {
    type: "string",
    value: "NAME",
    words: { en: "default region (default us-east-1)", ja: "既定のリージョン（既定 us-east-1）" },
  },
  "own-region": {
    type: "string",
    multiple: true,
    value: "NAME",
    words: {
      en: "a region that AWS does not have, such as my-lab-1; repeatable",
      ja: "AWS にないリージョン（例: my-lab-1）。繰り返し可",
    },
  },
  pool: {
    type: "string",
    multiple: true,
    value: "CIDR",
    words: {
      en: "public addresses to give out (default 203.0.113.0/24); repeatable",
      ja: "配るパブリックアドレス（既定 203.0.113.0/24）。繰り返し可",
    },
  },
  byoip: {
    type: "string",
    multiple: true,
    value: "CIDR",
    words: {
      en: "a range that ProvisionByoipCidr can bring; repeatable",
      ja: "ProvisionByoipCidr で持ち込める範囲。繰り返し可",
    },
  },
  quota: {
    type: "string",
    multiple: true,
    value: "NAME=N",
    words: {
      en: "raise a quota, or all with `unlimited`; repeatable",
      ja: "クォータを上げる。`unlimited` ですべて。繰り返し可",
    },
  },
  auth: {
    type: "string",
    value: "signature|none",
    words: {
      en: "`none` accepts unsigned requests: only on a sealed test machine",
      ja: "`none` は署名なしを受け付ける（隔離されたテスト機のみ）",
    },
  },
  "machine-address": {
    type: "string",
    value: "IP",
    words: {
      en: "one of several machines of a region, which others reach at this address; without --etcd a region begins",
      ja: "複数マシンからなるリージョンの一台として起動する。ほかのマシンからはこのアドレスで届く。--etcd がなければ新しいリージョンを始める",
    },
  },
  "machine-name": {
    type: "string",
    value: "NAME",
    words: { en: "its name (default: the host's)", ja: "その名前（既定はホスト名）" },
  },
  "machine-zone": {
    type: "string",
    multiple: true,
    value: "ZONE",
    words: {
      en: "the availability zone whose instances it runs (default: every zone); repeatable",
      ja: "どのアベイラビリティーゾーンのインスタンスを動かすか（既定はすべて）。繰り返し可",
    },
  },
  "machine-roles": {
    type: "string",
    value: "ROLE,…",
    words: {
      en: "of control,host,gateway those that it has (default: all)",
      ja: "control,host,gateway のうちそのマシンの役割（既定はすべて）",
    },
  },
  "gateway-capacity": {
    type: "string",
    value: "PPS",
    words: {
      en: "on a gateway: the packets a second with which it is full (default: its processors say so)",
      ja: "ゲートウェイで: 満杯とみなすパケット/秒（既定はプロセッサーの負荷で判断）",
    },
  },
  bgp: {
    type: "string",
    multiple: true,
    value: "IP=AS",
    words: {
      en: "on a gateway: a router to tell of the pools by BGP, and its number; repeatable",
      ja: "ゲートウェイで: BGP でプールを知らせるルーターとその AS 番号。繰り返し可",
    },
  },
  "bgp-as": {
    type: "string",
    value: "AS",
    words: {
      en: "the region's own number (default 64512)",
      ja: "リージョン自身の AS 番号（既定 64512）",
    },
  },
  "bgp-next-hop": {
    type: "string",
    value: "IP",
    words: {
      en: "where routers are to send packets (default: the machine's address)",
      ja: "ルーターがパケットを送る先（既定はマシンのアドレス）",
    },
  },
  others: {
    type: "string",
    value: "URL",
    words: {
      en: "another emulator (moto, LocalStack) that takes what is asked of other services",
      ja: "ほかのサービスへのリクエストを引き受ける別のエミュレーター（moto、LocalStack など）",
    },
  },
  "others-remote": {
    type: "boolean",
    words: {
      en: "the emulator of --others may be on another machine",
      ja: "--others のエミュレーターが別のマシンにあってもよい",
    },
  },
  oidc: {
    type: "string",
    multiple: true,
    value: "URL=FILE",
    words: {
      en: "an issuer whose web identities may assume roles, and its keys (JWKS); repeatable",
      ja: "Web ID でロールを引き受けられる発行者と、その鍵（JWKS）。繰り返し可",
    },
  },
  "no-host-link": {
    type: "boolean",
    words: {
      en: "do not make this machine a host of the simulated internet",
      ja: "このマシンを模擬インターネットのホストにしない",
    },
  },
  "no-packets": {
    type: "boolean",
    words: {
      en: "the control plane alone: no packet moves",
      ja: "コントロールプレーンのみ（パケットは流れない）",
    },
  },
} as const;

/** `genkan up`: see up-here.ts. */
export const UP_VERB = {
  summary: {
    en: "start Genkan; it stays in the foreground and says when it is ready",
    ja: "Genkan を起動（フォアグラウンドで動き、準備ができたら知らせる）",
  },
  usage: "genkan up [--detach] [options]",
  options: {
    machines: {
      type: "string",
      value: "N",
      words: {
        en: "a region of N machines, all on this one: 3 to 16",
        ja: "このマシン上に N 台のマシンからなるリージョンを作る（3〜16）",
      },
    },
    etcd: {
      type: "string",
      value: "URL,…",
      words: {
        en: "keep the state in an etcd cluster: its members, with commas between",
        ja: "状態を etcd クラスターに保存する。メンバーをコンマ区切りで",
      },
    },
    "etcd-ca": {
      type: "string",
      value: "FILE",
      words: {
        en: "with --etcd by https: who signed the members' certificates (PEM)",
        ja: "--etcd が https のとき: メンバーの証明書に署名した認証局（PEM）",
      },
    },
    "etcd-cert": {
      type: "string",
      value: "FILE",
      words: { en: "Genkan's own certificate for etcd (PEM)", ja: "etcd に示す Genkan の証明書（PEM）" },
    },
    "etcd-key": {
      type: "string",
      value: "FILE",
      words: { en: "and its key (PEM)", ja: "その鍵（PEM）" },
    },
    ...BOTH,
  },
} as const;

/** `genkan join`: the same, in a region that is there. */
export const JOIN_VERB = {
  summary: {
    en: "start Genkan as one more machine of a region, which prints the whole command",
    ja: "リージョンにマシンを一台加えて Genkan を起動（コマンド全体はリージョン側が表示する）",
  },
  more: [
    {
      en: "The address of this machine is the one from which it reaches the region, unless --machine-address says another one. Later `genkan up` takes part again.",
      ja: "このマシンのアドレスは、--machine-address で指定しないかぎり、リージョンへの経路の送信元アドレス。以後は genkan up だけで再び参加する。",
    },
  ],
  usage: "genkan join IP:PORT --token TOKEN [--detach] [options]",
  options: {
    token: {
      type: "string",
      value: "TOKEN",
      words: {
        en: "what a machine of the region printed (genkan token); `-` reads it from the standard input",
        ja: "リージョンのマシンが表示したもの（genkan token）。`-` なら標準入力から読む",
      },
    },
    ...BOTH,
  },
} as const;
