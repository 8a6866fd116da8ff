import type { DropReason, PassReason, Stage } from "../contract/stages.ts";
import type { CloserReason } from "../protocol/trace.ts";
import type { Words } from "./language.ts";

/**
 * Why a packet was dropped, in a short sentence for each reason. `{from}`, `{to}`, `{rule}`: see
 * reach/hop.ts.
 */
export const REASONS: Readonly<Record<Exclude<DropReason, "none">, Words>> = {
  malformed: {
    en: "malformed headers or impossible addresses",
    ja: "ヘッダーが壊れているか、ありえないアドレス",
  },
  not_ip: { en: "neither IP nor ARP", ja: "IP でも ARP でもない" },
  ipv6_not_offered: {
    en: "the sender's subnet has no IPv6 block",
    ja: "送信元のサブネットに IPv6 ブロックがない",
  },
  unknown_interface: {
    en: "no network interface stands behind the link",
    ja: "リンクの先にネットワークインターフェイスがない",
  },
  interface_down: { en: "the sending instance is not running", ja: "送信元のインスタンスが稼働していない" },
  spoofed_mac: { en: "the sender used another's MAC address", ja: "送信元が他者の MAC アドレスを使った" },
  spoofed_source: {
    en: "the source address is not the interface's own, and its source/dest check is on",
    ja: "送信元アドレスがインターフェイスのものではない（送信元/送信先チェックが有効）",
  },
  multicast: { en: "a VPC carries no multicast", ja: "VPC はマルチキャストを運ばない" },
  broadcast: { en: "a VPC carries no broadcast", ja: "VPC はブロードキャストを運ばない" },
  link_local: {
    en: "no service has this link-local address",
    ja: "このリンクローカルアドレスのサービスはない",
  },
  metadata_disabled: {
    en: "the instance's metadata service is disabled",
    ja: "インスタンスのメタデータサービスが無効",
  },
  dns_disabled: { en: "the VPC's DNS support is disabled", ja: "VPC の DNS サポートが無効" },
  no_such_service: { en: "the service does not take this", ja: "サービスはこれを受け付けない" },
  link_local_allowance: {
    en: "the interface sent more than 1,024 packets to link-local services in a second",
    ja: "インターフェイスがリンクローカルサービスへ毎秒 1,024 を超えるパケットを送った",
  },
  security_group_out: {
    en: "no security group rule lets it out",
    ja: "許可するアウトバウンドルールがセキュリティグループにない",
  },
  security_group_in: {
    en: "no security group rule lets it in",
    ja: "許可するインバウンドルールがセキュリティグループにない",
  },
  connections_full: {
    en: "the interface tracks as many connections as it may",
    ja: "インターフェイスの追跡接続数が上限に達している",
  },
  fragment_without_first: {
    en: "a fragment whose first one was not seen",
    ja: "先頭が届いていないフラグメント",
  },
  network_acl_out: {
    en: "the network ACL denies it on the way out",
    ja: "ネットワーク ACL のアウトバウンドルールが拒否",
  },
  network_acl_in: {
    en: "the network ACL denies it on the way in",
    ja: "ネットワーク ACL のインバウンドルールが拒否",
  },
  no_route: {
    en: "the subnet's route table has no route to the destination",
    ja: "サブネットのルートテーブルに宛先へのルートがない",
  },
  blackhole: { en: "the route leads nowhere: it is a blackhole", ja: "ルートの先がない（ブラックホール）" },
  no_such_private_address: {
    en: "nobody in the VPC has this private address",
    ja: "VPC にこのプライベートアドレスを持つものがない",
  },
  route_loop: { en: "the route leads back to the sender", ja: "ルートが送信元に戻る" },
  no_internet_gateway: {
    en: "no internet gateway is attached to the VPC",
    ja: "VPC にインターネットゲートウェイがアタッチされていない",
  },
  no_public_ip: {
    en: "no public IP is mapped to the source",
    ja: "送信元にパブリック IP が割り当てられていない",
  },
  public_ip_not_mapped: {
    en: "the public IP is mapped to nobody",
    ja: "このパブリック IP はどのインターフェイスにも割り当てられていない",
  },
  private_destination: {
    en: "the internet does not carry private addresses",
    ja: "インターネットはプライベートアドレスを運ばない",
  },
  shared_destination: {
    en: "the internet does not carry shared addresses (100.64.0.0/10)",
    ja: "インターネットは共有アドレス（100.64.0.0/10）を運ばない",
  },
  private_source: {
    en: "from the internet with a private source",
    ja: "インターネットからなのに送信元がプライベートアドレス",
  },
  shared_source: {
    en: "from the internet with a shared source (100.64.0.0/10)",
    ja: "インターネットからなのに送信元が共有アドレス（100.64.0.0/10）",
  },
  own_source: {
    en: "from the internet with one of our own public IPs as its source",
    ja: "インターネットからなのに送信元がこちらのパブリック IP",
  },
  not_for_us: {
    en: "the destination is none of our public addresses",
    ja: "宛先がこちらのパブリックアドレスではない",
  },
  too_big: { en: "too big for the way, and not to be fragmented", ja: "経路には大きすぎ、分割もできない" },
  destination_down: { en: "the receiving instance is not running", ja: "宛先のインスタンスが稼働していない" },
  tables_incomplete: { en: "the tables are incomplete", ja: "テーブルが揃っていない" },
  destination_check: {
    en: "the destination is not the interface's own, and its source/dest check is on",
    ja: "宛先アドレスがインターフェイスのものではない（送信元/送信先チェックが有効）",
  },
  nat_source: {
    en: "a NAT gateway translates addresses of its own VPC alone",
    ja: "NAT ゲートウェイは自身の VPC のアドレスだけを変換する",
  },
  nat_protocol: {
    en: "a NAT gateway carries TCP, UDP and ICMP queries alone",
    ja: "NAT ゲートウェイが運ぶのは TCP、UDP、ICMP クエリだけ",
  },
  nat_no_connection: {
    en: "it belongs to no connection through the NAT gateway, and nobody comes in through one",
    ja: "NAT ゲートウェイ経由のどの接続にも属さない（外からは入れない）",
  },
  nat_connection_expired: {
    en: "the NAT gateway no longer knows the connection: it was idle for 350 seconds, or never opened",
    ja: "NAT ゲートウェイはこの接続を知らない（350 秒間アイドルだったか、開かれていない）",
  },
  nat_ports_exhausted: {
    en: "the NAT gateway has no free port left towards this destination (ErrorPortAllocation)",
    ja: "NAT ゲートウェイにこの宛先への空きポートがない（ErrorPortAllocation）",
  },
  nat_fragment: {
    en: "a NAT gateway carries fragments of UDP alone, not of TCP or ICMP",
    ja: "NAT ゲートウェイが運ぶフラグメントは UDP だけ（TCP と ICMP は破棄）",
  },
  nat_ttl: { en: "its TTL ends at the NAT gateway", ja: "TTL が NAT ゲートウェイで尽きた" },
  nat64_destination: {
    en: "the IPv4 address within 64:ff9b::/96 is none that a packet can be for",
    ja: "64:ff9b::/96 に埋め込まれた IPv4 アドレスは宛先になりえない",
  },
  nat64_checksum: {
    en: "IPv6 needs a UDP checksum, which a fragment without one cannot be given",
    ja: "IPv6 には UDP チェックサムが必要だが、チェックサムのないフラグメントには付けられない",
  },
  nat_connections_full: {
    en: "the NAT gateway remembers as many connections as it may",
    ja: "NAT ゲートウェイの接続数が上限に達している",
  },
  block_public_access: {
    en: "VPC Block Public Access blocks it at the internet gateway",
    ja: "VPC ブロックパブリックアクセスがインターネットゲートウェイで遮断",
  },
  egress_only: {
    en: "the egress-only internet gateway lets in only what answers a packet that went out",
    ja: "Egress-only インターネットゲートウェイは、外へ出たパケットへの応答しか中へ入れない",
  },
  nothing_behind: {
    en: "the route leads to an endpoint or gateway with nothing behind it here",
    ja: "ルートの先のエンドポイントやゲートウェイの向こうには、ここでは何もない",
  },
  stranger: {
    en: "it came through a tunnel from an address that is no machine of the region",
    ja: "リージョンのマシンではないアドレスからのトンネルで届いた",
  },
  moved: {
    en: "the interface is not on the machine that the packet was sent to",
    ja: "パケットの送り先のマシンにインターフェイスがない",
  },
  no_uplink: {
    en: "no gateway leads from the machine to the internet",
    ja: "マシンからインターネットへ出るゲートウェイがない",
  },
  endpoint_without_service: {
    en: "it reaches the interface endpoint, behind which nothing stands here",
    ja: "インターフェイスエンドポイントには届くが、ここではその向こうに何もない",
  },
  nat_private: {
    en: "a private NAT gateway has no way to the internet",
    ja: "プライベート NAT ゲートウェイからインターネットへは出られない",
  },
  peering_source: {
    en: "a peering connection carries what an address of the VPC sends alone, nothing that only passes through",
    ja: "ピアリング接続が運ぶのは VPC 自身のアドレスからのパケットだけ（通過するだけのものは運ばない）",
  },
};

