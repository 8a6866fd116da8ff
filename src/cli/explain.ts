import type { Arguments } from "./arguments.ts";
import { ask, type Control } from "./control.ts";
import { type Language, type Paint, say, type Words } from "./language.ts";

/** A step as the control plane tells it; its words are here. */
type Step = {
  readonly what: string;
  readonly direction: "out" | "in" | "both";
  readonly ok: boolean;
  readonly id: string;
  readonly code?: string;
  readonly params: Readonly<Record<string, string>>;
  readonly mend: readonly string[];
  readonly takes?: string;
};
type Explanation = {
  /** The instance, or the interface of none. */
  readonly instance: string;
  readonly depends?: string;
  readonly inside?: boolean;
  readonly to: string;
  readonly steps: readonly Step[];
  readonly out: boolean;
  readonly in: boolean;
};

/** `waits`: what is not so now, and will be once an earlier step is mended. */
type StepWords = { readonly good: Words; readonly bad: Words; readonly waits?: Words };

const STEPS: Readonly<Record<string, StepWords>> = {
  instance: {
    good: { en: "the instance is up", ja: "インスタンスは稼働中" },
    bad: { en: "the instance is {state}", ja: "インスタンスが稼働していない（{state}）" },
  },
  internet_gateway: {
    good: { en: "an internet gateway is attached to the VPC", ja: "VPC にインターネットゲートウェイがアタッチされている" },
    bad: { en: "no internet gateway is attached to the VPC", ja: "VPC にインターネットゲートウェイがアタッチされていない" },
  },
  block_public_access: {
    good: { en: "VPC Block Public Access spares the subnet", ja: "VPC ブロックパブリックアクセスの対象外" },
    bad: {
      en: "VPC Block Public Access blocks the subnet at the internet gateway",
      ja: "VPC ブロックパブリックアクセスがサブネットの通信をインターネットゲートウェイで遮断している",
    },
  },
  gateway_route: {
    good: { en: "what comes in through the gateway goes straight to {privateIp}", ja: "ゲートウェイから入る通信は直接 {privateIp} へ届く" },
    bad: {
      en: "the gateway's own route table sends what comes in for {privateIp} to {target} first ({destination})",
      ja: "ゲートウェイルートテーブルが {privateIp} 宛ての通信を先に {target} へ送る（{destination}）",
    },
  },
  route: {
    good: {
      en: "the subnet's route table sends {to} to the gateway ({destination} → {target})",
      ja: "サブネットのルートテーブルは {to} をゲートウェイへ送る（{destination} → {target}）",
    },
    bad: {
      en: "the subnet's route table does not send {to} to the gateway",
      ja: "サブネットのルートテーブルに {to} をゲートウェイへ送るルートがない",
    },
  },
  nat_gateway: {
    good: { en: "the NAT gateway is a public one", ja: "NAT ゲートウェイはパブリック" },
    bad: {
      en: "the NAT gateway is a private one, which has no way to the internet",
      ja: "NAT ゲートウェイがプライベートなので、インターネットへは出られない",
    },
  },
  nat_gateway_route: {
    good: {
      en: "the route table that {nat} goes by sends {to} to the internet gateway",
      ja: "{nat} の従うルートテーブルは {to} をインターネットゲートウェイへ送る",
    },
    bad: {
      en: "the route table that {nat} goes by does not send {to} to the internet gateway",
      ja: "{nat} の従うルートテーブルに {to} をインターネットゲートウェイへ送るルートがない",
    },
    waits: {
      en: "{nat}'s own subnet goes by this same route table, which leads back to it: it belongs in a subnet whose route table leads to the internet gateway",
      ja: "{nat} のあるサブネットも同じルートテーブルに従い、ルートが自分へ戻ってしまう（インターネットゲートウェイへのルートがあるサブネットに置く）",
    },
  },
  nat_answers: {
    good: { en: "answers leave through the internet gateway", ja: "応答はインターネットゲートウェイから出る" },
    bad: {
      en: "answers would leave through {nat}: nobody comes in through a NAT gateway",
      ja: "応答が {nat} から出てしまう（NAT ゲートウェイ経由では外から入れない）",
    },
  },
  appliance: {
    good: {
      en: "the subnet's route table sends {to} through {target} ({destination}), which takes packets for others",
      ja: "サブネットのルートテーブルは {to} 宛てを {target} 経由で送る（{destination}）。{target} は他宛てのパケットを受け取る",
    },
    bad: {
      en: "the subnet's route table sends {to} through {target} ({destination}), which takes no packets for others: its source/destination check is on",
      ja: "サブネットのルートテーブルは {to} 宛てを {target} 経由で送る（{destination}）が、送信元/送信先チェックが有効なので他宛てのパケットを受け取らない",
    },
  },
  appliance_back: {
    good: {
      en: "the route table of the other subnet sends {to} through {target} ({destination}), which takes packets for others",
      ja: "相手のサブネットのルートテーブルは {to} 宛てを {target} 経由で送る（{destination}）。{target} は他宛てのパケットを受け取る",
    },
    bad: {
      en: "the route table of the other subnet sends {to} through {target} ({destination}), which takes no packets for others: its source/destination check is on",
      ja: "相手のサブネットのルートテーブルは {to} 宛てを {target} 経由で送る（{destination}）が、送信元/送信先チェックが有効なので他宛てのパケットを受け取らない",
    },
  },
  gateway_appliance: {
    good: {
      en: "the gateway's own route table sends what comes in for {privateIp} through {target} first ({destination})",
      ja: "ゲートウェイルートテーブルは {privateIp} 宛ての通信を先に {target} へ送る（{destination}）",
    },
    bad: {
      en: "the gateway's own route table sends what comes in for {privateIp} through {target} first ({destination}), whose source/destination check is on",
      ja: "ゲートウェイルートテーブルは {privateIp} 宛ての通信を先に {target} へ送る（{destination}）が、その送信元/送信先チェックが有効",
    },
  },
  peering: {
    good: { en: "the VPC peering connection is active", ja: "VPC ピアリング接続はアクティブ" },
    bad: { en: "the VPC peering connection is not active", ja: "VPC ピアリング接続がアクティブでない" },
  },
  inside_route: {
    good: { en: "the subnet's route table sends {to} there directly", ja: "サブネットのルートテーブルは {to} 宛てを直接届ける" },
    bad: { en: "the subnet's route table does not lead to {to}", ja: "サブネットのルートテーブルに {to} へのルートがない" },
  },
  inside_target: {
    good: { en: "a network interface has {to}", ja: "{to} を持つネットワークインターフェイスがある" },
    bad: { en: "no network interface has {to}", ja: "{to} を持つネットワークインターフェイスがない" },
  },
  inside_target_up: {
    good: { en: "{to} is up", ja: "{to} は稼働中" },
    bad: { en: "nothing runs behind {to}", ja: "{to} では何も稼働していない" },
  },
  inside_route_back: {
    good: { en: "the route table of the other subnet leads back to {to}", ja: "相手のサブネットのルートテーブルは {to} へ戻る" },
    bad: {
      en: "the route table of the other subnet does not lead back to {to}",
      ja: "相手のサブネットのルートテーブルに {to} へ戻るルートがない",
    },
  },
  nat_acl_in: {
    good: {
      en: "the network ACL of {nat}'s subnet lets {traffic} in",
      ja: "{nat} のサブネットのネットワーク ACL は {traffic} が入るのを許可",
    },
    bad: {
      en: "rule {rule} of the network ACL of {nat}'s subnet denies {traffic} coming in",
      ja: "{nat} のサブネットのネットワーク ACL のルール {rule} が {traffic} の入るのを拒否",
    },
  },
  nat_acl_out: {
    good: {
      en: "the network ACL of {nat}'s subnet lets {traffic} out to {to}",
      ja: "{nat} のサブネットのネットワーク ACL は {to} への {traffic} を許可",
    },
    bad: {
      en: "rule {rule} of the network ACL of {nat}'s subnet denies {traffic} out to {to}",
      ja: "{nat} のサブネットのネットワーク ACL のルール {rule} が {to} への {traffic} を拒否",
    },
  },
  nat_acl_reply_in: {
    good: {
      en: "the network ACL of {nat}'s subnet lets the replies in ({traffic})",
      ja: "{nat} のサブネットのネットワーク ACL は応答が戻るのを許可（{traffic}）",
    },
    bad: {
      en: "rule {rule} of the network ACL of {nat}'s subnet denies the replies coming in ({traffic})",
      ja: "{nat} のサブネットのネットワーク ACL のルール {rule} が戻ってくる応答を拒否（{traffic}）",
    },
  },
  nat_acl_reply_out: {
    good: {
      en: "the network ACL of {nat}'s subnet lets the replies out to the instance ({traffic})",
      ja: "{nat} のサブネットのネットワーク ACL は応答がインスタンスへ出るのを許可（{traffic}）",
    },
    bad: {
      en: "rule {rule} of the network ACL of {nat}'s subnet denies the replies going out to the instance ({traffic})",
      ja: "{nat} のサブネットのネットワーク ACL のルール {rule} がインスタンスへ出ていく応答を拒否（{traffic}）",
    },
  },
  public_ip: {
    good: { en: "a public IP is mapped: {publicIp} ↔ {privateIp}", ja: "パブリック IP が割り当てられている: {publicIp} ↔ {privateIp}" },
    bad: { en: "no public IP is mapped to {privateIp}", ja: "{privateIp} にパブリック IP が割り当てられていない" },
    waits: {
      en: "no public IP is mapped to {privateIp}: the instance gets one when it starts",
      ja: "{privateIp} にパブリック IP が割り当てられていない（インスタンスの起動時に自動で割り当てられる）",
    },
  },
  ipv6_block: {
    good: { en: "the subnet has an IPv6 block", ja: "サブネットに IPv6 ブロックがある" },
    bad: { en: "the subnet has no IPv6 block", ja: "サブネットに IPv6 ブロックがない" },
  },
  ipv6_address: {
    good: {
      en: "the network interface has an IPv6 address: {address}",
      ja: "ネットワークインターフェイスに IPv6 アドレスがある: {address}",
    },
    bad: { en: "the network interface has no IPv6 address", ja: "ネットワークインターフェイスに IPv6 アドレスがない" },
    waits: {
      en: "the network interface has no IPv6 address: its subnet must have a block first",
      ja: "ネットワークインターフェイスに IPv6 アドレスがない（先にサブネットの IPv6 ブロックが必要）",
    },
  },
  egress_only: {
    good: { en: "the internet may begin exchanges", ja: "インターネット側から通信を開始できる" },
    bad: {
      en: "the route to {to} leads to an egress-only internet gateway, which lets in answers alone",
      ja: "{to} へのルートの先は Egress-only インターネットゲートウェイで、応答しか中へ入れない",
    },
  },
  destination: {
    good: { en: "the internet carries {to}", ja: "インターネットは {to} を運ぶ" },
    bad: {
      en: "the internet does not carry {to}, a private or shared address of neither the VPC nor a peered one (see genkan trace {sender} --to {to})",
      ja: "{to} はプライベートまたは共有アドレスで、VPC 内にもピアリング先にもなく、インターネットも運ばない（genkan trace {sender} --to {to} で確認できる）",
    },
  },
  security_group_out: {
    good: { en: "the security group lets {traffic} out to {to}", ja: "セキュリティグループは {to} への {traffic} を許可" },
    bad: {
      en: "no security group rule lets {traffic} out to {to}",
      ja: "{to} への {traffic} を許可するセキュリティグループのルールがない",
    },
  },
  security_group_in: {
    good: { en: "the security group lets {traffic} in from {to}", ja: "セキュリティグループは {to} からの {traffic} を許可" },
    bad: {
      en: "no security group rule lets {traffic} in from {to}",
      ja: "{to} からの {traffic} を許可するセキュリティグループのルールがない",
    },
  },
  network_acl_out: {
    good: { en: "the network ACL lets {traffic} out to {to}", ja: "ネットワーク ACL は {to} への {traffic} を許可" },
    bad: {
      en: "rule {rule} of the network ACL denies {traffic} out to {to}",
      ja: "ネットワーク ACL のルール {rule} が {to} への {traffic} を拒否",
    },
  },
  network_acl_reply_in: {
    good: { en: "the network ACL lets the replies in ({traffic})", ja: "ネットワーク ACL は応答が戻るのを許可（{traffic}）" },
    bad: {
      en: "rule {rule} of the network ACL denies the replies coming in ({traffic})",
      ja: "ネットワーク ACL のルール {rule} が戻ってくる応答を拒否（{traffic}）",
    },
  },
  network_acl_in: {
    good: { en: "the network ACL lets {traffic} in from {to}", ja: "ネットワーク ACL は {to} からの {traffic} を許可" },
    bad: {
      en: "rule {rule} of the network ACL denies {traffic} in from {to}",
      ja: "ネットワーク ACL のルール {rule} が {to} からの {traffic} を拒否",
    },
  },
  network_acl_reply_out: {
    good: { en: "the network ACL lets the replies out ({traffic})", ja: "ネットワーク ACL は応答が出るのを許可（{traffic}）" },
    bad: {
      en: "rule {rule} of the network ACL denies the replies going out ({traffic})",
      ja: "ネットワーク ACL のルール {rule} が出ていく応答を拒否（{traffic}）",
    },
  },
};

