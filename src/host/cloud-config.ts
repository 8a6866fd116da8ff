import { gunzipSync } from "node:zlib";
import { quoted } from "./shell.ts";
import { isMap, listOf, mergedMaps, type YamlMap } from "./yaml.ts";

/**
 * What cloud-configs ask for, as shell scripts (an empty one: nothing), and what Genkan does not do of it.
 */
export type CloudConfig = {
  /** Run at each boot, before everything else. */
  readonly bootcmd: string;
  /** Files, groups, users, keys, the time zone. */
  readonly setUp: string;
  /** The user's commands, after all other scripts. */
  readonly runcmd: string;
  /** The final message, and what happens to the instance then. */
  readonly final: string;
  /** Whether scripts and commands run at each boot: `cloud_final_modules` with `[scripts-user, always]`. */
  readonly scriptsAlways: boolean;
  readonly hostname: string | undefined;
  readonly domain: string | undefined;
  readonly notes: readonly string[];
};

/** Already as asked, or without meaning where no SSH server runs and the root has no disk. */
const WITHOUT_EFFECT = new Set(
  "cloud_final_modules disable_root fqdn growpart hostname manage_etc_hosts merge_how merge_type prefer_fqdn_over_hostname preserve_hostname resize_rootfs ssh_deletekeys ssh_pwauth no_ssh_fingerprints".split(
    " ",
  ),
);

/** The steps of the set-up, in cloud-init's order (its "Module reference"). */
const SET_UP: Readonly<Record<string, (value: unknown, say: Say) => readonly string[]>> = {
  write_files: (value, say) => writeFiles(entriesOf("write_files", value, say), say, false),
  groups: groupLines,
  users: userLines,
  ssh_authorized_keys: (value) =>
    stringsOf(value).flatMap((key) => ["/root", "/home/ec2-user"].map((home) => keyLine(home, key))),
  timezone: timezoneLines,
  packages: packageLines,
  package_update: () => [],
  package_upgrade: () => [],
};
const OTHERS = new Set(["bootcmd", "runcmd", "final_message", "power_state"]);

type Say = (note: string) => void;

/** Later configurations replace earlier ones, key by key, unless they say that lists are appended. */
export function compileCloudConfig(texts: readonly string[]): CloudConfig {
  const notes: string[] = [];
  const say: Say = (note) => notes.push(note);
  const config = mergedMaps(texts, say);
  for (const key of Object.keys(config))
    if (!WITHOUT_EFFECT.has(key) && !OTHERS.has(key) && !Object.hasOwn(SET_UP, key))
      say(`${key} is not done here`);
  if (config["package_update"] === true || config["package_upgrade"] === true)
    say("packages are neither updated nor installed: an instance has the programs of the machine under /usr");
  const setUp = Object.entries(SET_UP).flatMap(([key, lines]) =>
    config[key] === undefined ? [] : lines(config[key], say),
  );
  const deferred =
    config["write_files"] === undefined
      ? []
      : writeFiles(
          entriesOf("write_files", config["write_files"], () => undefined),
          say,
          true,
        );
  return {
    bootcmd: script(commandsOf("bootcmd", config["bootcmd"], say)),
    setUp: script([...setUp, ...deferred]),
    runcmd: script(commandsOf("runcmd", config["runcmd"], say)),
    final: script([...messageLines(config["final_message"]), ...powerLines(config["power_state"], say)]),
    scriptsAlways: stringsOf(config["cloud_final_modules"]).some((name) =>
      /^scripts-user,\s*always$/.test(name),
    ),
    ...nameOf(config, say),
    notes,
  };
}

function script(lines: readonly string[]): string {
  return lines.length === 0 ? "" : ["#!/bin/sh", ...lines, ""].join("\n");
}

/**
 * Commands as cloud-init turns them into a script: a text is a line, a list is a command with its arguments.
 */
function commandsOf(name: string, value: unknown, say: Say): readonly string[] {
  return entriesOf(name, value, say).flatMap((entry, i) => {
    if (typeof entry === "string") return [entry];
    if (Array.isArray(entry)) return [entry.map((word) => quoted(String(word))).join(" ")];
    if (entry !== null && entry !== undefined)
      say(`${name}: entry ${i + 1} is neither a text nor a list, and is not run`);
    return [];
  });
}

