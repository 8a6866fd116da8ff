/** A look at LMDB's data file before LMDB opens it: it trusts the file, and a bad one would end the process. */
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "./store.ts";

/** Room for the file to grow into: address space alone, neither memory nor disk. */
export const MAP_BYTES = 2 ** 36;

const PAGE = 4096;
// The meta page stands twice at the start: behind 24 bytes of page header its magic, version, …, last page number, transaction.
const MAGIC = 0xbeefc0de;
const MAGIC_AT = 24;
const LAST_PAGE_AT = 144;

/**
 * Readies the file for writing. One that ends before its last page is filled with zeros: LMDB then finds a
 * damaged page, where it would have ended the process by reading behind the end of the file. (The last pages
 * may rightly be missing: those that a transaction took and gave back are not written.)
 * @throws StoreError `corrupt` when it is no LMDB file.
 */
export function mendDataFile(folder: string): void {
  const path = join(folder, "data.mdb");
  if (!existsSync(path)) return;
  const fd = openSync(path, "r+");
  try {
    const { size } = fstatSync(fd);
    if (size === 0) return;
    const length = (lastPage(folder, fd) + 1) * PAGE;
    if (size < length) ftruncateSync(fd, length);
  } finally {
    closeSync(fd);
  }
}

/** @throws StoreError `missing` or `corrupt`. */
export function checkDataFile(folder: string): void {
  const path = join(folder, "data.mdb");
  const fd = existsSync(path) ? openSync(path, "r") : undefined;
  try {
    if (fd === undefined || fstatSync(fd).size === 0) throw new StoreError("missing", `there is no store in ${folder}`);
    lastPage(folder, fd);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function lastPage(folder: string, fd: number): number {
  const head = Buffer.alloc(2 * PAGE);
  const read = readSync(fd, head, 0, head.length, 0);
  const metas = [head.subarray(0, PAGE), head.subarray(PAGE)];
  const last = Math.max(...metas.map((meta) => Number(meta.readBigUInt64LE(LAST_PAGE_AT))));
  if (read < head.length || metas.some((meta) => meta.readUInt32LE(MAGIC_AT) !== MAGIC) || last >= MAP_BYTES / PAGE)
    throw new StoreError("corrupt", `${folder} holds no readable store`);
  return last;
}
