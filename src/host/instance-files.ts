import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { openConsole } from "./console.ts";
import { COMMANDS, INIT, initSettings } from "./init.ts";
import type { Installation } from "./installation.ts";
import type { InstanceSpec } from "./instance-spec.ts";
import { fstab, rootUser, viewsFstab } from "./sandbox.ts";
import type { UserData } from "./user-data.ts";

/**
 * Writes what the instance's boot needs: its files at the first boot (they are kept until it is destroyed),
 * its boot folder at each. The instance can change anything inside `rootfs`, so after the first boot this
 * process follows no path into it.
 * @returns the console, open for appending, to be closed by the caller
 */
export function prepareFiles(installation: Installation, spec: InstanceSpec, userData: UserData): number {
  const folder = join(installation.instances, spec.id);
  const user = rootUser(spec.interfaces[0]?.slot ?? 0);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!existsSync(join(folder, "rootfs"))) makeRoot(folder, user);
  writeBootFolder(installation, folder, spec, userData);
  return openConsole(installation, spec.id, user);
}

/** The instance's root folder, complete or not there at all. */
function makeRoot(folder: string, user: number): void {
  const draft = join(folder, "rootfs.new");
  rmSync(draft, { recursive: true, force: true });
  const own = (path: string, uid = user): void => lchownSync(path, uid, uid);
  const link = (target: string, name: string): void => {
    symlinkSync(target, join(draft, name));
    own(join(draft, name));
  };
  mkdirSync(draft, { mode: 0o755 });
  own(draft);
  for (const [name, mode] of ROOT_FOLDERS) {
    mkdirSync(join(draft, name));
    chmodSync(join(draft, name), mode);
    own(join(draft, name), name === "home/ec2-user" ? user + 1000 : user);
  }
  for (const name of ["bin", "sbin", "lib", "lib32", "lib64", "libx32"])
    if (existsSync(`/usr/${name}`)) link(`usr/${name}`, name);
  link("/run", "var/run");
  link("../usr/lib/os-release", "etc/os-release");
  for (const [name, text] of Object.entries(ETC_FILES)) {
    writeFileSync(join(draft, "etc", name), text, { mode: name === "shadow" ? 0o640 : 0o644 });
    own(join(draft, "etc", name));
  }
  renameSync(draft, join(folder, "rootfs"));
}

const ROOT_FOLDERS: readonly (readonly [string, number])[] = [
  ["boot", 0o755],
  ["dev", 0o755],
  ["etc", 0o755],
  ["etc/ssl", 0o755],
  ["home", 0o755],
  ["home/ec2-user", 0o700],
  ["mnt", 0o755],
  ["opt", 0o755],
  ["proc", 0o555],
  ["root", 0o700],
  ["run", 0o755],
  ["srv", 0o755],
  ["sys", 0o555],
  ["tmp", 0o1777],
  ["usr", 0o755],
  ["var", 0o755],
  ["var/cache", 0o755],
  ["var/lib", 0o755],
  ["var/log", 0o755],
  ["var/spool", 0o755],
  ["var/tmp", 0o1777],
  ["var/www", 0o755],
];

const USERS = [
  "root:0:/root:/bin/bash",
  "daemon:1:/usr/sbin:/usr/sbin/nologin",
  "www-data:33:/var/www:/usr/sbin/nologin",
];
const LAST_USERS = ["ec2-user:1000:/home/ec2-user:/bin/bash", "nobody:65534:/nonexistent:/usr/sbin/nologin"];
const GROUPS = "root:0 daemon:1 tty:5 adm:4 www-data:33 shadow:42 utmp:43 ec2-user:1000 nogroup:65534";

const ETC_FILES: Readonly<Record<string, string>> = {
  passwd:
    [...USERS, ...LAST_USERS].map((user) => user.replace(/^([^:]+):(\d+):/, "$1:x:$2:$2::")).join("\n") +
    "\n",
  shadow:
    [...USERS, ...LAST_USERS].map((user) => `${user.split(":")[0]}:*:19000:0:99999:7:::`).join("\n") + "\n",
  group: GROUPS.split(" ")
    .map((group) => `${group.replace(":", ":x:")}:\n`)
    .join(""),
  "nsswitch.conf":
    "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n",
  "host.conf": "multi on\n",
  shells: "/bin/sh\n/bin/bash\n",
  // The prompt is Amazon Linux's.
  "bash.bashrc": "[ -z \"$PS1\" ] || PS1='[\\u@\\h \\W]\\$ '\n",
  profile: '[ -z "$BASH_VERSION" ] || . /etc/bash.bashrc\n',
};

/** The parts of the instance's user data that its last boot did not carry out. */
export function readNotes(installation: Installation, instanceId: string): readonly string[] {
  const path = join(installation.instances, instanceId, "boot/notes");
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
}

/** Writes the boot folder, which the instance can only read. */
function writeBootFolder(
  installation: Installation,
  folder: string,
  spec: InstanceSpec,
  userData: UserData,
): void {
  const boot = join(folder, "boot");
  rmSync(boot, { recursive: true, force: true });
  mkdirSync(join(boot, "bin"), { recursive: true, mode: 0o755 });
  const settings = initSettings({
    instanceId: spec.id,
    hostname: spec.hostname,
    address: spec.interfaces[0]?.addresses[0] ?? "127.0.1.1",
    dnsServers: spec.dnsServers,
    dnsSearch: spec.dnsSearch,
    dnsDomain: spec.dnsDomain,
    publicKey: spec.publicKey,
  });
  writeFileSync(join(boot, "fstab"), fstab(installation, spec.id), { mode: 0o600 });
  writeFileSync(join(boot, "views"), viewsFstab(installation), { mode: 0o600 });
  writeFileSync(join(boot, "init"), INIT, { mode: 0o644 });
  writeFileSync(join(boot, "settings"), settings, { mode: 0o644 });
  writeFileSync(
    join(boot, "notes"),
    userData.notes.map((note) => `${note.replaceAll(/\s+/g, " ")}\n`).join(""),
    { mode: 0o644 },
  );
  mkdirSync(join(boot, "programs"));
  for (const [i, { name, when, text }] of userData.programs.entries())
    writeFileSync(join(boot, "programs", `${String(i).padStart(3, "0")}-${when}-${name}`), text, {
      mode: 0o755,
    });
  for (const [name, script] of Object.entries(COMMANDS))
    writeFileSync(join(boot, "bin", name), script, { mode: 0o755 });
}
