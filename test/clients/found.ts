import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Where a program of this name is: Debian's, one that was put beside it, and those of pyenv's Pythons. */
export function found(name: string): readonly string[] {
  const versions = join(process.env["HOME"] ?? "/root", ".pyenv/versions");
  const pyenv = existsSync(versions)
    ? readdirSync(versions).map((version) => join(versions, version, "bin", name))
    : [];
  return [`/usr/bin/${name}`, `/usr/local/bin/${name}`, ...pyenv].filter((path) => existsSync(path));
}
