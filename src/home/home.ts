import { createHash, randomBytes, randomUUID } from "node:crypto";
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";

/**
 * Where one installation keeps its state, and the six hex digits by which its traces on the machine are
 * named.
 */
export type Home = { readonly folder: string; readonly id: string };

/** Made on the first start, kept in the home with mode 0600. */
export type Credentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly account: string;
  readonly region: string;
  /** Opens `/_genkan/…` to the command line. */
  readonly token: string;
};

/** How to reach the control plane that is running, or ran last. */
export type Running = {
  readonly pid: number;
  readonly startTime: string;
  readonly host: string;
  readonly port: number;
  readonly version: string;
};

/**
 * `$GENKAN_HOME`, by default `.genkan` under the working directory. Created with mode 0700 when `create` is
 * set.
 */
export function openHome(environment: NodeJS.ProcessEnv, create: boolean): Home {
  const folder = resolve(environment["GENKAN_HOME"] || ".genkan");
  if (create) make(folder);
  const real = existsSync(folder) ? realpathSync(folder) : folder;
  return { folder: real, id: createHash("sha256").update(real).digest("hex").slice(0, 6) };
}

function make(folder: string): void {
  try {
    makeWithin(folder);
  } catch (cause) {
    throw new HomeError(
      `${folder} can't be made (${reasonOf(refusal(folder) ?? cause)}). Choose another folder: GENKAN_HOME=FOLDER`,
      {
        cause,
      },
    );
  }
}

/**
 * Makes the folders above it as well. (By itself mkdir goes on for ever where nobody can make folders, as in
 * /proc.)
 */
