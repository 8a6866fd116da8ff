import type { Words } from "../words/language.ts";
import { EXPLAIN_VERB } from "./explain-verb.ts";
import { FLOWS_VERB } from "./flows-verb.ts";
import { IMAGE_VERB } from "./image-verb.ts";
import { TRACE_VERB } from "./trace-verb.ts";
import { JOIN_VERB, UP_VERB } from "./up-verb.ts";

/** A command: what it takes, and what it says of itself. The order is the order of `genkan --help`. */
export type Verb = {
  readonly summary: Words;
  /** Sentences for the command's own help, a line each. */
  readonly more?: readonly Words[];
  readonly usage: string;
  readonly options: Readonly<Record<string, Option>>;
};
type Option = {
  readonly type: "string" | "boolean";
  readonly multiple?: boolean;
  readonly short?: string;
  readonly value?: string;
  readonly words: Words;
};

const json: Option = { type: "boolean", words: { en: "print JSON", ja: "JSON で出力" } };
const lang: Option = {
  type: "string",
  value: "en|ja",
  words: { en: "language (default: the locale's)", ja: "言語（既定はロケールに従う）" },
};

export const VERBS = {
  up: UP_VERB,
  join: JOIN_VERB,
  token: {
    summary: {
      en: "what another machine joins this region by: a command to run there",
      ja: "ほかのマシンをこのリージョンに加えるコマンドを表示",
    },
    usage: "genkan token [--json]",
    options: { json },
  },
  down: {
    summary: {
      en: "stop Genkan and remove everything that it made on this machine; the state is kept",
      ja: "Genkan を止め、このマシンに作ったものをすべて取り除く（状態は残る）",
    },
    usage: "genkan down",
    options: {},
  },
  status: {
    summary: {
      en: "what is up: instances, gateways, addresses, drops",
      ja: "稼働状況: インスタンス、ゲートウェイ、アドレス、破棄",
    },
    usage: "genkan status [--json] [--lang ja]",
    options: { json, lang },
  },
  env: {
    summary: {
      en: 'point AWS clients here: eval "$(genkan env)"',
      ja: 'AWS クライアントの向き先をここにする: eval "$(genkan env)"',
    },
    usage: 'eval "$(genkan env)"',
    options: { json },
  },
  aws: {
    summary: { en: "run the AWS CLI against Genkan", ja: "AWS CLI を Genkan に向けて実行" },
    usage: "genkan aws ec2 describe-vpcs",
    options: {},
  },
  exec: {
    summary: { en: "run a command in an instance", ja: "インスタンスの中でコマンドを実行" },
    more: [
      {
        en: "as its root, with its network, files and processes; at a terminal it has one of its own, and without a command it is a shell",
        ja: "インスタンスの root として、そのネットワーク、ファイル、プロセスの中で動く。端末からなら専用の端末が付き、コマンドを省くとシェルが開く",
      },
      {
        en: "Input, output and exit status are the command's. The instance must be running; `genkan status` lists instances.",
        ja: "入出力と終了ステータスはコマンドのもの。インスタンスは稼働中であること（一覧は genkan status）。",
      },
    ],
    usage: "genkan exec INSTANCE [-- COMMAND…]",
    options: {},
  },
  internet: {
    summary: { en: "run a command on the internet's side", ja: "インターネット側でコマンドを実行" },
    more: [
      {
        en: "there, this host is 198.51.100.1; for example: genkan internet -- curl http://PUBLIC-IP/",
        ja: "そこでのアドレスは 198.51.100.1。例: genkan internet -- curl http://パブリック IP/",
      },
    ],
    usage: "genkan internet -- COMMAND…",
    options: {},
  },
  explain: EXPLAIN_VERB,
  trace: TRACE_VERB,
  flows: FLOWS_VERB,
  image: IMAGE_VERB,
  demo: {
    summary: {
      en: "one VPC built step by step, with real packets after each step",
      ja: "VPC を一歩ずつ作り、一歩ごとに本物のパケットを送る",
    },
    usage: "genkan demo [--lang ja]",
    options: { lang },
  },
  doctor: {
    summary: { en: "what this machine has and lacks", ja: "このマシンに足りているもの、足りないもの" },
    usage: "genkan doctor [--tables] [--json]",
    options: {
      tables: {
        type: "boolean",
        words: {
          en: "instead: whether the kernel's tables are what the state says, row by row",
          ja: "代わりに、カーネルのテーブルが状態のとおりかを一行ずつ調べる",
        },
      },
      json,
      lang,
    },
  },
  bench: {
    summary: {
      en: "how fast it is here, beside a bare cable, the kernel's router and connection-tracked NAT",
      ja: "このマシンでの速さを、直結ケーブル、カーネルのルーター、接続追跡つき NAT と並べて測る",
    },
    usage: "genkan bench [--rounds N] [--quick] [--only WORDS] [--json FILE] [--svg FILE]",
    options: {
      rounds: {
        type: "string",
        value: "N",
        words: { en: "how often all is measured (default 8)", ja: "測定の回数（既定 8）" },
      },
      quick: {
        type: "boolean",
        words: { en: "two short rounds: a first look", ja: "短い 2 回だけ（目安）" },
      },
      only: {
        type: "string",
        value: "WORDS",
        words: {
          en: "of rate,ipv6,nat,nat64,inbound,flows,sockets,udp,tcp,connections,bulk,tuned,segments,scale,control-plane,instances,etcd,control-plane-scale those named",
          ja: "rate,ipv6,nat,nat64,inbound,flows,sockets,udp,tcp,connections,bulk,tuned,segments,scale,control-plane,instances,etcd,control-plane-scale のうち指定したもの",
        },
      },
      json: {
        type: "string",
        value: "FILE",
        words: { en: "write everything there as JSON", ja: "全結果を JSON で書き出す" },
      },
      svg: { type: "string", value: "FILE", words: { en: "draw a chart there", ja: "グラフを書き出す" } },
      cpu: {
        type: "string",
        value: "N",
        words: {
          en: "the processor to measure on (default: the last)",
          ja: "測定に使う CPU（既定は最後のもの）",
        },
      },
    },
  },
  drain: {
    summary: {
      en: "take a machine of a region out of use: no new instances, no packets by way of it",
      ja: "リージョンのマシンを切り離す（新しいインスタンスもパケットの中継も受けない）",
    },
    more: [
      {
        en: "Its instances run on. No packet is lost: a gateway goes on with what still comes.",
        ja: "そのマシンのインスタンスは動き続けます。ゲートウェイは届いたパケットを処理し続けるので、パケットは失われません。",
      },
    ],
    usage: "genkan drain MACHINE [--undo]",
    options: { undo: { type: "boolean", words: { en: "take it into use again", ja: "元に戻す" } } },
  },
  leave: {
    summary: {
      en: "take this machine out of its region, or another one that is dead for good",
      ja: "このマシン、または二度と戻らないマシンをリージョンから外す",
    },
    more: [
      {
        en: "Its instances must be stopped or terminated, and a gateway drained. Instances of a dead machine stop; started again, they run elsewhere with fresh files.",
        ja: "このマシンのインスタンスは停止か終了、ゲートウェイは切り離し（drain）を先に。戻らないマシンのインスタンスは停止となり、次の起動では別のマシンで新しいファイルから始まる。",
      },
    ],
    usage: "genkan leave [MACHINE]",
    options: {},
  },
  recover: {
    summary: {
      en: "run the instances of a machine that is away on other machines",
      ja: "不在のマシンのインスタンスを別のマシンで動かす",
    },
    more: [
      {
        en: "They keep their ids and addresses, and begin with fresh files. The other machines keep the one that is away out; when it comes back, it ends them first, then takes part again.",
        ja: "ID とアドレスはそのまま、ファイルは新しくなります。不在のマシンのパケットは他のマシンが受け付けません。戻ってきたマシンは、まずそれらのインスタンスを終わらせてから再び加わります。",
      },
      {
        en: "A gateway that only lost the others may still carry their packets: while one is away, --off says that it is off for sure.",
        ja: "他のマシンとの接続だけを失ったゲートウェイは、パケットを運び続けているかもしれません。不在のゲートウェイがあるときは、確かに止まっていることを --off で示します。",
      },
    ],
    usage: "genkan recover MACHINE [--off]",
    options: {
      off: {
        type: "boolean",
        words: {
          en: "the machine, and every gateway that is away, is off for sure",
          ja: "このマシンと、不在のゲートウェイは確かに止まっている",
        },
      },
      json: { type: "boolean", words: { en: "as JSON", ja: "JSON で" } },
    },
  },
  reset: {
    summary: {
      en: "an empty region again: terminates every instance, deletes everything, flow logs included",
      ja: "空のリージョンに戻す（全インスタンスを終了し、フローログも含めてすべて削除）",
    },
    usage: "genkan reset [--yes]",
    options: { yes: { type: "boolean", words: { en: "without being asked", ja: "確認しない" } } },
  },
} as const satisfies Record<string, Verb>;

export type VerbName = keyof typeof VERBS;

export function isVerb(name: string): name is VerbName {
  return Object.hasOwn(VERBS, name);
}
