/**
 * Checks LMDB's data file before LMDB opens it: LMDB trusts the file, and a bad one would end the process.
 */

import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "./store.ts";

/** The address space for the file to grow into; it takes neither memory nor disk. */
export const MAP_BYTES = 2 ** 36;

const PAGE = 4096;
// There are two copies of the meta page at the start. Each has a page header of 24 bytes, then magic,
// version, …, last page number, transaction.
const MAGIC = 0xbeefc0de;
const MAGIC_AT = 24;
const LAST_PAGE_AT = 144;

/**
 * Prepares the file for writing. A file that ends before its last page is filled with zeros: LMDB then finds
 * a damaged page, where it would have ended the process by reading past the end of the file. (The last pages
 * may rightly be missing: a transaction that took pages and gave them back does not write them.)
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
    if (fd === undefined || fstatSync(fd).size === 0)
      throw new StoreError("missing", `there is no store in ${folder}`);
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
  if (
    read < head.length ||
    metas.some((meta) => meta.readUInt32LE(MAGIC_AT) !== MAGIC) ||
    last >= MAP_BYTES / PAGE
  )
    throw new StoreError("corrupt", `${folder} holds no readable store`);
  return last;
}