function writeFiles(entries: readonly unknown[], say: Say, deferred: boolean): readonly string[] {
  return entries.flatMap((entry, i) => {
    const file = isMap(entry) ? entry : {};
    if ((file["defer"] === true) !== deferred) return [];
    const { path, source } = file;
    if (typeof path !== "string") return (say(`write_files: entry ${i + 1} has no path`), []);
    if (source !== undefined) say(`write_files: ${path} has a source, which is not fetched`);
    const content = contentOf(file, path, say);
    const [at, append] = [quoted(path), file["append"] === true ? ">>" : ">"];
    return [
      `mkdir -p "$(dirname ${at})"`,
      `base64 -d ${append} ${at} <<'END'`,
      content.toString("base64"),
      "END",
      `chmod ${quoted(modeOf(file["permissions"]))} ${at}`,
      `chown ${quoted(typeof file["owner"] === "string" ? file["owner"] : "root:root")} ${at}`,
    ];
  });
}

function contentOf(file: YamlMap, path: string, say: Say): Buffer {
  const text = file["content"] === undefined || file["content"] === null ? "" : file["content"];
  const encoding = String(file["encoding"] ?? "text/plain").toLowerCase();
  const bytes = text instanceof Uint8Array ? Buffer.from(text) : Buffer.from(String(text));
  const plain = /b64|base64/.test(encoding) ? Buffer.from(bytes.toString("latin1"), "base64") : bytes;
  if (!/gz/.test(encoding)) return plain;
  try {
    return gunzipSync(plain, { maxOutputLength: 16 * 1024 * 1024 });
  } catch {
    say(`write_files: the content of ${path} does not unpack`);
    return plain;
  }
}

/** A number in the text was octal already (YAML 1.1). */
function modeOf(permissions: unknown): string {
  if (typeof permissions === "number") return permissions.toString(8);
  return typeof permissions === "string" && /^(0o)?[0-7]{1,5}$/.test(permissions)
    ? permissions.replace("0o", "")
    : "0644";
}

function groupLines(value: unknown): readonly string[] {
  const groups = typeof value === "string" ? stringsOf(value) : Array.isArray(value) ? value : [value];
  return groups.flatMap((group) => {
    if (typeof group === "string") return [`groupadd -f ${quoted(group)}`];
    if (!isMap(group)) return [];
    return Object.entries(group).flatMap(([name, members]) => [
      `groupadd -f ${quoted(name)}`,
      ...stringsOf(members).map((member) => `usermod -a -G ${quoted(name)} ${quoted(member)}`),
    ]);
  });
}

/** The option of `useradd` for each property of a user. */
const USER_OPTIONS = {
  gecos: "--comment",
  homedir: "--home-dir",
  primary_group: "--gid",
  shell: "--shell",
  uid: "--uid",
} as const;
const USER_KEYS = new Set([
  ...Object.keys(USER_OPTIONS),
  "name",
  "groups",
  "ssh_authorized_keys",
  "no_create_home",
  "no_user_group",
  "system",
  "lock_passwd",
]);

function userLines(value: unknown, say: Say): readonly string[] {
  const users = isMap(value)
    ? Object.entries(value).map(([name, more]) => (isMap(more) ? { name, ...more } : name))
    : entriesOf("users", value, say);
  return users.flatMap((user) => {
    const { name, ...more }: YamlMap = isMap(user) ? user : { name: user };
    // The default user exists already.
    if (name === "default" || name === "ec2-user") return keysOf("/home/ec2-user", more, "ec2-user");
    if (typeof name !== "string" || !/^[a-z_][a-z0-9_-]*\$?$/i.test(name))
      return (say("users: an entry has no name"), []);
    const left = Object.keys(more).filter((key) => !USER_KEYS.has(key));
    if (left.length > 0)
      say(`users: of ${name}, ${left.join(", ")} ${left.length === 1 ? "is" : "are"} not done here`);
    const groups = stringsOf(more["groups"]);
    const options = Object.entries(USER_OPTIONS).flatMap(([key, option]) =>
      more[key] === undefined ? [] : [option, quoted(String(more[key]))],
    );
    const flags = [
      more["no_create_home"] === true || more["system"] === true ? "--no-create-home" : "--create-home",
      ...(more["no_user_group"] === true ? ["--no-user-group"] : []),
      ...(more["system"] === true ? ["--system"] : []),
      ...(groups.length === 0 ? [] : ["--groups", quoted(groups.join(","))]),
    ];
    const home = typeof more["homedir"] === "string" ? more["homedir"] : `/home/${name}`;
    return [
      ...groups.map((group) => `groupadd -f ${quoted(group)}`),
      `id ${quoted(name)} >/dev/null 2>&1 || useradd ${[...flags, ...options, quoted(name)].join(" ")}`,
      ...keysOf(home, more, name),
    ];
  });
}