/** Reasons told closer, where what their sentences name is known. */
export const CLOSER_REASONS: Readonly<Record<CloserReason | "network_acl_out" | "network_acl_in", Words>> = {
  network_acl_out: {
    en: "an outbound rule of the network ACL denies it: {rule}",
    ja: "アウトバウンドルールが拒否: {rule}",
  },
  network_acl_in: {
    en: "an inbound rule of the network ACL denies it: {rule}",
    ja: "インバウンドルールが拒否: {rule}",
  },
  no_peer_address: {
    en: "{to} is no address of the peer VPC {peer}, and a peering connection carries packets to no other",
    ja: "{to} はピアリング先の VPC {peer} のアドレスではない（ピアリング接続はほかの宛先へは運ばない）",
  },
  no_gateway_route: {
    en: "the gateway's route table has no route to the destination",
    ja: "ゲートウェイのルートテーブルに宛先へのルートがない",
  },
  nat_loop: {
    en: "{nat}'s own subnet goes by a route that leads back to {nat}: it belongs in a subnet whose route table leads to the internet gateway",
    ja: "{nat} のあるサブネットのルートが {nat} 自身へ戻る（インターネットゲートウェイへのルートがあるサブネットに置く）",
  },
  nat_answers: {
    en: "the answer would leave through {nat}: nobody comes in through a NAT gateway",
    ja: "応答が {nat} から出てしまう（NAT ゲートウェイ経由では外から入れない）",
  },
};

