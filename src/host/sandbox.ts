import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Installation } from "./installation.ts";
import { RECORD_SELF } from "./processes.ts";
import { isArchitecture } from "./seccomp.ts";

/**
 * The way into an instance's sandbox. Each step is one `exec` in the same process, whose record stays true.
 * The shell is busybox's, which needs no further program for most of what it does here: a hundred instances
 * wait for little else.
 *
 *   record     the process writes its own record
 *   mounts     a mount namespace of its own; its root is put together under the installation's `root`
 *              folder from /usr, /etc, /dev, /proc, the instance's files and its boot folder, and the
 *              machine's own root is let go. So the unprivileged user of the next step reaches the files
 *              whatever the modes of the folders above them.
 *   user       a user namespace; `mapped` goes out, the host writes the maps (root inside is nobody
 *              outside), `go` comes in
 *   network    a network namespace, which belongs to the user namespace: not bwrap's, which would bring its
 *              loopback up while the host does so; and what the kernel says of it (sysfs(5)), where the
 *              machine lets its users see that
 *   bwrap      every other namespace; the info goes out, the filter of system calls comes in
 *   init       waits for its network, see init.ts
 */
export function sandboxArgv(
  installation: Installation,
  instanceId: string,
  hostname: string,
): readonly string[] {
  const folder = join(installation.instances, instanceId);
  return [
    ["unshare", "--mount", "--propagation", "private", "--"],
    ...SHELL,
    `${RECORD_SELF}\nrecord "$1"\n${FIRST_TO_GO}\nexec 5< "$2"\nshift 2\n${MOUNTS}`,
    "sh",
    join(installation.records, `${instanceId}.json`),
    installation.seccomp,
    join(folder, "boot/fstab"),
    join(folder, "boot/views"),
    installation.root,
    USER,
    NETWORK,
    ...bubblewrap(hostname),
  ].flat();
}

/** busybox's own commands go before the system's, unless a command is named by its full path. */
const SHELL = ["busybox", "sh", "-ec"] as const;

/**
 * When memory runs out, instances' processes are killed before the machine's. Because it is written in the
 * machine's own user namespace, instances cannot set it lower (proc(5), oom_score_adj).
 */
export const OOM_SCORE_ADJUSTMENT = 500;
const FIRST_TO_GO = `echo ${OOM_SCORE_ADJUSTMENT} > /proc/self/oom_score_adj`;

/** The devices that bubblewrap takes from /dev. */
const NODES = ["null", "zero", "full", "random", "urandom", "tty"] as const;

/**
 * An instance could watch a file (inotify(7)) and learn when others open it. So each instance has its own
 * view of /usr, /etc and /dev; where the kernel can't give one, the instance sees the machine's files.
 */
const MOUNTS = `
/usr/bin/mount --no-mtab --all --fstab "$1"
cd "$3"
mkdir -m 1777 tmp
mkdir old network nothing usr etc dev
: > empty
/usr/bin/mount --no-mtab --all --fstab "$2" 2>/dev/null || for name in usr etc; do /usr/bin/mount --no-mtab --bind "/$name" "$name"; done
cp -a ${NODES.map((name) => `/dev/${name}`).join(" ")} dev 2>/dev/null || /usr/bin/mount --no-mtab --rbind /dev dev
ln -s usr/bin usr/sbin usr/lib usr/lib32 usr/lib64 usr/libx32 .
pivot_root . old
umount -l /old
user=$4
shift 4
exec /usr/bin/unshare --user --keep-caps -- ${SHELL.join(" ")} "$user" sh "$@"`;

/** Limits of an instance: processes of each of its users, kB of data of each process, no core files. */
const USER = `
echo mapped >&3
read -r go
echo 0 > /proc/sys/user/max_user_namespaces
ulimit -p 1024 2>/dev/null || ulimit -u 1024 # dash, bash
ulimit -d 4194304
ulimit -c 0
exec /usr/bin/setpriv --reuid 0 --regid 0 --clear-groups --ambient-caps -all --inh-caps -all -- unshare --net --mount --propagation private -- ${SHELL.join(" ")} "$@" 4>&3`;

/**
 * A machine that is a container itself may hide parts of its /sys. The kernel then lets nobody mount another
 * one, and the instance has none either.
 */
const NETWORK = `
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs /network 2>/dev/null || :
exec "$@"`;

/**
 * What root inside an instance may do, as far as its own namespaces go: what a system's own daemons and
 * network tools need. Not SYS_ADMIN, SYS_PTRACE, SYS_MODULE, MKNOD, BPF and the like. SYS_BOOT ends or
 * restarts the instance (pid_namespaces(7)). Numbers: linux/capability.h.
 */
export const CAPABILITIES = {
  chown: 0,
  dac_override: 1,
  fowner: 3,
  fsetid: 4,
  kill: 5,
  setgid: 6,
  setuid: 7,
  setpcap: 8,
  net_bind_service: 10,
  net_admin: 12,
  net_raw: 13,
  sys_chroot: 18,
  sys_boot: 22,
  audit_write: 29,
  setfcap: 31,
} as const;

/** {@link CAPABILITIES} as setpriv takes them. */
const CAPABILITY_BOUNDS = ["-all", ...Object.keys(CAPABILITIES).map((name) => `+${name}`)].join(",");

/** What programs under /usr need from the machine's /etc and an instance does not write itself. */
const ETC = [
  "alternatives",
  "ssl/certs",
  "ssl/openssl.cnf",
  "ld.so.cache",
  "ld.so.conf",
  "ld.so.conf.d",
  "services",
  "protocols",
  "mime.types",
  "mailcap",
];