function makeWithin(folder: string): void {
  if (existsSync(folder) && statSync(folder).isDirectory()) return;
  if (dirname(folder) !== folder) makeWithin(dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
}

/**
 * Why nothing can be written to the folder, or to the nearest one above it that is there; undefined when it
 * can. (Making folders on the way tells ENOENT whatever the reason.)
 */
function refusal(folder: string): unknown {
  if (!existsSync(folder) && dirname(folder) !== folder) return refusal(dirname(folder));
  try {
    accessSync(folder, constants.W_OK);
    return undefined;
  } catch (cause) {
    return cause;
  }
}

export function readCredentials(home: Home): Credentials | undefined {
  return readJson(join(home.folder, "credentials.json"), ["accessKeyId", "secretAccessKey", "token"]) as
    | Credentials
    | undefined;
}

/**
 * The home's credentials; new ones on the first start. Account and region given on the command line are kept
 * for the next start.
 */
export function ensureCredentials(
  home: Home,
  wanted: { readonly account?: string | undefined; readonly region?: string | undefined },
): Credentials {
  const old = readCredentials(home);
  const credentials: Credentials = {
    accessKeyId: old?.accessKeyId ?? `AKIA${base32(16)}`,
    secretAccessKey: old?.secretAccessKey ?? randomBytes(30).toString("base64"),
    token: old?.token ?? randomBytes(24).toString("hex"),
    account: wanted.account ?? old?.account ?? "123456789012",
    region: wanted.region ?? old?.region ?? "us-east-1",
  };
  if (JSON.stringify(old) !== JSON.stringify(credentials))
    writeJson(join(home.folder, "credentials.json"), credentials);
  return credentials;
}

/** Replaces the home's credentials by those of the region that its machine belongs to. */
export function takeCredentials(home: Home, credentials: Credentials): Credentials {
  writeJson(join(home.folder, "credentials.json"), credentials);
  return credentials;
}

/** What a machine of a region keeps of itself, for starts without etcd or without options. */
export type Membership = {
  /** Tells this home from every other. */
  readonly home: string;
  /** What the machine has told the region of itself. */
  readonly machine?: object;
  /** What its region had been told when it last took part. */
  readonly options?: object;
  /** The region has an etcd of its own, and this machine belongs to it; absent: it does not. */
  readonly region?: OwnRegion;
};

export type OwnRegion = {
  /** etcd's members, as they were last. */
  readonly endpoints: readonly string[];
  /** What the machine was last started as. */
  readonly machine: {
    readonly name: string;
    readonly address: string;
    readonly zones: readonly string[];
    readonly roles: readonly string[];
  };
  /** Options of its last start, as they were given. */
  readonly options?: Readonly<Record<string, string | readonly string[]>>;
};

/** The region that the home's machine is in; undefined: none with an etcd of its own. */
export function readOwnRegion(home: Home): OwnRegion | undefined {
  return readMembership(home)?.region;
}

function readMembership(home: Home): Membership | undefined {
  return readJson(join(home.folder, "region.json"), ["home"]) as Membership | undefined;
}

/** The home's membership of a region; a new one's is made. */
export function ensureMembership(home: Home): Membership {
  const old = readMembership(home);
  const membership = old ?? { home: randomUUID() };
  if (!old) writeMembership(home, membership);
  return membership;
}

export function writeMembership(home: Home, membership: Membership): void {
  writeJson(join(home.folder, "region.json"), membership);
}

/** Options for the next start of the home's machine in its region. */
export function keepOptions(home: Home, options: NonNullable<OwnRegion["options"]>): void {
  const membership = readMembership(home);
  if (membership?.region) writeMembership(home, { ...membership, region: { ...membership.region, options } });
}

/** The number of the home's machine in its region. @throws HomeError when it has none */
export function ownNumber(home: Home): string {
  const { number } = (readMembership(home)?.machine ?? {}) as { readonly number?: number };
  if (number === undefined) throw new HomeError(`${home.folder} is no machine of a region.`);
  return String(number);
}

/** What is the region's, or was told by it. */
const REGIONAL = ["region.json", "tls", "etcd", "state", "instances", "credentials.json"];

/** The home is in no region any more, and begins anew. */
export function forgetRegion(home: Home): void {
  for (const name of REGIONAL) rmSync(join(home.folder, name), { recursive: true, force: true });
}

export function readRunning(home: Home): Running | undefined {
  return readJson(join(home.folder, "running.json"), ["pid", "startTime", "host", "port"]) as
    | Running
    | undefined;
}

/** The process that is starting Genkan in this home, or was, and did not come to an end of it. */
export function readStarting(home: Home): Pick<Running, "pid" | "startTime"> | undefined {
  return readJson(join(home.folder, "starting.json"), ["pid", "startTime"]) as Running | undefined;
}

/** Told before anything is begun, and taken back when it is done. */
export function writeStarting(home: Home, starting: Pick<Running, "pid" | "startTime"> | undefined): void {
  const path = join(home.folder, "starting.json");
  if (starting) writeJson(path, starting);
  else rmSync(path, { force: true });
}

/** @throws an error with words for the user when nothing can be written there. */
export function requireWritable(home: Home): void {
  const cause = refusal(home.folder);
  if (cause !== undefined) {
    throw new HomeError(
      `${home.folder} can't be written to (${reasonOf(cause)}). Choose another folder: GENKAN_HOME=FOLDER`,
      { cause },
    );
  }
}

/** What is wrong with a home, in words for the user. */
class HomeError extends Error {
  override readonly name = "HomeError";
}

const REASONS: Readonly<Record<string, string>> = {
  EROFS: "its file system is read-only",
  EACCES: "it is another user's",
  ENOSPC: "the disk is full",
};

function reasonOf(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  return REASONS[code] ?? (code || String(cause));
}

export function writeRunning(home: Home, running: Running): void {
  writeJson(join(home.folder, "running.json"), running);
}

/** Whether the process that `running` names is still that process. */
export function isAlive(running: Pick<Running, "pid" | "startTime">): boolean {
  return processStart(running.pid) === running.startTime;
}

/**
 * A text that differs between two processes that had the same id; undefined when there is no such process.
 */
export function processStart(pid: number): string | undefined {
  try {
    if (process.platform !== "linux") return process.kill(pid, 0) ? "alive" : undefined;
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended; in a container whose first process reaps nobody, it stays.
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch (cause) {
    // Anything else, such as no free file descriptor, does not say that there is none.
    if (["ENOENT", "ESRCH"].includes((cause as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw new Error(`whether process ${pid} is there can't be told`, { cause });
  }
}

/** The home belongs to another user, usually root, who started Genkan. */
class NotYourHome extends Error {
  override readonly name = "NotYourHome";
}

/** @throws HomeError for a file that is damaged: without one of the members. */
function readJson(path: string, members: readonly string[]): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    if (code === "EACCES")
      throw new NotYourHome(
        `${dirname(path)} belongs to another user, who started Genkan: ask as that user (sudo ./genkan …).`,
        { cause },
      );
    throw cause;
  }
  const value = parsed(text);
  if (!members.every((name) => value?.[name] !== undefined))
    throw new HomeError(`${path} is damaged. Remove it: the next start makes it anew.`);
  return value;
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

/** Replaces the file in one step, readable only by its owner. */
function writeJson(path: string, value: unknown): void {
  const draft = `${path}.new`;
  const file = openSync(draft, "w", 0o600);
  try {
    writeSync(file, `${JSON.stringify(value, null, 2)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  chmodSync(draft, 0o600);
  renameSync(draft, path);
}

function base32(length: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  return [...randomBytes(length)].map((byte) => alphabet.charAt(byte & 31)).join("");
}
