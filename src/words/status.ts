import type { Words } from "./language.ts";

/** What `status` says besides ids, addresses and AWS's own words. */
export const STATUS = {
  up: { en: "Genkan {version} is up at {endpoint}", ja: "Genkan {version} は {endpoint} で稼働中です" },
  noPackets: { en: " (no packets move)", ja: "（パケットは流れません）" },
  etcd: { en: "  state in etcd: {members}", ja: "  状態は etcd にあります: {members}" },
  etcdLost: {
    en: "  etcd is out of reach: requests are refused until most of its members answer; packets go on",
    ja: "  etcd に届きません。メンバーの過半数が応答するまでリクエストを断りますが、パケットは流れ続けます",
  },
  machine: { en: "machine {number}", ja: "マシン {number}" },
  everyZone: { en: "every zone", ja: "全ゾーン" },
  zones: { en: "zones {zones}", ja: "ゾーン {zones}" },
  leads: { en: "leads", ja: "リーダー" },
  live: { en: "is there", ja: "稼働中" },
  drained: { en: "is drained", ja: "切り離し中" },
  load: { en: "{packets} packets/s, {percent}% full", ja: "{packets} パケット/秒、負荷 {percent}%" },
  bfd: { en: "BFD {up} of {sessions} up", ja: "BFD {sessions} 中 {up} 稼働" },
  active: { en: "active", ja: "通過中" },
  standby: { en: "standby", ja: "待機中" },
  away: { en: "is away", ja: "不在" },
  behind: { en: "is behind: answers do not wait for it", ja: "遅れています（応答はこのマシンを待ちません）" },
  obeys: { en: "obeys revision {revision}", ja: "リビジョン {revision} に従う" },
  region: { en: "{region} (account {account})", ja: "{region}（アカウント {account}）" },
  noGateway: { en: "no internet gateway", ja: "インターネットゲートウェイなし" },
  noPublicIp: { en: "no public IP", ja: "パブリック IP なし" },
  userData: { en: "{id}: user data: {note}", ja: "{id}: ユーザーデータ: {note}" },
  oneAddress: { en: "1 Elastic IP", ja: "Elastic IP 1 個" },
  addresses: { en: "{count} Elastic IPs", ja: "Elastic IP {count} 個" },
  drops: { en: "dropped packets", ja: "破棄されたパケット" },
  packets: { en: "{count} packets", ja: "{count} パケット" },
  bytes: { en: "{count} bytes", ja: "{count} バイト" },
} as const satisfies Record<string, Words>;
