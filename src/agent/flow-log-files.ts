import { appendFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { linesOf, parquetOf } from "./flow-log-parquet.ts";

/**
 * Files below one folder: text with a header line, or Parquet. When they grow too long together, the oldest
 * are deleted.
 */
export type FlowLogFiles = {
  /**
   * Adds lines to a file; a new file begins with its header. Parquet can't be added to: its lines are a whole
   * file. Calls run one after another.
   */
  readonly append: (path: readonly string[], header: string, lines: readonly string[]) => Promise<void>;
  /** Every line of every file, oldest file first. */
  readonly read: () => AsyncGenerator<FileLine>;
  /** Deletes all files. */
  readonly clear: () => Promise<void>;
};

export type FileLine = { readonly log: string; readonly fields: readonly string[]; readonly line: string };

type Options = {
  readonly folder: string;
  /** Bytes of all files together. */
  readonly limit: number;
};

type Found = { readonly path: string; readonly size: number; readonly time: number };

export function openFlowLogFiles({ folder, limit }: Options): FlowLogFiles {
  let total: number | undefined;
  let last: Promise<void> = Promise.resolve();
  const prune = async (): Promise<void> => {
    const files = await listed(folder);
    total = files.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size } of files) {
      if (total <= limit) return;
      await rm(path, { force: true });
      total -= size;
    }
  };
  const append: FlowLogFiles["append"] = async (path, header, lines) => {
    const file = join(folder, ...path);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const size = await (file.endsWith(PARQUET) ? writeParquet : addText)(file, header, lines);
    total = total === undefined ? undefined : total + size;
    if (total === undefined || total > limit) await prune();
  };
  return {
    append: (path, header, lines) => {
      const done = last.then(() => append(path, header, lines));
      last = done.catch(() => undefined);
      return done;
    },
    read: async function* () {
      for (const { path } of await listed(folder)) {
        if (path.endsWith(UNFINISHED)) continue;
        const log = /fl-[0-9a-f]+/.exec(relative(folder, path).split(sep).at(-1) ?? "")?.[0] ?? "";
        const { fields, lines } = await (path.endsWith(PARQUET) ? parquetIn : textIn)(path);
        for (const line of lines) yield { log, fields, line };
      }
    },
    clear: () => {
      const done = last.then(() => rm(folder, { recursive: true, force: true }));
      total = 0;
      last = done.catch(() => undefined);
      return done;
    },
  };
}

const PARQUET = ".parquet";
/** Files that a crash left unfinished; they are deleted with the oldest ones. */
const UNFINISHED = ".part";

/** Returns how many bytes were added. */
async function addText(file: string, header: string, lines: readonly string[]): Promise<number> {
  const isNew = (await sizeOf(file)) === 0;
  const text = [...(isNew ? [header] : []), ...lines, ""].join("\n");
  await appendFile(file, text, { mode: 0o600 });
  return Buffer.byteLength(text);
}

/** The file gets its name only when it is complete. */
async function writeParquet(file: string, header: string, lines: readonly string[]): Promise<number> {
  const bytes = await parquetOf(header, lines);
  await writeFile(file + UNFINISHED, bytes, { mode: 0o600 });
  await rename(file + UNFINISHED, file);
  return bytes.length;
}

type Content = { readonly fields: readonly string[]; readonly lines: readonly string[] };

/** A line without an end was cut off by a crash: it is left out. */
async function textIn(path: string): Promise<Content> {
  const [header = "", ...lines] = (await readFile(path, "utf8").catch(() => "")).split("\n");
  return { fields: header.split(" "), lines: lines.slice(0, -1) };
}

/**
 * A file that was deleted meanwhile or is damaged (by a power failure, say) counts as empty, so that the
 * others can be read.
 */
async function parquetIn(path: string): Promise<Content> {
  return readFile(path)
    .then(linesOf)
    .catch(() => ({ fields: [], lines: [] }));
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    return 0;
  }
}

/** All files, the one written to longest ago first. */
async function listed(folder: string): Promise<readonly Found[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = await Promise.all(
    entries
      .filter((entry) => entry.isFile() && /\.(log|parquet|part)$/.test(entry.name))
      .map(async (entry): Promise<Found | undefined> => {
        const path = join(entry.parentPath, entry.name);
        const found = await stat(path).catch(() => undefined);
        return found && { path, size: found.size, time: found.mtimeMs };
      }),
  );
  return files
    .filter((file) => file !== undefined)
    .toSorted((a, b) => a.time - b.time || (a.path < b.path ? -1 : 1));
}
