import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import koffi from "koffi";
import { execInInstance } from "./exec.ts";
import { type Host, openHost } from "./host.ts";
import { quoted } from "./shell.ts";
import { example, output, POOL, status } from "./test-kit.ts";

const INSIDE = "GENKAN_TEST_IN_NAMESPACE";
const root = process.platform === "linux" && process.getuid?.() === 0;

if (process.env[INSIDE] === undefined) {
  test(
    "what an instance gets of the machine, in namespaces of its own",
    { skip: root ? false : "needs root on Linux" },
    () => {
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
    },
  );
} else {
  describe("what an instance gets of the machine", execTests);
}

const libc = koffi.load(null);
const syscall = libc.func("long syscall(long number, ...)");
const KEYS = process.arch === "x64" ? { add: 248, keyctl: 250 } : { add: 217, keyctl: 219 };

/** A library that writes down, for each program that loads it, which rights that program has. */
const NOTE_RIGHTS = `
int open(const char *, int, ...);
long read(int, void *, unsigned long), write(int, const void *, unsigned long);
__attribute__((constructor)) static void note(void) {
  char text[4096];
  int status = open("/proc/self/status", 0), to = open("/tmp/seen", 02101, 0666);
  write(to, text, read(status, text, sizeof(text)));
}`;

/** Whether memory is limited by groups of version 1, which count sockets' by itself. */
function isVersion1(): boolean {
  return existsSync("/sys/fs/cgroup/memory/memory.kmem.tcp.limit_in_bytes");
}

/** A machine whose control groups can't be written, as in some containers, has no limits to test. */
function noGroups(): string | false {
  return existsSync("/sys/fs/cgroup/pids") || existsSync("/sys/fs/cgroup/cgroup.controllers")
    ? false
    : "no control groups here";
}

