import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { getPriority, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setImmediate as immediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ROUTER_MAC as DATA_PLANE_MAC } from "../contract/tables.ts";
import { openEmbedded } from "../store/embedded.ts";
import { aliasOf } from "./alias.ts";
import { inNetwork, run } from "./command.ts";
import { DAEMONS } from "./daemon.ts";
import { giveReserve, keepReserve } from "./disk-watch.ts";
import { execInInstance, execInInternet } from "./exec.ts";
import { type Host, openHost } from "./host.ts";
import { ROUTER_MAC } from "./network-interface.ts";
import { isAlive, readRecord } from "./processes.ts";
import { rootUser } from "./sandbox.ts";
import { footprint, type Footprint } from "./test-footprint.ts";
import { example, launchVictim, nextExit, output, POOL, status } from "./test-kit.ts";
import { EXAMPLE, exampleChanges, mapped, SLOT } from "./test-state.ts";

const INSIDE = "GENKAN_TEST_IN_NAMESPACE";
const root = process.platform === "linux" && process.getuid?.() === 0;

if (process.env[INSIDE] === undefined) {
  test("the host, in namespaces of its own", { skip: root ? false : "needs root on Linux" }, () => {
    const script = 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"';
    const argv = ["--net", "--mount", "--propagation", "private", "sh", "-ec", script, "sh"];
    const node = [
      process.execPath,
      "--no-warnings",
      "--test",
      "--test-reporter=spec",
      fileURLToPath(import.meta.url),
    ];
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
    const ended = spawnSync("unshare", [...argv, ...node], {
      encoding: "utf8",
      env: { ...environment, [INSIDE]: "yes" },
    });
    assert.equal(ended.status, 0, ended.stdout + ended.stderr);
  });
} else {
  describe("the host", hostTests);
}

