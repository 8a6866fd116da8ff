import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Entry, NAT_GATEWAY_FLAGS, ROUTE_TARGET } from "../contract/tables.ts";
import { type Datapath, openDatapath } from "./loader.ts";
import { frame, read, udp } from "./test-frame.ts";
import {
  A,
  allow,
  B,
  bpffs,
  C,
  D,
  eni,
  INTERNET,
  interfaceFlags,
  macOf,
  noKernel,
  OBJECT,
  region,
  route,
  rules,
  settings,
  sh,
  subnet,
} from "./test-kit.ts";
import { type TestRun, testRun } from "./test-run.ts";

/* Machine 1 has A and D, machine 2 has B and C, machine 3 is the gateway. */
const ADDRESS = ["", "192.0.2.1", "192.0.2.2", "192.0.2.3"];
const GATEWAYS = "100.127.0.1";
const OVERLAY = 6;
const ON: Readonly<Record<number, number>> = { [A]: 1, [D]: 1, [B]: 2, [C]: 2 };

/** The region as a machine has it: only `settings` differ from machine to machine. */
function rowsOf(number: number, change: Parameters<typeof settings>[0] = {}): Entry[] {
  return [
    ...region().filter(
      ({ table }) => table !== "settings" && table !== "rule_lists" && table !== "rule_chunks",
    ),
    ...[1, 2].flatMap((slot) =>
      (["security_group_out", "network_acl_out", "network_acl_in"] as const).flatMap((kind) =>
        rules(kind, slot, [allow()]),
      ),
    ),
    ...rules("security_group_in", 1, [allow()]),
    // Only members of group 1 may send to group 2; a rule names a slot plus one.
    ...rules("security_group_in", 2, [allow({ group: 2, peer_length: 0, peer: "::" })]),
    settings({
      machine: number,
      overlay: OVERLAY,
      connection_limit: 1_000,
      nat_connection_limit: 1_000,
      overlay_mtu: 8_900,
      gateways: GATEWAYS,
      uplink: number === 3 ? 2 : 0,
      ...change,
    }),
  ].map((entry) =>
    entry.table === "interfaces"
      ? { ...entry, value: { ...entry.value, machine: ON[entry.key] ?? 0 } }
      : entry,
  );
}

/** A public NAT gateway in subnet 2, which subnet 1 reaches for 198.19.0.0/16. */
const NAT = 24;
function natRows(): Entry[] {
  return [
    ...eni(NAT, {
      private_ip: "10.0.2.9",
      public_ip: "203.0.113.9",
      subnet: 2,
      flags: interfaceFlags("present", "up", "nat_gateway"),
    }),
    {
      table: "nat_gateways",
      key: { interface: NAT },
      value: {
        flags: NAT_GATEWAY_FLAGS.public,
        count: 1,
        addresses: ["10.0.2.9", ...Array.from({ length: 7 }, () => "0.0.0.0")],
        zones: Array.from({ length: 8 }, () => 0),
      },
    },
    subnet(2, { vpc: 1, block: "10.0.2.0", router: "10.0.2.1", network_acl: 2, route_table: 5 }),
    route(5, "10.0.0.0", 16, { target: ROUTE_TARGET.local, slot: 0 }),
    route(5, "0.0.0.0", 0, { target: ROUTE_TARGET.internet_gateway, slot: 7 }),
    route(1, "198.19.0.0", 16, { target: ROUTE_TARGET.nat_gateway, slot: NAT }),
  ];
}

const MACHINES = [1, 2, 3].map((number) => ({ number, address: ADDRESS[number] ?? "" }));
const ends = (source: string, destination: string) => ({ source, destination });
const datagram = (from: number, source: string, destination: string, data = "hello"): Buffer =>
  frame({
    from: macOf(from),
    source,
    destination,
    fragment: 0x4000,
    payload: udp(ends(source, destination), 1_000, 2_000, data),
  });
/** What an address' bytes are as the number that a test run's mark holds. */
const mark = (address: string): number =>
  address.split(".").reduce((sum, byte, place) => sum + Number(byte) * 256 ** place, 0);