const HEADINGS: Readonly<Record<Step["direction"], Words>> = {
  both: { en: "In both directions", ja: "両方向" },
  out: { en: "From the instance to the internet", ja: "インスタンスからインターネットへ" },
  in: { en: "From the internet to the instance", ja: "インターネットからインスタンスへ" },
};
const INSIDE_HEADINGS: typeof HEADINGS = {
  both: HEADINGS.both,
  out: { en: "From {instance} to {to}", ja: "{instance} から {to} へ" },
  in: { en: "From {to} to {instance}", ja: "{to} から {instance} へ" },
};

const SUMMARY = {
  out: { en: "{instance} can open connections to {to}", ja: "{instance} から {to} へ接続を開始できる" },
  notOut: { en: "{instance} can't open connections to {to}", ja: "{instance} から {to} へ接続を開始できない" },
  in: { en: "{to} can open connections to {instance}", ja: "{to} から {instance} へ接続を開始できる" },
  notIn: { en: "{to} can't open connections to {instance}", ja: "{to} から {instance} へ接続を開始できない" },
  depends: {
    en: "{depends} decides from here on, by its own software (see genkan trace {instance})",
    ja: "この先は {depends} のソフトウェア次第（genkan trace {instance} で確認できる）",
  },
  mend: { en: "mend it with:", ja: "直すには:" },
  takes: { en: "({takes} is in use by nothing in this account)", ja: "（{takes} はこのアカウントで未使用）" },
  asked: {
    en: "({traffic} is what is asked about by default; for another port: --port PORT)",
    ja: "（既定の {traffic} で確認。ほかのポートは --port PORT）",
  },
  type: { en: "type", ja: "タイプ" },
} as const satisfies Record<string, Words>;