function keysOf(home: string, user: YamlMap, name: string): readonly string[] {
  const keys = stringsOf(user["ssh_authorized_keys"]);
  return keys.length === 0
    ? []
    : [...keys.map((key) => keyLine(home, key)), `chown -R ${quoted(`${name}:`)} ${quoted(`${home}/.ssh`)}`];
}

function keyLine(home: string, key: string): string {
  return `mkdir -p -m 700 ${quoted(`${home}/.ssh`)} && printf '%s\\n' ${quoted(key)} >> ${quoted(`${home}/.ssh/authorized_keys`)}`;
}

function timezoneLines(value: unknown): readonly string[] {
  const zone = quoted(String(value));
  return [
    `if [ -e /usr/share/zoneinfo/${zone} ]; then ln -sf /usr/share/zoneinfo/${zone} /etc/localtime; printf '%s\\n' ${zone} > /etc/timezone`,
    `else echo "cloud-config: this machine knows no time zone "${zone}; fi`,
  ];
}

/** Checks whether a package's commands exist; Genkan can't install packages. */
function packageLines(value: unknown, say: Say): readonly string[] {
  const names = entriesOf("packages", value, say).flatMap((entry) => {
    const name = Array.isArray(entry) ? entry[0] : entry;
    return typeof name === "string" && /^[\w.+:=~-]+$/.test(name) ? [name.split("=")[0] ?? name] : [];
  });
  if (names.length > 0)
    say(
      `no package is installed (${names.join(", ")}): an instance has the programs of the machine under /usr`,
    );
  return names.map(
    (name) =>
      `if [ -e ${quoted(`/usr/share/doc/${name}`)} ] || command -v ${quoted(name)} >/dev/null; then echo "cloud-config: package ${name}: it is there"; else echo "cloud-config: package ${name}: this machine does not have it"; fi`,
  );
}

function messageLines(value: unknown): readonly string[] {
  return typeof value === "string" ? [`printf '%s\\n' ${quoted(value)}`] : [];
}

function powerLines(value: unknown, say: Say): readonly string[] {
  if (!isMap(value)) return [];
  const { mode, delay = "now", message, condition = true } = value;
  if (mode !== "poweroff" && mode !== "halt" && mode !== "reboot")
    return (say("power_state: its mode is none of poweroff, halt, reboot"), []);
  if (condition === false) return [];
  const minutes = delay === "now" ? 0 : Number(String(delay).replace(/^\+/, ""));
  if (!Number.isFinite(minutes) || minutes < 0)
    return (say("power_state: its delay is neither now nor minutes"), []);
  const asked =
    condition === true ? "" : `${commandsOf("power_state", [condition], say)[0] ?? "false"} || exit 0\n`;
  return [
    `${asked}(sleep ${minutes * 60}; ${typeof message === "string" ? `echo ${quoted(message)}; ` : ""}exec /run/genkan/bin/${mode}) &`,
  ];
}

function nameOf(config: YamlMap, say: Say): Pick<CloudConfig, "hostname" | "domain"> {
  const text = (key: string): string | undefined =>
    typeof config[key] === "string" ? config[key] : undefined;
  const whole = text("fqdn") ?? text("hostname");
  if (whole === undefined || config["preserve_hostname"] === true)
    return { hostname: undefined, domain: undefined };
  if (!/^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$/i.test(whole)) {
    say(`"${whole.slice(0, 80)}" can't be an instance's name`);
    return { hostname: undefined, domain: undefined };
  }
  const [first = whole, ...rest] = whole.split(".");
  const short = (text("hostname") ?? first).split(".")[0] ?? first;
  return {
    hostname: config["prefer_fqdn_over_hostname"] === true ? whole : short,
    domain: rest.length > 0 ? rest.join(".") : undefined,
  };
}

function entriesOf(name: string, value: unknown, say: Say): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  if (typeof value === "string") return name === "users" ? stringsOf(value) : [value];
  say(`${name} is no list, and is not done`);
  return [];
}

/** The texts in a list, or in one text separated by commas. An inner list is a text with commas. */
function stringsOf(value: unknown): readonly string[] {
  if (typeof value === "string")
    return value.includes(" ssh-") || /^(ssh|ecdsa)-/.test(value)
      ? [value]
      : value.split(",").map((one) => one.trim());
  return listOf(value).flatMap((one) =>
    typeof one === "string" ? [one] : Array.isArray(one) ? [one.join(",")] : [],
  );
}
