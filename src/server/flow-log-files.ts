import { appendFile, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";

/** Text files below one folder, with a header line each; the oldest go when all together are too long. */
export type FlowLogFiles = {
  /** Adds lines to a file; a new one begins with its header. One after another. */
  readonly append: (path: readonly string[], header: string, lines: readonly string[]) => Promise<void>;
  /** Every line of every file, oldest file first. */
  readonly read: () => AsyncGenerator<FileLine>;
  /** No file is left. */
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
    const isNew = (await sizeOf(file)) === 0;
    const text = [...(isNew ? [header] : []), ...lines, ""].join("\n");
    await appendFile(file, text, { mode: 0o600 });
    total = total === undefined ? undefined : total + Buffer.byteLength(text);
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
        const [header = "", ...lines] = (await readFile(path, "utf8").catch(() => "")).split("\n");
        const log = /fl-[0-9a-f]+/.exec(relative(folder, path).split(sep).at(-1) ?? "")?.[0] ?? "";
        const fields = header.split(" ");
        // What a crash cut off in the middle has no end of line.
        for (const line of lines.slice(0, -1)) yield { log, fields, line };
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

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    return 0;
  }
}

/** All files, those written to longest ago first. */
async function listed(folder: string): Promise<readonly Found[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = await Promise.all(
    entries
      .filter((entry) => entry.isFile() && entry.name.endsWith(".log"))
      .map(async (entry): Promise<Found | undefined> => {
        const path = join(entry.parentPath, entry.name);
        const found = await stat(path).catch(() => undefined);
        return found && { path, size: found.size, time: found.mtimeMs };
      }),
  );
  return files.filter((file) => file !== undefined).toSorted((a, b) => a.time - b.time || (a.path < b.path ? -1 : 1));
}