type Request = {
  readonly id: string;
  readonly control: Control;
  readonly options: Arguments["options"];
  readonly language: Language;
  readonly paint: Paint;
  readonly print: (line: string) => void;
};

/** Prints why the instance can, or can't, talk with the internet. Exit status 0 when it can in both directions, 1 otherwise. */
export async function explained({ id, control, options, language, paint, print }: Request): Promise<number> {
  const query = new URLSearchParams();
  for (const name of ["to", "port", "protocol"]) if (typeof options[name] === "string") query.set(name, options[name]);
  const explanation = await ask<Explanation>(control, "GET", `explain/${encodeURIComponent(id)}?${query}`);
  if (options["json"]) print(JSON.stringify(explanation, null, 2));
  else for (const line of explanationLines(explanation, language, paint)) print(line);
  return explanation.out && explanation.in ? 0 : 1;
}

function explanationLines(explanation: Explanation, language: Language, paint: Paint): readonly string[] {
  const { instance, to, steps, depends } = explanation;
  const headings = explanation.inside === true ? INSIDE_HEADINGS : HEADINGS;
  const parts = (["both", "out", "in"] as const).map((direction) => steps.filter((step) => step.direction === direction));
  const sections = parts.flatMap((part) => {
    const direction = part[0]?.direction;
    return direction === undefined
      ? []
      : [
          paint.strong(say(language, headings[direction], { instance, to })),
          ...part.flatMap((step) => stepLines(step, language, paint)),
          "",
        ];
  });
  const verdict = (ok: boolean, good: Words, bad: Words): string =>
    ok ? paint.good(`✓ ${say(language, good, { instance, to })}`) : paint.bad(`✗ ${say(language, bad, { instance, to })}`);
  const verdicts = [
    { ok: explanation.out, line: verdict(explanation.out, SUMMARY.out, SUMMARY.notOut) },
    { ok: explanation.in, line: verdict(explanation.in, SUMMARY.in, SUMMARY.notIn) },
  ];
  if (depends === undefined) return [...sections, ...verdicts.map(({ line }) => line)];
  // Where nothing before the appliance is wrong, nothing is known.
  const open = verdicts.some(({ ok }) => ok) ? [`? ${say(language, SUMMARY.depends, { instance, depends })}`] : [];
  return [...sections, ...verdicts.filter(({ ok }) => !ok).map(({ line }) => line), ...open];
}

