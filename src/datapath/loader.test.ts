import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { ROUTE_TARGET } from "../contract/tables.ts";
import { type Datapath, openDatapath } from "./loader.ts";
import { A, bpffs, noKernel, noTcx, OBJECT, route } from "./test-kit.ts";
import { attachAll, type Links, realLinks } from "./test-links.ts";

const PING = "ping -n -c 1 -W 2";

/** Counts numbered datagrams: prints how many different numbers came until "end". */
const COUNT = `
  const seen = new Set();
  const socket = require("node:dgram").createSocket("udp4");
  socket.on("message", (m) => { if (m.toString() === "end") { console.log(seen.size); socket.close(); } else seen.add(m.toString()); });
  socket.bind(7, () => console.log("ready"));`;

/**
 * Sends about 1,000 numbered datagrams a second for three seconds, then "end" a few times. Where it was held
 * up it does not catch up at once: a burst could overflow the receiver's socket.
 */
const NUMBER = `
  const socket = require("node:dgram").createSocket("udp4");
  let n = 0;
  const start = process.hrtime.bigint();
  console.log("ready");
  const timer = setInterval(() => {
    const due = Math.min(3000, Number((process.hrtime.bigint() - start) / 1000000n));
    for (let burst = 0; n < due && burst < 8; burst++) socket.send(String(n++), 7, "198.51.100.1");
    if (n < 3000) return;
    clearInterval(timer);
    for (let i = 0; i < 3; i++) socket.send("end", 7, "198.51.100.1", i === 2 ? () => socket.close() : undefined);
  }, 1);`;