function execTests(): void {
  let home: string;
  let host: Host;
  let pid: number;
  const spec = example(1);
  const inside = (...command: string[]): string => output(execInInstance({ pid, command }));
  // What the host waits for does not keep a process alive by itself.
  const alive = setInterval(() => undefined, 1_000);

  before(async () => {
    home = mkdtempSync(join(tmpdir(), "genkan-exec-"));
    // What whoever started Genkan may have left to it: an open file of a high number, and keys.
    assert.equal(libc.func("int fcntl(int fd, int command, int from)")(openSync(home, "r"), 0, 200), 200);
    syscall(KEYS.keyctl, "int", 1, "void *", null);
    syscall(KEYS.add, "str", "user", "str", "secret", "str", "of the machine", "size_t", 14, "int", -3);
    host = openHost({ home, pools: [POOL], hostLink: false, attach: () => undefined, log: () => undefined });
    await host.up();
    await host.boot(spec);
    pid = host.pidOf(spec.id) ?? 0;
  });
  after(async () => {
    clearInterval(alive);
    await host.down();
    rmSync(home, { recursive: true, force: true });
  });

  test("no open file and no key of the machine's", () => {
    assert.match(inside("ls", "-l", "/proc/1/fd"), /console\.log/);
    assert.doesNotMatch(inside("ls", "-l", "/proc/1/fd"), /genkan-exec-\w+\n| 200 /);
    const leaky = output([
      "bash",
      "-c",
      'exec 200< /; exec "$@"',
      "bash",
      ...execInInstance({ pid, command: ["ls", "/proc/self/fd"] }),
    ]);
    assert.deepEqual(leaky.trim().split("\n"), ["0", "1", "2", "3"]);
    const search = `my ($type, $name) = ("user", "secret"); print syscall(${KEYS.keyctl}, 10, -3, $type, $name, 0);`;
    assert.equal(
      output([
        "perl",
        "-e",
        `syscall(${KEYS.keyctl}, 1, 0); exec @ARGV`,
        ...execInInstance({ pid, command: ["perl", "-e", search] }),
      ]),
      "-1",
    );
    inside("sh", "-c", `cat > /root/search <<'END'\n#!/usr/bin/perl\n${search}\nEND\nchmod 700 /root/search`);
  });

  test("none of the caller's environment, and no right that the instance does not have", () => {
    output(
      [
        "clang",
        "-shared",
        "-fPIC",
        "-x",
        "c",
        "-",
        "-o",
        join(home, "instances", spec.id, "rootfs/root/note.so"),
      ],
      NOTE_RIGHTS,
    );
    inside("sh", "-c", "echo /root/note.so > /etc/ld.so.preload");
    process.env["SECRET_OF_THE_MACHINE"] = "yes";
    const seen = inside("sh", "-c", "env; cat /tmp/seen; rm /etc/ld.so.preload /tmp/seen");
    delete process.env["SECRET_OF_THE_MACHINE"];
    assert.doesNotMatch(seen, /SECRET_OF/);
    const rights = [...seen.matchAll(/^Cap(?:Eff|Bnd):\s+(\w+)$/gm)].map(([, bits]) => bits);
    assert.ok(rights.length >= 4);
    assert.deepEqual(new Set(rights), new Set(["00000000a04435fb"]));
    assert.deepEqual(
      new Set([...seen.matchAll(/^(?:Uid|Gid):(.*)$/gm)].map(([, ids]) => ids)),
      new Set(["\t0\t0\t0\t0"]),
    );
  });

  /** Types what follows into its controlling terminal, TIOCSTI: 0x5412. */
  const TYPE =
    'open(T, "+<", "/dev/tty") or exit 7; for (split //, "echo TYPED-$((40+2))\\n") { my $c = $_; ioctl(T, 0x5412, $c) or exit 8 }';

  /** What a user sees of a shell on a terminal who runs the command, and leaves the shell by itself. */
  function typedBySomebody(argv: readonly string[]): string {
    const line = argv.map(quoted).join(" ");
    const script = join(home, "typed");
    writeFileSync(script, `${line}\n`);
    // In one line: what is typed ahead would go to the command.
    return output(
      ["script", "--quiet", "--return", "--command", "sh -i", "/dev/null"],
      `. ${script}; echo status $?; exit\n`,
    );
  }

  /** What runs the command at a terminal of 33 lines and tells its status, then what `after` says. */
  function atTerminal(argv: readonly string[], after = ""): readonly string[] {
    const line = `stty rows 33 cols 77; ${argv.map(quoted).join(" ")}; echo status $?; ${after}`;
    return ["env", "SHELL=/bin/sh", "script", "--quiet", "--return", "--command", line, "/dev/null"];
  }

  test("not the caller's terminal: what the instance types stays with it", () => {
    const plain = typedBySomebody(execInInstance({ pid, command: ["perl", "-e", TYPE] }));
    assert.match(plain, /status 7/);
    assert.doesNotMatch(plain, /TYPED-42/);
    const own = output(atTerminal(execInInstance({ pid, command: ["perl", "-e", TYPE], terminal: "xterm" })));
    // It has one, and types into it or may not; 7 would be: it has none.
    assert.match(own, /status [08]\r?\n/);
    assert.doesNotMatch(own, /TYPED-42/);
  });

  test("a terminal of the instance's own: its name, its owner, its size, and the command's status", () => {
    const script = "tty; stat -c '%U %G' $(tty); stty size; echo $TERM; exec sh -c 'kill -KILL $$'";
    const said = output(
      atTerminal(execInInstance({ pid, command: ["sh", "-c", script], terminal: "xterm" })),
    );
    assert.equal(
      said.replaceAll("\r", "").replace("^@", ""),
      "/dev/pts/0\nroot tty\n33 77\nxterm\nstatus 137\n",
    );
    // And the caller's is as it was.
    assert.match(
      output(atTerminal(execInInstance({ pid, command: ["true"], terminal: "xterm" }), "stty -a")),
      /status 0[^]* icanon[^]* echo /,
    );
  });

  test(
    "at a terminal a shell controls its jobs, and Ctrl-C ends what runs, not the shell",
    { timeout: 600_000 },
    async () => {
      const [command = "", ...args] = atTerminal(
        execInInstance({ pid, command: ["bash", "--norc", "-i"], terminal: "dumb" }),
      );
      const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
      let said = "";
      const steps: [RegExp, string][] = [
        [/\$ $|# $/, "PS1='re''ady> '; sleep 1000 & jobs\n"],
        [/Running +sleep 1000 &\s+ready> $/, "sh -c 'echo go; exec sleep 1001'\n"],
        [/\ngo\r?\n$/, "\x03"],
        [/\^C\s+ready> $/, "echo was $?; kill %1; head -c 100000 /dev/zero | tr '\\0' x; echo; exit 5\n"],
      ];
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        const [step] = steps;
        if (step?.[0].test(said)) child.stdin.write(steps.shift()?.[1] ?? "");
      });
      await new Promise((resolve) => child.once("close", resolve));
      assert.deepEqual(steps, [], said);
      assert.match(said, /was 130\r?\n/);
      assert.equal(/x{1000,}/.exec(said)?.[0].length, 100_000);
      assert.match(said, /status 5\r?\n$/);
      assert.doesNotMatch(said, /no job control|cannot set terminal/);
      assert.equal(inside("sh", "-c", "pgrep -f 'sleep 100[01]' || echo none"), "none\n");
    },
  );

  test("only so much memory and so many processes, whatever it does", { skip: noGroups() }, () => {
    const limits = (name: string): readonly string[] =>
      output(["find", "/sys/fs/cgroup", "-path", `*/genkan-${host.installation.id}/${spec.id}/${name}`])
        .trim()
        .split("\n");
    const [processes = ""] = limits("pids.max");
    const before = readFileSync(processes, "utf8").trim();
    assert.equal(before, "2048");
    writeFileSync(processes, "40");
    // As another of its users in each: a limit of one user's would not hold.
    const bomb =
      "for my $user (1 .. 90) { my $child = fork; if (!defined $child) { kill 9, @all; exit 9 } if (!$child) { $< = $> = $user; sleep 100 } push @all, $child }";
    assert.equal(status(execInInstance({ pid, command: ["perl", "-e", bomb] })), 9);
    writeFileSync(processes, before);
    const memory =
      [...limits("memory.max"), ...limits("memory.limit_in_bytes")].find((path) => path !== "") ?? "";
    assert.equal(readFileSync(memory, "utf8").trim(), String(4 * 2 ** 30));
    assert.notEqual(
      status(
        execInInstance({ pid, command: ["dd", "if=/dev/zero", "of=/dev/shm/much", "bs=1M", "count=65"] }),
      ),
      0,
    );
    assert.notEqual(status(execInInstance({ pid, command: ["touch", "/dev/more"] })), 0);
    inside("rm", "/dev/shm/much");
  });

  /**
   * Sockets that send to themselves and never read; says how many packets of 1200 bytes they hold in the end.
   */
  const FILL = `use Socket; my @kept; my $held = 0;
    for (1 .. 60) { socket my $one, PF_INET, SOCK_DGRAM, 0 or die $!; bind $one, sockaddr_in(0, INADDR_LOOPBACK); connect $one, getsockname $one;
      defined send $one, 'x' x 1200, 0x40 or last for 1 .. 200; push @kept, $one }
    for my $one (@kept) { $held += 1 while defined recv $one, my $got, 2000, 0x40 } print $held`;

  test(
    "so much memory in sockets",
    { skip: isVersion1() ? false : "version 2 counts it with the rest" },
    () => {
      const path = join(
        "/sys/fs/cgroup/memory",
        `genkan-${host.installation.id}`,
        spec.id,
        "memory.kmem.tcp.limit_in_bytes",
      );
      assert.equal(readFileSync(path, "utf8").trim(), String(2 ** 28));
      const free = Number(inside("perl", "-e", FILL));
      writeFileSync(path, String(2 ** 20));
      const bound = Number(inside("perl", "-e", FILL));
      writeFileSync(path, String(2 ** 28));
      assert.ok(free > 2_000, `${free} packets without`);
      assert.ok(bound < 900, `${bound} packets in a mebibyte`);
    },
  );

  /** What init, or a command, gets for each of these calls: the error's number, 0 when it succeeds. */
  const CALLS = `sub call { my @given = map { $_ + 0 } @_; syscall(shift @given, @given) < 0 ? $! + 0 : 0 }
    my ($socket, $setsockopt, $keyctl, $userfaultfd, $bpf, $unshare) = @ARGV;
    print join ' ', call($socket, 40, 1, 0), call($socket, 38, 5, 0), call($socket, 16, 3, 21), call($socket, 16, 3, 0), call($socket, 2, 1, 0),
      call(425, 1, 0), call($keyctl, 0, -3, 0), call($userfaultfd, 1), call($bpf, 0, 0, 0), call($unshare, 0x10000000), call($unshare, 0x200), call(435, 0, 0), call(999);
    socket my $packet, 17, 3, 768 or die $!;
    print ' ', setsockopt($packet, 263, 5, pack 'L4', 65536, 1000, 2048, 32000) ? 0 : $! + 0;
    print ' ', setsockopt($packet, 263, 8, pack 'L', 1) ? 0 : $! + 0, "\n";`;
  const NUMBERS = process.arch === "x64" ? [41, 54, 250, 323, 321, 272] : [198, 208, 219, 282, 280, 97];
  /**
   * EAFNOSUPPORT, EAFNOSUPPORT, EPROTONOSUPPORT, 0, 0, ENOSYS, EPERM, EPERM, EPERM, EPERM, 0, ENOSYS, ENOSYS;
   * ENOPROTOOPT, 0.
   */
  const ANSWERS = "97 97 93 0 0 38 1 1 1 1 0 38 38 92 0";

  test("no system call that a gateway's user does without, by a command or by what boots", async () => {
    const argv = ["perl", "-e", CALLS, ...NUMBERS.map(String)];
    assert.equal(inside(...argv).trim(), ANSWERS);
    assert.match(inside("cat", "/proc/1/status"), /^Seccomp:\t2$/m);
    writeFileSync(join(home, "calls"), `#!/usr/bin/perl\n@ARGV = (${NUMBERS.join()});\n${CALLS}\n`);
    const booted = example(2, { userData: readFileSync(join(home, "calls")) });
    await host.boot(booted);
    const done = execInInstance({
      pid: host.pidOf(booted.id) ?? 0,
      command: ["sh", "-c", "until grep -q 'ended with' /dev/console; do sleep 0.05; done"],
    });
    output(done);
    assert.ok((host.console(booted.id) ?? "").includes(`${ANSWERS}\n`), host.console(booted.id));
    await host.destroy(booted.id);
  });

  /**
   * Watches a file (inotify_init1(2), IN_OPEN), waits for a line, opens it once, and counts the events of 16
   * bytes.
   */
  const WATCH = `my ($init, $add, $path) = @ARGV; my $watch = syscall $init + 0, 0;
    syscall($add + 0, $watch, $path, 0x20) >= 0 or die $!; $| = 1; print "ready\n"; <STDIN>;
    open my $own, '<', $path or die $!; open my $events, '<&=', $watch; print sysread($events, my $seen, 4096) / 16, "\n";`;

  test("no notice of what the machine and other instances open of the files that they share", async () => {
    for (const path of ["/usr/bin/env", "/etc/ld.so.cache", "/dev/null"]) {
      const numbers = process.arch === "x64" ? ["294", "254"] : ["26", "27"];
      const [program = "", ...args] = execInInstance({
        pid,
        command: ["perl", "-e", WATCH, ...numbers, path],
      });
      const watcher = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
      const said = (): Promise<string> =>
        new Promise((resolve) => watcher.stdout.once("data", (data) => resolve(String(data))));
      assert.equal(await said(), "ready\n");
      output(["/usr/bin/env", "sh", "-c", ": > /dev/null"]);
      const events = said();
      watcher.stdin.end("\n");
      assert.equal(await events, "1\n", path);
    }
  });

  test("nothing about the machine's devices and boot from /proc", () => {
    const read =
      "for name in cmdline interrupts iomem diskstats partitions kallsyms; do [ ! -e /proc/$name ] || cat /proc/$name; done; ls /proc/irq /proc/fs";
    assert.equal(inside("sh", "-c", read).trim(), "/proc/fs:\n\n/proc/irq:");
    assert.match(inside("cat", "/proc/meminfo", "/proc/cpuinfo", "/proc/loadavg"), /MemTotal/);
    for (const path of ["/proc/cmdline", "/proc/sysrq-trigger", "/proc/irq"])
      assert.notEqual(status(execInInstance({ pid, command: ["umount", path] })), 0);
  });

  test("a score by which it is killed first when memory runs out", () => {
    assert.equal(inside("cat", "/proc/1/oom_score_adj", "/proc/self/oom_score_adj"), "500\n".repeat(2));
  });

  /** CAP_SYS_RESOURCE (24), which many containers' root has not: without it nobody sets the least. */
  const mayBound =
    (BigInt(`0x${/^CapEff:\t(.*)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]}`) & (1n << 24n)) !==
    0n;

  test("no right to change that score", { skip: mayBound ? false : "needs CAP_SYS_RESOURCE" }, () => {
    for (const process of ["1", "self"])
      assert.notEqual(
        status(execInInstance({ pid, command: ["sh", "-c", `echo 0 > /proc/${process}/oom_score_adj`] })),
        0,
      );
    assert.equal(inside("cat", "/proc/1/oom_score_adj", "/proc/self/oom_score_adj"), "500\n".repeat(2));
  });

  test("a command ends when the process that runs it ends", () => {
    const [command = "", ...args] = execInInstance({
      pid,
      command: ["sh", "-c", "echo $$ > /tmp/lonely; exec sleep 1000"],
    });
    const child = spawn(command, args, { stdio: "ignore" });
    inside("sh", "-c", "until [ -s /tmp/lonely ]; do sleep 0.01; done");
    child.kill("SIGTERM");
    inside("sh", "-c", "while kill -0 $(cat /tmp/lonely); do sleep 0.01; done 2>/dev/null");
  });
}