function hostTests(): void {
  let home: string;
  let host: Host;
  let clean: Footprint;
  const attached: number[] = [];
  const concerns = (commandLine: string): boolean => commandLine.includes(home);
  const open = (): Host =>
    openHost({
      home,
      pools: [POOL],
      hostLink: true,
      attach: (slot) => void attached.push(slot),
      log: () => undefined,
    });
  const inside = (id: string, ...command: string[]): string =>
    output(execInInstance({ pid: host.pidOf(id) ?? 0, command }));

  // What the host waits for does not keep a process alive by itself.
  const alive = setInterval(() => undefined, 1_000);

  before(async () => {
    home = mkdtempSync(join(tmpdir(), "genkan-host-"));
    clean = await footprint(concerns);
    host = open();
    const { hostLink } = await host.up();
    assert.deepEqual(hostLink, { present: true });
  });
  after(async () => {
    clearInterval(alive);
    await host.down();
    try {
      assert.deepEqual(await footprint(concerns), clean);
      // Control groups have no namespace here, so those of other tests show too: look for this one's by name.
      assert.equal(
        output(["find", "/sys/fs/cgroup", "-maxdepth", "3", "-name", `genkan-${host.installation.id}`]),
        "",
      );
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });

  test("an instance boots with its network and its files, and runs its user data once in its life", async () => {
    const spec = example(1, {
      userData: Buffer.from("#!/bin/sh\necho user data > /dev/console\necho once >> /root/runs\n"),
    });
    await host.boot(spec);
    assert.deepEqual(attached.splice(0), [21]);
    assert.match(inside(spec.id, "ip", "-br", "addr"), /eth0@if21\s+UP\s+10\.0\.1\.1\d\/24/);
    assert.match(inside(spec.id, "ip", "route"), /^default via 10\.0\.1\.1 dev eth0/);
    assert.match(inside(spec.id, "ip", "link", "show", "eth0"), /mtu 9001/);
    assert.equal(inside(spec.id, "hostname"), "ip-10-0-1-11\n");
    assert.equal(
      inside(spec.id, "cat", "/etc/resolv.conf"),
      "search ec2.internal\nnameserver 10.0.0.2\noptions timeout:2 attempts:2\n",
    );
    inside(spec.id, "sh", "-c", "until [ -e /root/runs ]; do sleep 0.01; done");
    await host.reboot(spec);
    await host.halt(spec.id);
    assert.deepEqual(host.instances(), []);
    await host.boot(spec);
    assert.equal(inside(spec.id, "cat", "/root/runs"), "once\n");
    assert.match(
      host.console(spec.id) ?? "",
      /user data\n[\s\S]*user data ended with status 0\n[\s\S]*going down\n[\s\S]*up as ip-10-0-1-11\n/,
    );
    await host.destroy(spec.id);
    assert.equal(host.console(spec.id), undefined);
  });

  test("a cloud-config's names, files, users and commands are carried out, and the console's output names the rest", async () => {
    const config = `#cloud-config
hostname: web
bootcmd: [echo boot >> /root/boots]
write_files:
  - {path: /opt/app/config, content: "one line\\n", permissions: 0640, owner: "root:www-data"}
  - {path: /home/deploy/note, content: hers, owner: deploy, defer: true}
users: [default, {name: deploy, shell: /bin/sh, groups: app, ssh_authorized_keys: [ssh-ed25519 AAAA her]}]
timezone: Asia/Tokyo
runcmd: [[sh, -c, 'id -un > /root/who'], "false"]
swap: {size: 1G}
`;
    const spec = example(13, { userData: Buffer.from(config) });
    await host.boot(spec);
    const waited = execInInstance({
      pid: host.pidOf(spec.id) ?? 0,
      command: ["cloud-init", "status", "--wait"],
    });
    assert.equal(status(waited), 1, "its last command failed");
    const script =
      "hostname; hostname -f; stat -c '%a %U:%G' /opt/app/config; cat /opt/app/config /root/boots /root/who; stat -c %U /home/deploy/note";
    assert.equal(
      inside(spec.id, "sh", "-c", script),
      "web\nweb.ec2.internal\n640 root:www-data\none line\nboot\nroot\ndeploy\n",
    );
    assert.match(
      inside(spec.id, "sh", "-c", "id deploy; cat /home/deploy/.ssh/authorized_keys"),
      /uid=10\d\d\(deploy\).*\(app\)\nssh-ed25519 AAAA her/,
    );
    for (const text of [
      host.console(spec.id) ?? "",
      inside(spec.id, "cat", "/var/log/cloud-init-output.log"),
    ])
      assert.match(
        text,
        /user data: swap is not done here\n[\s\S]*user data \(runcmd\) ended with status 1\n/,
      );
    await host.reboot(spec);
    inside(spec.id, "cloud-init", "status", "--wait");
    assert.equal(inside(spec.id, "cat", "/root/boots", "/opt/app/config"), "boot\nboot\none line\n");
    await host.destroy(spec.id);
  });

  test("an instance's root is nobody on the machine and stays in its sandbox", async () => {
    const spec = example(2);
    await host.boot(spec);
    const pid = String(host.pidOf(spec.id));
    assert.match(output(["cat", `/proc/${pid}/status`]), new RegExp(`^Uid:\\t${rootUser(22)}\\t`, "m"));
    assert.equal(inside(spec.id, "id", "-u"), "0\n");
    const refused = (script: string): void =>
      assert.notEqual(
        status(execInInstance({ pid: Number(pid), command: ["sh", "-c", script] })),
        0,
        `refused: ${script}`,
      );
    refused("touch /usr/genkan-test");
    refused(`ls ${home}`);
    refused("mount -t tmpfs none /mnt");
    refused("unshare --user true");
    refused("mknod /tmp/disk b 254 0");
    refused("echo 1 > /proc/sys/net/ipv4/conf/all/forwarding && echo 1 > /proc/sys/kernel/panic");
    refused(`kill -0 ${process.pid}`);
    // CAP_SYS_ADMIN (21), CAP_SYS_PTRACE (19), CAP_SYS_MODULE (16), neither held nor to be had.
    for (const process of ["self", "1"]) {
      const bounds = BigInt(
        `0x${/^CapBnd:\t(.*)$/m.exec(inside(spec.id, "cat", `/proc/${process}/status`))?.[1]}`,
      );
      assert.equal(bounds & ((1n << 21n) | (1n << 19n) | (1n << 16n)), 0n);
    }
    assert.doesNotMatch(inside(spec.id, "ps", "ax"), /bwrap|nsenter --net/);
    await host.destroy(spec.id);
  });

  test("exec passes input, output and exit status", async () => {
    const spec = example(3);
    await host.boot(spec);
    const pid = host.pidOf(spec.id) ?? 0;
    assert.equal(output(execInInstance({ pid, command: ["cat"] }), "through\n"), "through\n");
    assert.equal(status(execInInstance({ pid, command: ["sh", "-c", "exit 42"] })), 42);
    assert.equal(status(execInInstance({ pid, command: ["no-such-command"] })), 127);
    await host.destroy(spec.id);
  });

  test("an instance sees only its own interfaces in /sys, and can write nothing there", async () => {
    const spec = example(11);
    await host.boot(spec);
    assert.equal(inside(spec.id, "ls", "/sys/class/net"), "eth0\nlo\n");
    assert.equal(inside(spec.id, "cat", "/sys/class/net/eth0/address"), `${spec.interfaces[0]?.mac}\n`);
    assert.equal(inside(spec.id, "setpriv", "--reuid", "1000", "cat", "/sys/class/net/eth0/mtu"), "9001\n");
    assert.equal(
      inside(spec.id, "ls", "-a", "/sys", "/sys/devices", "/sys/devices/virtual")
        .split(/\s+/)
        .filter((name) => /^\w+$/.test(name))
        .join(),
      "class,devices,virtual,net",
    );
    for (const script of ["echo 1400 > /sys/class/net/eth0/mtu", "touch /sys/file", "ls /network"])
      assert.notEqual(
        status(execInInstance({ pid: host.pidOf(spec.id) ?? 0, command: ["sh", "-c", script] })),
        0,
        script,
      );
    assert.match(inside(spec.id, "cat", "/etc/os-release"), /^ID=\w+$/m);
    assert.equal(
      inside(spec.id, "bash", "-ic", 'echo "${PS1@P}" | tr -d "\\n"').includes("[root@ip-10-0-1-21 "),
      true,
    );
    await host.destroy(spec.id);
  });

  test("an instance whose interface cannot be made again, as its root took the name, is restarted", async () => {
    const spec = example(12);
    await host.boot(spec);
    const exit = nextExit(host);
    inside(spec.id, "sh", "-c", "ip link del eth0; ip link add eth0 type veth peer name own");
    await host.attachLinks();
    assert.deepEqual(await exit, [spec.id, "reboot"]);
    assert.deepEqual([host.isUp(spec.id), host.slots()], [false, []]);
    await host.boot(spec);
    assert.match(inside(spec.id, "ip", "-br", "addr"), /eth0@if32\s+UP\s+10\.0\.1\.22\/24/);
    await host.destroy(spec.id);
  });

  test("an instance that ends or restarts itself is reported", async () => {
    const spec = example(4);
    for (const [command, ending] of [
      ["poweroff", "poweroff"],
      ["reboot", "reboot"],
      ["busybox reboot -f", "reboot"],
    ] as const) {
      await host.boot(spec);
      const exit = nextExit(host);
      status(execInInstance({ pid: host.pidOf(spec.id) ?? 0, command: ["sh", "-c", command] }));
      assert.deepEqual(await exit, [spec.id, ending], command);
      assert.equal(host.isUp(spec.id), false);
    }
    await host.destroy(spec.id);
  });

  test("an instance's only neighbour is its router, permanently; an instance with hundreds of neighbours is ended", async () => {
    const v6 = { ...example(6).interfaces[0]!, ipv6Addresses: ["2001:db8:0:1::16"] };
    await host.boot(example(6, { interfaces: [v6] }));
    await host.boot(example(7));
    const { id } = example(6);
    assert.equal(ROUTER_MAC, DATA_PLANE_MAC);
    assert.match(inside(id, "ip", "-br", "addr"), /eth0@if26\s+UP\s+10\.0\.1\.16\/24/);
    // A neighbour in the subnet, a host on the internet, and a destination of an added route.
    inside(id, "ip", "route", "add", "172.16.0.0/12", "via", "10.0.1.1");
    for (const to of ["10.0.1.200", "198.51.100.1", "172.16.0.1"])
      assert.match(
        inside(id, "ip", "route", "get", to),
        new RegExp(`^${to.replaceAll(".", "\\.")} via 10\\.0\\.1\\.1 dev eth0 src 10\\.0\\.1\\.16 `),
      );
    assert.match(inside(id, "ip", "route", "get", "10.0.1.1"), /^10\.0\.1\.1 dev eth0 src 10\.0\.1\.16 /);
    status(execInInstance({ pid: host.pidOf(id) ?? 0, command: ["ping", "-c1", "-W0.1", "10.0.1.201"] }));
    status(
      execInInstance({ pid: host.pidOf(id) ?? 0, command: ["ping", "-c1", "-W0.1", "2001:db8:0:1::99"] }),
    );
    assert.deepEqual(inside(id, "ip", "neigh", "show", "dev", "eth0").trim().split(/\s*\n/).toSorted(), [
      `10.0.1.1 lladdr ${ROUTER_MAC} PERMANENT`,
      `fe80::1 lladdr ${ROUTER_MAC} PERMANENT`,
    ]);
    // Permanent entries are not among the machine's limit, and as many as anybody likes: a batch that others
    // don't feel.
    const exit = nextExit(host);
    const batch = Array.from(
      { length: 700 },
      (_, i) => `neigh add 10.9.${i >> 8}.${i & 255} lladdr 02:00:00:00:00:01 dev eth0 nud permanent\n`,
    );
    output(execInInstance({ pid: host.pidOf(id) ?? 0, command: ["ip", "-batch", "-"] }), batch.join(""));
    assert.deepEqual(await exit, [id, "poweroff"]);
    assert.equal(host.isUp(example(7).id), true);
    await host.destroy(id);
    await host.destroy(example(7).id);
  });

  test("an instance that fills the disk is ended before there is no room for the state, and only that one", async () => {
    const disk = mkdtempSync(join(tmpdir(), "genkan-disk-"));
    output(["mount", "--no-mtab", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk]);
    const said: string[] = [];
    const small = openHost({
      home: disk,
      pools: [],
      hostLink: false,
      attach: () => undefined,
      log: (message) => said.push(message),
    });
    try {
      await small.up();
      keepReserve(disk);
      await small.boot(example(1));
      await small.boot(example(2));
      const exit = nextExit(small);
      const [quiet, filler] = [example(1).id, example(2).id];
      status(
        execInInstance({
          pid: small.pidOf(quiet) ?? 0,
          command: ["dd", "if=/dev/zero", "of=/root/some", "bs=1M", "count=6"],
        }),
      );
      status(
        execInInstance({
          pid: small.pidOf(filler) ?? 0,
          command: ["dd", "if=/dev/zero", "of=/root/much", "bs=1M"],
        }),
      );
      assert.deepEqual(await exit, [filler, "poweroff"]);
      assert.match(said.join("\n"), new RegExp(`${filler} fills the disk`));
      assert.equal(small.isUp(quiet), true);
      // It may have been faster than the look: what a start writes has its room all the same.
      giveReserve(disk);
      writeFileSync(join(disk, "running.json"), "x".repeat(100_000));
      await small.destroy(filler);
      await small.boot(example(3));
    } finally {
      await small.down();
      output(["umount", "--no-mtab", "--lazy", disk]);
      rmSync(disk, { recursive: true });
    }
  });

  test("the services have priority over instances and the simulated internet, which have the ordinary one, whatever the control plane's is", async () => {
    // In the 19th place of proc(5)'s stat, behind a name without blanks.
    const niceness = (pid: number): string | undefined =>
      readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[18];
    assert.equal(
      DAEMONS.map((name) => niceness(readRecord(host.installation.records, name)?.pid ?? 0)).join(),
      "0,-10",
    );
    const before = getPriority();
    try {
      setPriority(-7);
      await host.boot(example(5));
    } finally {
      setPriority(before);
    }
    assert.equal(niceness(host.pidOf(example(5).id) ?? 0), "0");
    await host.destroy(example(5).id);
  });

  test("many instances boot at once", async () => {
    const specs = Array.from({ length: 12 }, (_, i) => example(30 + i));
    await Promise.all(specs.map((spec) => host.boot(spec)));
    assert.equal(host.instances().length, 12);
    await Promise.all(specs.map((spec) => host.destroy(spec.id)));
    assert.deepEqual(host.slots(), []);
  });

  test("instances kept from booting by their own files delay no others", { timeout: 300_000 }, async () => {
    const stuck = Array.from({ length: 16 }, (_, i) => example(30 + i, { publicKey: "ssh-ed25519 key" }));
    await Promise.all(stuck.map((spec) => host.boot(spec)));
    const spoil = "cd /etc; rm hostname hosts resolv.conf; mkfifo hostname hosts resolv.conf";
    const keys = "cd /root/.ssh; rm authorized_keys /var/lib/cloud/instance/sem/keys; mkfifo authorized_keys";
    for (const { id } of stuck) inside(id, "sh", "-c", `${spoil}; ${keys}`);
    await Promise.all(stuck.map(({ id }) => host.halt(id)));
    const boots = stuck.map((spec) => host.boot(spec));
    const file = (id: string, path: string): string => join(home, "instances", id, "rootfs", path);
    for (const { id } of stuck)
      while (!existsSync(file(id, "var/lib/cloud/instance/sem/keys"))) await immediate();
    await host.boot(example(46));
    assert.deepEqual(host.instances(), [example(46).id]);
    // As when it has taken too long: nothing of it is left.
    const [first, ...others] = stuck;
    const init = readRecord(host.installation.records, `${first?.id}.init`) ?? assert.fail("no record");
    process.kill(
      Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${init.pid}/status`, "utf8"))?.[1]),
      "SIGKILL",
    );
    await assert.rejects(boots.shift() ?? assert.fail("no boot"), /ended while it was starting \(SIGKILL\)/);
    assert.equal(isAlive(init), false);
    // Whoever reads what waits to be written lets it go on.
    for (const { id } of others)
      assert.equal(output(["cat", file(id, "root/.ssh/authorized_keys")]), "ssh-ed25519 key\n");
    await Promise.all(boots);
    assert.match(
      inside(example(31).id, "cat", "/etc/hostname", "/etc/hosts"),
      /^ip-10-0-1-41\n127\.0\.0\.1 localhost\n/,
    );
    await Promise.all([...stuck, example(46)].map(({ id }) => host.destroy(id)));
  });

  test("the simulated internet answers, and the machine is a host of it that only asks", async () => {
    assert.equal(
      output(execInInternet(host.installation, ["curl", "-4s", "http://internet.example/ip"])),
      "198.51.100.1\n",
    );
    assert.equal(await run(["curl", "-s", "--max-time", "5", "http://198.51.100.1/ip"]), "198.51.100.2\n");
    assert.match(
      await run(["ip", "route", "get", "203.0.113.7"]),
      /dev genkan-[0-9a-f]{6} src 198\.51\.100\.2/,
    );
    // 28: nothing came back in time, as for a packet that was dropped.
    assert.equal(
      status(execInInternet(host.installation, ["curl", "-s", "--max-time", "0.5", "http://198.51.100.2/"])),
      28,
    );
  });

  test("the services answer each interface from the state on disk, as it is at that moment", async () => {
    const store = openEmbedded(join(home, "state"));
    const { services } = host.installation.namespaces;
    // In place of the data plane, which gives each interface these addresses.
    for (const asked of ["link-local", "vpc-resolver"] as const)
      await run([...inNetwork(services), "ip", "addr", "add", `${aliasOf(SLOT, asked)}/32`, "dev", "lo"]);
    const curl = ["curl", "-s", "--max-time", "5"];
    const metadata = (path: string): string =>
      output([
        ...inNetwork(services),
        ...curl,
        "--interface",
        aliasOf(SLOT, "link-local"),
        `http://169.254.169.254/latest/meta-data/${path}`,
      ]);
    const resolve = (name: string): string => {
      const script = `const r = new (require("dns").promises.Resolver)(); r.setServers(["169.254.169.253"]); r.setLocalAddress("${aliasOf(SLOT, "vpc-resolver")}");
        r.resolve4("${name}").then((a) => console.log(a.join()), (e) => console.log(e.code))`;
      return output([...inNetwork(services), process.execPath, "-e", script]).trim();
    };
    assert.match(metadata("instance-id"), /404 - Not Found/);
    await store.commit({ expected: 0, parts: [{ ...EXAMPLE, changes: exampleChanges() }] });
    assert.equal(metadata("instance-id"), "i-00000000000000001");
    assert.match(metadata("public-ipv4"), /404/);
    assert.equal(resolve("ip-10-0-1-5.ec2.internal"), "10.0.1.5");
    assert.equal(resolve("example.com"), "ENOTFOUND");
    const address = mapped("203.0.113.9");
    await store.commit({
      expected: 1,
      parts: [{ ...EXAMPLE, changes: [{ kind: "address", id: address.id, after: address }] }],
    });
    assert.equal(metadata("public-ipv4"), "203.0.113.9");
    assert.equal(resolve("ec2-203-0-113-9.compute-1.amazonaws.com"), "10.0.1.5");
    await store.close();
  });

  test("a second installation does without the host link that the first one has", async () => {
    const other = mkdtempSync(join(tmpdir(), "genkan-other-"));
    const said: string[] = [];
    const second = openHost({
      home: other,
      pools: [POOL],
      hostLink: true,
      attach: () => undefined,
      log: (message) => said.push(message),
    });
    const { hostLink } = await second.up();
    assert.equal(hostLink.present, false);
    assert.match(said.join("\n"), /198\.51\.100\.2 is already an address of this machine/);
    await second.down();
    rmSync(other, { recursive: true });
    assert.equal(await run(["curl", "-s", "--max-time", "5", "http://198.51.100.1/ip"]), "198.51.100.2\n");
  });

  test("the kernel itself forwards nothing between the links of the data plane", async () => {
    const { dp } = host.installation.namespaces;
    const rules = await run([...inNetwork(dp), "nft", "list", "ruleset"]);
    assert.equal(rules.match(/policy drop/g)?.length, 3);
    assert.equal(await run([...inNetwork(dp), "cat", "/proc/sys/net/ipv4/ip_forward"]), "0\n");
  });

  test("instances that a killed control plane left are adopted as they are", async () => {
    const victim = await launchVictim(home, 7, "up");
    await victim.kill();
    const heir = open();
    await heir.up();
    const { id } = example(7);
    assert.equal(heir.pidOf(id), victim.init);
    assert.deepEqual(heir.slots(), [27]);
    const exit = nextExit(heir);
    process.kill(victim.init, "SIGKILL");
    assert.deepEqual(await exit, [id, "poweroff"]);
    await heir.destroy(id);
    await heir.close();
  });

  test("an instance that was only partly made is removed at the next start, and booted anew", async () => {
    const victim = await launchVictim(home, 8, "booting");
    await victim.kill();
    const heir = open();
    await heir.up();
    assert.deepEqual(heir.instances(), []);
    await heir.boot(example(8));
    assert.equal(heir.isUp(example(8).id), true);
    await heir.destroy(example(8).id);
    await heir.close();
  });

  test("down leaves nothing, whichever process was killed at whatever moment, and up works afterwards", async () => {
    await host.close();
    for (const moment of ["up", "booting", "starting"] as const) {
      const victim = await launchVictim(home, 9, moment);
      await victim.kill();
      await open().down();
      assert.deepEqual(await footprint(concerns), clean, moment);
    }
    host = open();
    await host.up();
    assert.deepEqual(host.instances(), []);
  });
}