describe("packets between machines, each with tables of its own", { skip: noKernel }, () => {
  const machines: Datapath[] = [];
  before(() => {
    const folder = bpffs();
    for (const number of [1, 2, 3]) {
      const pins = join(folder, `machine-${number}`);
      mkdirSync(pins, { recursive: true });
      const datapath = openDatapath({
        pins,
        netns: "/proc/thread-self/ns/net",
        object: OBJECT,
        sizes: { interfaces: 64, publicAddresses: 1024, vpcs: 64, subnets: 64, flows: 1024 },
      });
      datapath.setMachines(MACHINES);
      datapath.reconcile(rowsOf(number));
      machines[number] = datapath;
    }
  });
  after(() => {
    for (const datapath of machines) datapath?.close();
  });

  const send = (slot: number, bytes: Uint8Array): TestRun =>
    testRun(machines[ON[slot] ?? 0]?.programs.from_eni ?? 0, bytes, { link: slot });
  const arrive = (number: number, from: string, sent: TestRun): TestRun =>
    testRun(machines[number]?.programs.from_overlay ?? 0, sent.frame, {
      link: OVERLAY,
      mark: mark(from),
      priority: sent.tunnel.vni,
    });

  it("go to the receiver's machine with the sender's words, and are delivered as on one machine", () => {
    const sent = send(A, datagram(A, "10.0.1.5", "10.0.2.8"));
    assert.deepEqual([sent.verdict, sent.target], ["deliver", D]);
    const far = send(B, datagram(B, "10.0.1.6", "10.0.2.8"));
    assert.deepEqual(
      [far.verdict, far.target, far.tunnel],
      ["machine", 1, { address: "192.0.2.1", vni: 17 }],
    );
    const got = arrive(1, "192.0.2.2", far);
    assert.deepEqual([got.verdict, got.reason, got.target], ["deliver", "none", D]);
    const { to, from, source, destination } = read(got.frame);
    assert.deepEqual(
      [to, from, source, destination],
      [macOf(D), "02:67:6b:00:00:01", "10.0.1.6", "10.0.2.8"],
    );
    assert.deepEqual(got.frame.subarray(14), datagram(B, "10.0.1.6", "10.0.2.8").subarray(14));
  });

  it("are dropped there for the receiver's reasons: the sender's groups come along", () => {
    const sent = send(A, datagram(A, "10.0.1.5", "10.0.1.6"));
    assert.deepEqual([sent.verdict, sent.tunnel.address], ["machine", "192.0.2.2"]);
    const forged = { ...sent, frame: Buffer.from(sent.frame) };
    forged.frame[7] = 0;
    assert.deepEqual([arrive(2, "192.0.2.1", forged).reason], ["security_group_in"]);
    const got = arrive(2, "192.0.2.1", sent);
    assert.deepEqual([got.verdict, got.reason, got.target], ["deliver", "none", B]);
  });

  it("leave for the internet by the gateways, translated by the sender's machine", () => {
    const sent = send(A, datagram(A, "10.0.1.5", INTERNET));
    assert.deepEqual(
      [sent.verdict, sent.target, sent.tunnel],
      ["internet", OVERLAY, { address: GATEWAYS, vni: 1 }],
    );
    const out = arrive(3, "192.0.2.1", sent);
    assert.deepEqual([out.verdict, out.target], ["internet", 2]);
    const { to, from, source, destination } = read(out.frame);
    assert.deepEqual(
      [to, from, source, destination],
      ["02:00:00:00:02:02", "02:00:00:00:02:01", "203.0.113.5", INTERNET],
    );
    assert.equal(arrive(2, "192.0.2.1", sent).reason, "no_uplink");
  });

  it("come from the internet by a gateway as they came, and are translated where they are received", () => {
    const bytes = datagram(1, INTERNET, "203.0.113.5");
    const sent = testRun(machines[3]?.programs.from_uplink ?? 0, bytes, { link: 2 });
    assert.deepEqual([sent.verdict, sent.tunnel], ["machine", { address: "192.0.2.1", vni: 2 }]);
    assert.deepEqual(sent.frame.subarray(14), bytes.subarray(14));
    const got = arrive(1, "192.0.2.3", sent);
    assert.deepEqual([got.verdict, got.target], ["deliver", A]);
    assert.deepEqual([read(got.frame).source, read(got.frame).destination], [INTERNET, "10.0.1.5"]);
  });

  it("go to a public address of the region seen from the sender's public one", () => {
    const sent = send(C, datagram(C, "10.0.2.7", "203.0.113.5"));
    assert.deepEqual([sent.verdict, sent.tunnel.address], ["machine", "192.0.2.1"]);
    const got = arrive(1, "192.0.2.2", sent);
    assert.deepEqual([got.verdict, got.target], ["deliver", A]);
    assert.deepEqual([read(got.frame).source, read(got.frame).destination], ["203.0.113.7", "10.0.1.5"]);
  });

  it("pass a NAT gateway on ports of the sender's machine, and answers find it by them", () => {
    const block = (port: number, machine: number) => ({
      interface: NAT,
      address: "10.0.2.9",
      block: port / 1_024,
      machine,
    });
    for (const datapath of machines.slice(1)) {
      datapath.apply({ puts: natRows(), removals: [] });
      datapath.setNatBlocks([block(1_024, 2), block(2_048, 1), block(3_072, 2)]);
    }
    const to = (port: number): Buffer =>
      frame({
        from: macOf(A),
        source: "10.0.1.5",
        destination: "198.19.0.1",
        payload: udp(ends("10.0.1.5", "198.19.0.1"), port, 2_000),
      });
    const ports = [1, 2, 3, 4].map((port) => {
      const sent = send(A, to(port));
      assert.deepEqual([sent.verdict, sent.reason, sent.target], ["internet", "none", OVERLAY]);
      assert.equal(read(sent.frame).source, "203.0.113.9");
      return read(sent.frame).payload.readUInt16BE(0);
    });
    assert.equal(new Set(ports).size, 4);
    for (const port of ports) assert.equal(Math.floor(port / 1_024), 2, `${port} is of machine 1's block`);
    const answer = (port: number): Buffer =>
      frame({
        source: "198.19.0.1",
        destination: "203.0.113.9",
        payload: udp(ends("198.19.0.1", "203.0.113.9"), 2_000, port),
      });
    const back = testRun(machines[3]?.programs.from_uplink ?? 0, answer(ports[2] ?? 0), { link: 2 });
    assert.deepEqual([back.verdict, back.tunnel], ["machine", { address: "192.0.2.1", vni: 2 }]);
    const got = arrive(1, "192.0.2.3", back);
    assert.deepEqual([got.verdict, got.reason, got.target], ["deliver", "none", A]);
    assert.deepEqual(
      [read(got.frame).destination, read(got.frame).payload.readUInt16BE(2), read(got.frame).ttl],
      ["10.0.1.5", 3, 63],
    );
    // A block of another machine: that one knows of no such connection. A block of nobody ends at the gateway.
    const other = testRun(machines[3]?.programs.from_uplink ?? 0, answer(1_030), { link: 2 });
    assert.equal(other.tunnel.address, "192.0.2.2");
    assert.equal(arrive(2, "192.0.2.3", other).reason, "nat_no_connection");
    const nobody = testRun(machines[3]?.programs.from_uplink ?? 0, answer(9_000), { link: 2 });
    assert.deepEqual([nobody.verdict, nobody.reason], ["drop", "nat_no_connection"]);
    machines[1]?.setNatBlocks([block(1_024, 2)]);
    assert.equal(send(A, to(9)).reason, "nat_ports_exhausted");
  });

  it("are told of to their sender when the receiver's machine finds them too long", () => {
    const sent = send(C, datagram(C, "10.0.2.7", "203.0.113.5", "x".repeat(2_000)));
    const said = arrive(1, "192.0.2.2", sent);
    assert.deepEqual(
      [said.verdict, said.reason, said.tunnel],
      ["error", "too_big", { address: "192.0.2.2", vni: 17 }],
    );
    const back = arrive(2, "192.0.2.1", said);
    assert.deepEqual([back.verdict, back.target], ["deliver", C]);
    const { to, source, destination, payload } = read(back.frame);
    assert.deepEqual([to, source, destination], [macOf(C), "10.0.2.1", "10.0.2.7"]);
    assert.deepEqual([payload[0], payload[1], payload.readUInt16BE(6)], [3, 4, 1_500]);
  });

  it("count only from members, and only where their interface is", () => {
    const sent = send(B, datagram(B, "10.0.1.6", "10.0.2.8"));
    assert.equal(arrive(1, "192.0.2.9", sent).reason, "stranger");
    assert.equal(arrive(3, "192.0.2.2", sent).reason, "moved");
    assert.equal(arrive(1, "192.0.2.2", { ...sent, tunnel: { address: "", vni: 18 } }).reason, "malformed");
  });
});