/** Files of /proc that tell about the machine and its devices, and that no program of an instance needs. */
const HIDDEN_FILES = [
  [
    "bootconfig",
    "buddyinfo",
    "cmdline",
    "config.gz",
    "consoles",
    "diskstats",
    "dma",
    "fb",
    "interrupts",
    "iomem",
    "ioports",
    "kallsyms",
  ],
  [
    "kcore",
    "key-users",
    "keys",
    "kmsg",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
    "latency_stats",
    "locks",
    "mdstat",
    "modules",
    "mtd",
  ],
  [
    "mtrr",
    "pagetypeinfo",
    "partitions",
    "sched_debug",
    "schedstat",
    "slabinfo",
    "softirqs",
    "swaps",
    "sysrq-trigger",
    "timer_list",
  ],
  ["timer_stats", "vmallocinfo", "vmcore", "zoneinfo"],
].flat();
const HIDDEN_FOLDERS = ["acpi", "asound", "bus", "driver", "dynamic_debug", "fs", "irq", "pressure", "scsi"];

function isInProc(name: string): boolean {
  return existsSync(`/proc/${name}`);
}

function bubblewrap(hostname: string): readonly string[] {
  return [
    "sh",
    "bwrap",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup",
    ["--hostname", hostname],
    ["--bind", "/rootfs", "/"],
    ["--ro-bind", "/usr", "/usr"],
    ETC.flatMap((name) => ["--ro-bind-try", `/etc/${name}`, `/etc/${name}`]),
    ["--proc", "/proc"],
    HIDDEN_FILES.filter(isInProc).flatMap((name) => ["--ro-bind", "/empty", `/proc/${name}`]),
    HIDDEN_FOLDERS.filter(isInProc).flatMap((name) => ["--ro-bind", "/nothing", `/proc/${name}`]),
    ["--dev", "/dev"],
    // This memory counts for no process, so its size is limited here.
    ["--perms", "1777", "--size", "67108864", "--tmpfs", "/dev/shm"],
    // What is written to the console appears in the console's output.
    ["--symlink", "/proc/1/fd/1", "/dev/console"],
    ["--remount-ro", "/dev"],
    ["--size", "67108864", "--tmpfs", "/run"],
    ["--ro-bind", "/boot", "/run/genkan"],
    // The parts of /sys that are the instance's own.
    ["--size", "65536", "--tmpfs", "/sys"],
    ["class", "devices", "devices/virtual"].flatMap((name) => ["--perms", "0755", "--dir", `/sys/${name}`]),
    ["class/net", "devices/virtual/net"].flatMap((name) => [
      "--ro-bind-try",
      `/network/${name}`,
      `/sys/${name}`,
    ]),
    ["--remount-ro", "/sys"],
    "--clearenv",
    ["--chdir", "/"],
    "--as-pid-1",
    ["--cap-drop", "ALL"],
    Object.keys(CAPABILITIES).flatMap((name) => ["--cap-add", `CAP_${name.toUpperCase()}`]),
    ["--info-fd", "4"],
    ["--seccomp", "5"],
    "--",
    // bubblewrap hands its capabilities on as ambient ones and leaves the bounding set.
    ["setpriv", "--bounding-set", CAPABILITY_BOUNDS, "--inh-caps", "-all", "--ambient-caps", "-all", "--"],
    ["/usr/bin/busybox", "sh", "/run/genkan/init"],
  ].flat();
}

/** The file by which `mount --all` puts the sandbox's root together. */
export function fstab(installation: Installation, instanceId: string): string {
  const folder = join(installation.instances, instanceId);
  const at = (name: string): string => escaped(join(installation.root, name));
  const bind = (source: string, name: string, options = "bind"): string =>
    `${escaped(source)} ${at(name)} none ${options},X-mount.mkdir 0 0`;
  return [
    `none ${escaped(installation.root)} tmpfs mode=755,size=1m 0 0`,
    bind("/proc", "proc", "rbind"),
    // Without the mounts below it: who sees a complete /sys may mount another one (user_namespaces(7)).
    bind("/sys", "sys"),
    bind(join(folder, "rootfs"), "rootfs"),
    bind(join(folder, "boot"), "boot"),
    "",
  ].join("\n");
}

/**
 * The file by which the sandbox gets the machine's /usr and /etc as an overlay. An overlay needs two layers:
 * the second one, `nothing`, is empty.
 */
export function viewsFstab({ root }: Installation): string {
  return ["usr", "etc"]
    .map((name) => `genkan ${escaped(join(root, name))} overlay ro,lowerdir=/${name}:nothing 0 0\n`)
    .join("");
}

function escaped(path: string): string {
  return path.replaceAll(
    /[\s\\#]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}

/** The highest user id of an instance, besides nobody (65534). */
const USERS = 1023;
/**
 * The first user id on the machine for instances' users, above those that any distribution gives to users,
 * containers or services. Each primary interface's slot has a block of 1024.
 */
const FIRST_USER = 0x4000_0000;

/** The user on the machine that is root in the instance whose primary interface has this slot. */
export function rootUser(slot: number): number {
  return FIRST_USER + slot * (USERS + 1);
}

/** What to write to the user namespace's uid_map and gid_map (user_namespaces(7)). */
export function userMap(slot: number): string {
  return `0 ${rootUser(slot)} ${USERS}\n65534 ${rootUser(slot) + USERS} 1\n`;
}

/** Why this machine cannot run the sandbox; undefined when it can. */
export function sandboxProblem(): string | undefined {
  for (const [command, name] of Object.entries({ bwrap: "bubblewrap", busybox: "busybox" }))
    if (!existsSync(`/usr/bin/${command}`)) return `${name} is not installed (apt-get install ${name})`;
  if (!isArchitecture(process.arch))
    return `there is no filter of system calls for instances on ${process.arch}`;
  return undefined;
}