/** Why a stage let a packet on. */
export const PASSES: Readonly<Record<PassReason, Words>> = {
  parse: {
    en: "a well-formed packet from {from} to {to}",
    ja: "{from} から {to} への、形式の正しいパケット",
  },
  admit: { en: "it is up, and sends with its own address", ja: "稼働中で、自分のアドレスから送っている" },
  forwards: {
    en: "the sender may forward for others: its source/dest check is off",
    ja: "送信元は転送を許されている（送信元/送信先チェックが無効）",
  },
  no_service: {
    en: "not for the metadata, DNS or time service",
    ja: "メタデータ、DNS、時刻のサービス宛てではない",
  },
  service: {
    en: "for the metadata, DNS or time service, past routes, groups and ACLs",
    ja: "メタデータ、DNS、または時刻のサービス宛て（ルート、セキュリティグループ、ネットワーク ACL は関係しない）",
  },
  security_group_out: {
    en: "a security group rule lets it out: {rule}",
    ja: "アウトバウンドルールが許可: {rule}",
  },
  security_group_in: {
    en: "a security group rule lets it in: {rule}",
    ja: "インバウンドルールが許可: {rule}",
  },
  remembered: {
    en: "the security group remembers the exchange",
    ja: "セキュリティグループがこのやり取りを覚えている",
  },
  network_acl_out: { en: "the network ACL lets it out: {rule}", ja: "アウトバウンドルールが許可: {rule}" },
  network_acl_in: { en: "the network ACL lets it in: {rule}", ja: "インバウンドルールが許可: {rule}" },
  same_subnet: {
    en: "network ACLs are not asked within a subnet",
    ja: "サブネット内の通信にネットワーク ACL は適用されない",
  },
  no_network_acl: {
    en: "no network ACL guards the subnet of a regional NAT gateway",
    ja: "リージョナル NAT ゲートウェイのサブネットにネットワーク ACL は適用されない",
  },
  route: {
    en: "the route table sends {to} to {route} ({destination})",
    ja: "ルートテーブルは {to} を {route} へ送る（{destination}）",
  },
  within_subnet: { en: "within the subnet: no route is needed", ja: "サブネット内なのでルートは不要" },
  internet_gateway_out: {
    en: "the gateway is attached, and the source becomes the public IP {publicIp}",
    ja: "ゲートウェイはアタッチされており、送信元はパブリック IP {publicIp} になる",
  },
  internet_gateway_in: {
    en: "the gateway is attached, and the destination becomes the private IP {privateIp}",
    ja: "ゲートウェイはアタッチされており、宛先はプライベート IP {privateIp} になる",
  },
  ipv6_gateway_out: {
    en: "the gateway is attached; an IPv6 address needs no translation",
    ja: "ゲートウェイはアタッチされている（IPv6 アドレスの変換は不要）",
  },
  ipv6_gateway_in: {
    en: "the gateway is attached, and the address is an interface's",
    ja: "ゲートウェイはアタッチされており、宛先はインターフェイスのアドレス",
  },
  egress_only_out: {
    en: "the egress-only internet gateway lets it out",
    ja: "Egress-only インターネットゲートウェイが外へ出す",
  },
  egress_only_in: {
    en: "it answers what went out by the egress-only internet gateway",
    ja: "Egress-only インターネットゲートウェイから出た通信への応答",
  },
  nat_gateway_out: {
    en: "the source becomes an address and port of the NAT gateway",
    ja: "送信元は NAT ゲートウェイのアドレスとポートになる",
  },
  nat_gateway_in: {
    en: "it answers a connection of the NAT gateway, and the destination becomes the private address and port again",
    ja: "NAT ゲートウェイの接続への応答。宛先は元のプライベートアドレスとポートに戻る",
  },
  deliver: { en: "handed to {target}", ja: "{target} に渡す" },
};

