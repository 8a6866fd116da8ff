import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Identifies a process for good: ids are used again, but never with the same start time (ticks since the
 * machine's start, proc(5)).
 */
export type ProcessRecord = { readonly pid: number; readonly starttime: string };

/**
 * A function for `sh` that writes the shell's own record to a file, before the process does anything else. So
 * every process has a record, even when its starter is killed.
 */
export const RECORD_SELF = `record() {
  file=$1
  read -r stat < /proc/$$/stat
  set -- \${stat##*) }
  printf '{"pid":%s,"starttime":"%s"}\\n' $$ "\${20}" > "$file.new" && mv "$file.new" "$file" || exit 1
}`;

/**
 * The start time of a process; undefined when it has ended.
 * @throws when it can't be known, as without a free file descriptor: a live process must not be taken for one
 * that is gone.
 */
export function startTime(pid: number): string | undefined {
  const stat = textThere(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A zombie has ended; only its parent has not looked yet.
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

/**
 * The file's text; undefined when there is no such file, or its process ended meanwhile (ESRCH). @throws what
 * else the system says.
 */
function textThere(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch (cause) {
    if (isGone(cause)) return undefined;
    throw new Error(`${path} can't be read`, { cause });
  }
}

function isGone(cause: unknown): boolean {
  return ["ENOENT", "ESRCH", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "");
}

export function isAlive(record: ProcessRecord): boolean {
  return startTime(record.pid) === record.starttime;
}

/** Sends the signal if that very process is still there. */
export function signal(record: ProcessRecord, name: NodeJS.Signals): void {
  if (!isAlive(record)) return;
  try {
    process.kill(record.pid, name);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ESRCH") throw cause;
  }
}

/** Waits until the process has ended; false when it has not within the time. */
export async function ended(record: ProcessRecord, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  for (let pause = 2; isAlive(record); pause = Math.min(pause * 2, 20)) {
    if (performance.now() > deadline) return false;
    await delay(pause);
  }
  return true;
}

/**
 * Kills the process and its children (a sandbox's outer process does not take its inner one along), and waits
 * for their end.
 */
export async function killTree(record: ProcessRecord): Promise<void> {
  if (!isAlive(record)) return;
  const children = childrenOf(record.pid);
  signal(record, "SIGKILL");
  for (const child of children) signal(child, "SIGKILL");
  for (const process of [record, ...children])
    if (!(await ended(process, 10_000))) throw new Error(`process ${process.pid} does not end`);
}

function childrenOf(pid: number): readonly ProcessRecord[] {
  const pids = (textThere(`/proc/${pid}/task/${pid}/children`) ?? "").split(" ").filter(Boolean).map(Number);
  return pids.flatMap((child) => {
    const starttime = startTime(child);
    return starttime === undefined ? [] : [{ pid: child, starttime }];
  });
}

/** The record; undefined when there is no file, or it holds no record. @throws when it can't be read. */
export function readRecord(folder: string, name: string): ProcessRecord | undefined {
  const text = textThere(join(folder, `${name}.json`));
  try {
    return text === undefined ? undefined : (JSON.parse(text) as ProcessRecord);
  } catch {
    return undefined;
  }
}

export function writeRecord(folder: string, name: string, record: object): void {
  const path = join(folder, `${name}.json`);
  writeFileSync(`${path}.new`, JSON.stringify(record));
  renameSync(`${path}.new`, path);
}

export function removeRecord(folder: string, name: string): void {
  rmSync(join(folder, `${name}.json`), { force: true });
}

/** The names of the records in the folder; none when there is no folder. */
export function recordNames(folder: string): readonly string[] {
  try {
    return readdirSync(folder).flatMap((file) =>
      file.endsWith(".json") ? [file.slice(0, -".json".length)] : [],
    );
  } catch (cause) {
    if (isGone(cause)) return [];
    throw new Error(`${folder} can't be read`, { cause });
  }
}
