import type { Words } from "./language.ts";

/** What the demo says: each step, and what became of its packets. */
export const DEMO = {
  title: {
    en: "One VPC, step by step. After each step real packets are sent both ways.",
    ja: "VPC を一歩ずつ作ります。一歩ごとに、本物のパケットを両方向に送ります。",
  },
  build: {
    en: "A VPC {vpc} (10.0.0.0/16), a subnet, and an instance {instance} at {private}.",
    ja: "VPC {vpc}（10.0.0.0/16）とサブネット、インスタンス {instance}（{private}）。",
  },
  step0: { en: "1. Nothing else yet", ja: "1. まだ何もない" },
  step1: {
    en: "2. An internet gateway is attached: {igw}",
    ja: "2. インターネットゲートウェイをアタッチ: {igw}",
  },
  step2: { en: "3. A route is added: 0.0.0.0/0 → {igw}", ja: "3. ルートを追加: 0.0.0.0/0 → {igw}" },
  step3: {
    en: "4. A public IP is mapped: {public} ↔ {private}",
    ja: "4. パブリック IP を割り当て: {public} ↔ {private}",
  },
  step4: {
    en: "5. A private subnet: instance {instance} at {private}, with no public IP and no route",
    ja: "5. プライベートサブネット: インスタンス {instance}（{private}）。パブリック IP もルートもない",
  },
  out: { en: "instance → internet", ja: "インスタンス → インターネット" },
  in: { en: "internet → instance", ja: "インターネット → インスタンス" },
  passed: { en: "passes; the other side saw {seen}", ja: "通ります。相手から見えたアドレスは {seen}" },
  dropped: { en: "dropped: {reason}", ja: "破棄: {reason}" },
  noAddress: { en: "no public address exists to send to", ja: "送り先となるパブリックアドレスがありません" },
  end: {
    en: "The three conditions: a gateway attached to the VPC, a route to it, a public IP on the instance. All three, or no exchange.",
    ja: "三つの条件: VPC にアタッチされたゲートウェイ、そこへのルート、インスタンスのパブリック IP。三つそろって初めて通信できます。",
  },
  clean: { en: "Removed everything the demo made.", ja: "デモで作ったものをすべて削除しました。" },
} as const satisfies Record<string, Words>;
