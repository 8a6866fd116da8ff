import assert from "node:assert/strict";
import { test } from "node:test";
import type { Status } from "../protocol/status.ts";
import { paintFor } from "./paint.ts";
import { statusLines } from "./status.ts";

const STATUS: Status = {
  version: "1.2.3",
  endpoint: "http://127.0.0.1:4566",
  packets: false,
  regions: [
    {
      account: "123456789012",
      region: "us-east-1",
      vpcs: [{ id: "vpc-1", cidr: "10.0.0.0/16" }],
      instances: [
        {
          id: "i-1",
          name: "玄関",
          state: "running",
          privateIp: "10.0.1.5",
          ipv6: [],
          subnet: "subnet-1",
          notDone: ["power_state"],
        },
        { id: "i-2", state: "terminated", privateIp: "", ipv6: [], subnet: "subnet-1", notDone: [] },
      ],
      addresses: 2,
      flowLogs: 0,
    },
  ],
  drops: [{ interface: "i-1", reason: "no_route", packets: 3, bytes: 180 }],
};
const paint = paintFor({}, {});

test("the status in English", () => {
  assert.deepEqual(statusLines(STATUS, { language: "en", paint }), [
    "Genkan 1.2.3 is up at http://127.0.0.1:4566 (no packets move)",
    "",
    "us-east-1 (account 123456789012)",
    "  vpc-1  10.0.0.0/16  no internet gateway",
    "  i-1  玄関  running  10.0.1.5  no public IP  subnet-1",
    "  i-1: user data: power_state",
    "  2 Elastic IPs",
    "",
    "dropped packets",
    "  i-1  no_route  3 packets  180 bytes",
  ]);
});

test("the status of a Genkan whose state is in etcd, in reach and out of it", () => {
  const members = ["http://127.0.0.1:2379", "http://127.0.0.1:2381"];
  const lines = (reached: boolean, language: "en" | "ja") =>
    statusLines({ ...STATUS, regions: [], drops: [], etcd: { members, reached } }, { language, paint }).slice(
      1,
    );
  assert.deepEqual(lines(true, "en"), [`  state in etcd: ${members.join(" ")}`]);
  assert.deepEqual(lines(false, "en"), [
    `  state in etcd: ${members.join(" ")}`,
    "  etcd is out of reach: requests are refused until most of its members answer; packets go on",
  ]);
  assert.match(lines(false, "ja")[1] ?? "", /^ {2}etcd に届きません。/);
});

test("the status in Japanese: ids and AWS's words stay, the reason of a drop has its meaning", () => {
  const lines = statusLines(STATUS, { language: "ja", paint });
  assert.deepEqual(lines.slice(0, -1), [
    "Genkan 1.2.3 は http://127.0.0.1:4566 で稼働中です（パケットは流れません）",
    "",
    "us-east-1（アカウント 123456789012）",
    "  vpc-1  10.0.0.0/16  インターネットゲートウェイなし",
    "  i-1  玄関  running  10.0.1.5  パブリック IP なし  subnet-1",
    "  i-1: ユーザーデータ: power_state",
    "  Elastic IP 2 個",
    "",
    "破棄されたパケット",
  ]);
  assert.match(lines.at(-1) ?? "", /^ {2}i-1 {2}no_route {2}3 パケット {2}180 バイト {2}\S*ルート/);
});

test("the status of a region's machines: who leads, who is away, who is behind", () => {
  const machine = { name: "a", address: "10.0.0.1", zones: [], roles: ["control", "host"], version: "1.2.3" };
  const machines = [
    { ...machine, number: 1, live: true, leads: true, obeyed: 7, behind: false },
    {
      ...machine,
      number: 2,
      name: "b",
      zones: ["a"],
      live: true,
      leads: false,
      obeyed: 5,
      behind: true,
      packets: 42,
      load: 0.256,
      bfd: { up: 4, sessions: 5 },
    },
    { ...machine, number: 3, name: "c", live: false, leads: false, behind: false },
  ];
  const lines = (language: "en" | "ja") =>
    statusLines({ ...STATUS, regions: [], drops: [], machines }, { language, paint }).slice(1);
  assert.deepEqual(lines("en"), [
    "  machine 1  a  10.0.0.1  every zone  control,host  leads     obeys revision 7",
    "  machine 2  b  10.0.0.1  zones a     control,host  is there  obeys revision 5  42 packets/s, 26% full  BFD 4 of 5 up  is behind: answers do not wait for it",
    "  machine 3  c  10.0.0.1  every zone  control,host  is away",
  ]);
  assert.deepEqual(lines("ja")[2], "  マシン 3  c  10.0.0.1  全ゾーン  control,host  不在");
});