for (const by of ["tcx", "clsact"] as const) {
  describe(`real links, attached by ${by}`, { skip: by === "tcx" ? noTcx : noKernel }, () => {
    let links: Links;
    let datapath: Datapath;
    before(() => {
      links = realLinks();
      datapath = links.open({ attachBy: by });
      attachAll(datapath);
    });
    after(() => datapath.close());

    it("says how the links are attached", () => {
      assert.deepEqual(
        datapath
          .links()
          .map((link) => `${link.index} ${link.program} ${link.by}`)
          .sort(),
        [`16 from_eni ${by}`, `18 from_eni ${by}`, `2 from_uplink ${by}`, `4 from_fragments ${by}`],
      );
    });

    it("carries an exchange with the internet, from either side, and a hairpin", () => {
      links.run("a", `${PING} 198.51.100.1`);
      links.run("internet", `${PING} -I 198.51.100.1 203.0.113.5`);
      links.run("a", `${PING} 203.0.113.7`);
      links.run("a", `${PING} 10.0.2.7`);
      assert.ok(datapath.traffic(A).sent.packets >= 4n);
    });

    it("says a packet's size back, and fragments one that may be cut", () => {
      assert.throws(
        () => links.run("a", `${PING} -M do -s 3000 198.51.100.1`),
        /mtu ?= ?1500|too long|100% packet loss/i,
      );
      assert.match(links.run("a", "ip route get 198.51.100.1"), /mtu 1500/);
      links.run("a", "ip route flush cache");
      links.run("a", `${PING} -M dont -s 8900 198.51.100.1`);
      links.run("a", `${PING} -M do -s 8900 10.0.2.7`);
    });

    it("cuts datagrams whose checksum the sender left to the device", async () => {
      links.run("a", "sysctl -qw net.ipv4.ip_no_pmtu_disc=1; ip route flush cache");
      const server = links.node(
        "internet",
        `const s = require("node:dgram").createSocket("udp4"); s.on("message", (m, r) => s.send(m, r.port, r.address, () => s.close())); s.bind(7, "198.51.100.1", () => console.log("ready"));`,
      );
      await server.ready;
      const client = links.node(
        "a",
        `const s = require("node:dgram").createSocket("udp4"); const data = Buffer.from(Array.from({ length: 6001 }, (_, i) => i * 7));
         s.on("message", (m) => { console.log(m.equals(data)); s.close(); }); s.send(data, 7, "198.51.100.1"); setTimeout(() => process.exit(9), 5000).unref();`,
      );
      assert.equal((await client.ended).trim(), "true");
      links.run("a", "sysctl -qw net.ipv4.ip_no_pmtu_disc=0");
    });

    it("carries bulk TCP both ways with segmentation offload", async () => {
      const server = links.node(
        "internet",
        `require("node:net").createServer(function (c) { this.close(); c.pipe(c); }).listen(80, "198.51.100.1", () => console.log("ready"));`,
      );
      await server.ready;
      const client = links.node(
        "a",
        `const data = require("node:crypto").randomBytes(4 << 20); const c = require("node:net").connect(80, "198.51.100.1"); const got = [];
         c.on("data", (d) => got.push(d)); c.on("end", () => console.log(Buffer.concat(got).equals(data))); c.end(data);`,
      );
      assert.equal((await client.ended).trim(), "true");
      assert.equal(
        datapath.drops().find((drop) => drop.reason === "malformed"),
        undefined,
      );
    });

    it("loses no packet while the program is replaced", async () => {
      const receiver = links.node("internet", COUNT);
      await receiver.ready;
      const sender = links.node("a", NUMBER);
      await sender.ready;
      for (let i = 0; i < 3; i++) {
        const next = links.open({ attachBy: by });
        assert.equal(next.fresh, false);
        datapath.close();
        datapath = next;
      }
      await sender.ended;
      assert.equal((await receiver.ended).trim(), "ready\n3000");
    });

    it("obeys a change when apply returns, and has nothing to reconcile after a restart", () => {
      const internet = route(1, "0.0.0.0", 0, { target: ROUTE_TARGET.internet_gateway, slot: 7 });
      datapath.apply({ puts: [], removals: [internet] });
      assert.throws(() => links.run("a", "ping -n -c 1 -W 0.2 198.51.100.1"));
      assert.ok(datapath.drops(A).some((drop) => drop.reason === "no_route"));
      datapath.apply({ puts: [internet], removals: [] });
      links.run("a", `${PING} 198.51.100.1`);
      const rows = (
        [
          "settings",
          "vpcs",
          "subnets",
          "interfaces",
          "addresses",
          "public_addresses",
          "routes",
          "rule_lists",
          "rule_chunks",
        ] as const
      ).flatMap((table) => datapath.rows(table));
      datapath.close();
      datapath = links.open({ attachBy: by });
      assert.equal(datapath.reconcile(rows), 0);
      links.run("a", `${PING} 198.51.100.1`);
    });

    it("passes nothing where it is not attached", () => {
      datapath.detach(A);
      assert.throws(() => links.run("a", "ping -n -c 1 -W 0.2 198.51.100.1"));
      datapath.attach(A);
      datapath.attach(A);
      links.run("a", `${PING} 198.51.100.1`);
    });

    it("attaches anew when a link has come again under the same index", () => {
      links.run(
        "dp",
        `ip link del eni18; ip link add eni18 index 18 mtu 9100 type veth peer name eth0 address 02:00:00:00:00:12 mtu 9001 netns ${links.path("c")}; ip link set eni18 up`,
      );
      links.run(
        "c",
        "ip link set eth0 up; ip addr add 10.0.2.7/24 dev eth0; ip route add default via 10.0.2.1",
      );
      datapath.attach(18);
      links.run("c", `${PING} 198.51.100.1`);
    });
  });
}

it("loads although the process gets signals meanwhile", { skip: noKernel }, () => {
  const ignore = (): void => undefined;
  process.on("SIGUSR2", ignore);
  // Each attempt of libbpf's ends with the next signal.
  const sender = spawn("sh", ["-c", `for n in $(seq 40); do kill -USR2 ${process.pid}; sleep 0.03; done`]);
  try {
    openDatapath({
      pins: bpffs(),
      netns: "/proc/thread-self/ns/net",
      object: OBJECT,
      sizes: { interfaces: 64, publicAddresses: 64 },
    }).close();
  } finally {
    process.off("SIGUSR2", ignore);
    sender.kill();
  }
});