/** What a stage is called. */
export const STAGE_NAMES: Readonly<Record<Stage, Words>> = {
  parse: { en: "headers", ja: "ヘッダー" },
  admit: { en: "sender", ja: "送信元" },
  services: { en: "services", ja: "サービス" },
  security_group_out: { en: "security group, outbound", ja: "セキュリティグループ（アウトバウンド）" },
  network_acl_out: { en: "network ACL, outbound", ja: "ネットワーク ACL（アウトバウンド）" },
  route: { en: "route table", ja: "ルートテーブル" },
  nat_gateway: { en: "NAT gateway", ja: "NAT ゲートウェイ" },
  internet_gateway: { en: "internet gateway", ja: "インターネットゲートウェイ" },
  network_acl_in: { en: "network ACL, inbound", ja: "ネットワーク ACL（インバウンド）" },
  security_group_in: { en: "security group, inbound", ja: "セキュリティグループ（インバウンド）" },
  deliver: { en: "delivery", ja: "配送" },
};

export const PACKET_ENDS: Readonly<Record<"internet" | "services", Words>> = {
  internet: { en: "internet", ja: "インターネット" },
  services: { en: "services", ja: "サービス" },
};

export const LIVE = {
  watching: { en: "Watching{what}; Ctrl-C ends it.", ja: "監視中{what}。Ctrl-C で終了。" },
  passed: { en: "passed", ja: "通過" },
  dropped: { en: "dropped", ja: "破棄" },
  after: { en: "as", ja: "変換後" },
  answered: { en: "an ICMP error went back", ja: "ICMP エラーを返した" },
  lost: {
    en: "{packets} packets came too fast to be shown: narrow the filter.",
    ja: "速すぎて表示できなかったパケット: {packets} 個。フィルターを絞ってください。",
  },
  stopped: { en: "Genkan has stopped.", ja: "Genkan が停止しました。" },
  written: {
    en: "{packets} packets written to {file}.",
    ja: "{packets} 個のパケットを {file} に書き込みました。",
  },
} as const;

export const WALK = {
  sent: { en: "{from} sends {packet}", ja: "送信（{from}）: {packet}" },
  passed: { en: "passed to {target}: {packet}", ja: "通過（{target}）: {packet}" },
  dropped: { en: "dropped: {why}", ja: "破棄: {why}" },
  answerFrom: {
    en: "but the answer would come from {source}, which was not asked",
    ja: "ただし応答の送信元が、問い合わせ先ではない {source} になる",
  },
  noSuchHost: {
    en: "but nobody there has {destination}: a NAT gateway would translate it, and no route leads it to one",
    ja: "ただし {destination} を持つホストはない（NAT ゲートウェイが変換するアドレスだが、そこへのルートがない）",
  },
  answerDropped: { en: "but the answer would be dropped: {why}", ja: "ただし応答は破棄される: {why}" },
} as const;