function stepLines(step: Step, language: Language, paint: Paint): readonly string[] {
  const words = STEPS[step.what];
  const values = { ...step.params, traffic: trafficOf(step.params, language) };
  const sentence = words ? say(language, wordsOf(words, step), values) : step.what;
  const tick = step.ok ? paint.good("✓") : paint.bad("✗");
  const code = step.code === undefined ? "" : `  ${paint.faint(step.code)}`;
  const head = `  ${tick} ${sentence}  ${paint.faint(step.id)}${code}`;
  const heads = step.params["asked"] === undefined ? [head] : [head, `      ${paint.faint(say(language, SUMMARY.asked, values))}`];
  if (step.ok || step.mend.length === 0) return heads;
  const takes = step.takes === undefined ? "" : ` ${say(language, SUMMARY.takes, { takes: step.takes })}`;
  return [...heads, `      ${say(language, SUMMARY.mend)}${takes}`, ...step.mend.map((command) => `        ${command}`)];
}

function wordsOf({ good, bad, waits }: StepWords, { ok, params }: Step): Words {
  if (ok) return good;
  return params["comes"] === undefined ? bad : (waits ?? bad);
}

/** For example `TCP 80`, `UDP 1024-65535`, `ICMP type 8`. */
function trafficOf({ protocol = "", port, type }: Step["params"], language: Language): string {
  const name = /^\d+$/.test(protocol) ? `IP ${protocol}` : protocol.toUpperCase();
  if (port !== undefined) return `${name} ${port}`;
  return type === undefined ? name : `${name} ${say(language, SUMMARY.type)} ${type}`;
}