describe("a real tunnel between two namespaces", { skip: noKernel }, () => {
  const opened: Datapath[] = [];
  let folder = "";
  const path = (name: string): string => join(folder, "../tunnel", name);
  const run = (name: string, command: string): string => sh(`nsenter --net=${path(name)} sh -c '${command}'`);
  const instance = (name: string, address: string, router: string): void => {
    run(
      name,
      `ip link set lo up; ip link set eth0 up; ip addr add ${address} dev eth0; ip route add default via ${router}`,
    );
  };
  before(() => {
    folder = bpffs();
    mkdirSync(join(folder, "../tunnel"), { recursive: true });
    for (const name of ["dp1", "dp2", "a", "c", "stranger"])
      sh(`touch ${path(name)} && unshare --net=${path(name)} true`);
    run(
      "dp1",
      `ip link add under type veth peer name under netns ${path("dp2")}
       ip link add aside type veth peer name aside netns ${path("stranger")}
       ip link add eni16 index 16 mtu 9100 type veth peer name eth0 address ${macOf(A)} mtu 9001 netns ${path("a")}`,
    );
    run(
      "dp2",
      `ip link add eni18 index 18 mtu 9100 type veth peer name eth0 address ${macOf(C)} mtu 9001 netns ${path("c")}`,
    );
    const overlay = `ip link add overlay index ${OVERLAY} mtu 9100 type vxlan external dstport 4789 nolearning; ip link set overlay up`;
    for (const [number, slot] of [
      [1, A],
      [2, C],
    ] as const) {
      run(
        `dp${number}`,
        `ip link set lo up; ip link set under mtu 9200 up; ip addr add 192.0.2.${number}/28 dev under; ip link set eni${slot} up; ${overlay}`,
      );
      const pins = join(folder, `real-${number}`);
      mkdirSync(pins);
      const datapath = openDatapath({
        pins,
        netns: path(`dp${number}`),
        object: OBJECT,
        sizes: { interfaces: 64, publicAddresses: 1024 },
      });
      datapath.setMachines(MACHINES.slice(0, 2));
      datapath.reconcile(
        [...rowsOf(number, { now: 0n }), ...rules("security_group_in", 2, [allow()])].filter(
          (entry, place, all) => {
            const isLater = (other: Entry, at: number): boolean =>
              at > place &&
              entry.table === "rule_lists" &&
              other.table === "rule_lists" &&
              other.key.kind === entry.key.kind &&
              other.key.owner === entry.key.owner;
            return !all.some(isLater);
          },
        ),
      );
      datapath.attach(slot);
      datapath.attachOverlay(OVERLAY);
      opened.push(datapath);
    }
    instance("a", "10.0.1.5/24", "10.0.1.1");
    instance("c", "10.0.2.7/24", "10.0.2.1");
    run("dp1", "ip link set aside up; ip addr add 192.0.2.17/28 dev aside");
    run("stranger", "ip link set aside up; ip addr add 192.0.2.18/28 dev aside");
  });
  after(() => {
    for (const datapath of opened) datapath.close();
  });

  it("carries pings, also long ones, by private and by public addresses", () => {
    run("a", "ping -n -c 2 -W 2 10.0.2.7");
    run("a", "ping -n -c 1 -W 2 -M do -s 8400 10.0.2.7");
    run("c", "ping -n -c 1 -W 2 203.0.113.5");
    assert.ok((opened[1]?.traffic(C).received.packets ?? 0n) >= 3n);
    assert.deepEqual(
      opened[0]?.drops().filter(({ reason }) => reason === "stranger"),
      [],
    );
  });

  it("takes nothing from who is no member", () => {
    const header = Buffer.from("0200000000000200000000000800", "hex");
    const vxlan = Buffer.concat([Buffer.from("0800000000001100", "hex"), header, Buffer.alloc(40)]);
    run(
      "stranger",
      `${process.execPath} -e "const s = require(\\"dgram\\").createSocket(\\"udp4\\"); s.send(Buffer.from(\\"${vxlan.toString("hex")}\\", \\"hex\\"), 4789, \\"192.0.2.17\\", () => s.close())"`,
    );
    assert.deepEqual(
      opened[0]?.drops(0).map(({ reason, packets }) => [reason, packets]),
      [["stranger", 1n]],
    );
  });
});
