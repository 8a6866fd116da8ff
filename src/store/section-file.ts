/**
 * A file of named runs of bytes, each with its checksum. Its directory is written last, at the end: a file
 * without one is not read.
 */

import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { StoreError } from "./store.ts";

type Section = { readonly at: number; readonly bytes: number; readonly crc: number };
type Directory<About> = { readonly about: About; readonly sections: Readonly<Record<string, Section>> };

/** The file's last bytes: a magic word, the directory's offset, its length and its checksum. */
const FOOTER_BYTES = 24;
const MAGIC = 0x676b616e;
const CHUNK = 1 << 20;

export class SectionWriter {
  readonly #fd: number;
  readonly #sections: Record<string, Section>;
  #at: number;
  #buffer = Buffer.allocUnsafe(CHUNK);
  #filled = 0;

  constructor(fd: number, sections: Readonly<Record<string, Section>>, at: number) {
    this.#fd = fd;
    this.#sections = { ...sections };
    this.#at = at;
  }

  /** Adds a section that consists of these parts. @throws the system's error, such as ENOSPC. */
  add(name: string, parts: Iterable<Uint8Array>): void {
    const at = this.#at + this.#filled;
    let bytes = 0;
    let crc = 0;
    for (const part of parts) {
      crc = crc32(part, crc);
      bytes += part.length;
      this.#write(part);
    }
    this.#sections[name] = { at, bytes, crc };
  }

  /** Writes the directory with `about`, flushes everything to disk and closes the file. */
  finish(about: unknown): void {
    const directory = Buffer.from(
      JSON.stringify({ about, sections: this.#sections } satisfies Directory<unknown>),
    );
    const at = this.#at + this.#filled;
    const footer = Buffer.alloc(FOOTER_BYTES);
    footer.writeUInt32LE(MAGIC, 0);
    footer.writeUInt32LE(directory.length, 4);
    footer.writeDoubleLE(at, 8);
    footer.writeUInt32LE(crc32(directory), 16);
    this.#write(directory);
    this.#write(footer);
    this.#flush();
    fsyncSync(this.#fd);
    closeSync(this.#fd);
  }

  #write(part: Uint8Array): void {
    if (this.#filled + part.length > CHUNK) this.#flush();
    if (part.length > CHUNK) {
      this.#out(part);
      return;
    }
    this.#buffer.set(part, this.#filled);
    this.#filled += part.length;
  }

  #flush(): void {
    this.#out(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #out(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;)
      done += writeSync(this.#fd, bytes, done, bytes.length - done, this.#at + done);
    this.#at += bytes.length;
  }
}

export class SectionFile<About> {
  readonly about: About;
  readonly #fd: number;
  readonly #sections: Readonly<Record<string, Section>>;
  readonly #end: number;

  constructor(fd: number, { about, sections }: Directory<About>, end: number) {
    this.about = about;
    this.#fd = fd;
    this.#sections = sections;
    this.#end = end;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#sections, name);
  }

  /**
   * A copy of a section's bytes. @throws StoreError `corrupt` when there is no such section, or it is
   * damaged.
   */
  read(name: string): Uint8Array<ArrayBuffer> {
    const { at, bytes, crc } = this.#section(name);
    const found = this.#bytes(at, bytes);
    if (crc32(found) !== crc)
      throw new StoreError("corrupt", `the part ${name} of the state's image is damaged`);
    return found;
  }

  /** A part of a section, shorter at its end. It has no checksum: the caller must check it. */
  readPart(name: string, from: number, most: number): Uint8Array<ArrayBuffer> {
    const { at, bytes } = this.#section(name);
    return this.#bytes(at + from, Math.max(0, Math.min(most, bytes - from)));
  }

  /** Continues writing after the last section. This reader must not be used any more then. */
  extend(): SectionWriter {
    return new SectionWriter(this.#fd, this.#sections, this.#end);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #section(name: string): Section {
    const section = this.#sections[name];
    if (!section) throw new StoreError("corrupt", `the state's image has no part ${name}`);
    return section;
  }

  #bytes(at: number, bytes: number): Uint8Array<ArrayBuffer> {
    const found = new Uint8Array(bytes);
    for (let done = 0; done < bytes;) {
      const read = readSync(this.#fd, found, done, bytes - done, at + done);
      if (read === 0) throw new StoreError("corrupt", "the state's image ends early");
      done += read;
    }
    return found;
  }
}

/**
 * Opens the file at this path; undefined when it is incomplete. @throws the system's error, ENOENT when there
 * is no file.
 */
export function openSections<About>(path: string, mode: "r" | "r+" = "r"): SectionFile<About> | undefined {
  const fd = openSync(path, mode);
  try {
    const found = directoryOf<About>(fd);
    if (found) return new SectionFile(fd, found.directory, found.at);
  } catch (cause) {
    closeSync(fd);
    throw cause;
  }
  closeSync(fd);
  return undefined;
}

function directoryOf<About>(
  fd: number,
): { readonly directory: Directory<About>; readonly at: number } | undefined {
  const { size } = fstatSync(fd);
  const footer = Buffer.alloc(FOOTER_BYTES);
  if (size < FOOTER_BYTES || readSync(fd, footer, 0, FOOTER_BYTES, size - FOOTER_BYTES) < FOOTER_BYTES)
    return undefined;
  const length = footer.readUInt32LE(4);
  const at = footer.readDoubleLE(8);
  if (footer.readUInt32LE(0) !== MAGIC || at + length + FOOTER_BYTES !== size) return undefined;
  const directory = Buffer.alloc(length);
  if (readSync(fd, directory, 0, length, at) < length || crc32(directory) !== footer.readUInt32LE(16))
    return undefined;
  return { directory: JSON.parse(directory.toString()) as Directory<About>, at };
}
