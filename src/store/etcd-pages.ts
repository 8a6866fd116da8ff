import type { Etcd, KeyValue, Range } from "./etcd-client.ts";
import { rangeOf } from "./layout.ts";

/** Keys in one answer. */
const PAGE = 1_000;

/**
 * Reads all records whose key begins so, as they were at one moment; the keys are handed on without `prefix`.
 * @returns etcd's revision at that moment
 * @throws EtcdError
 */
export async function eachPage(
  etcd: Etcd,
  prefix: string,
  start: string,
  take: (record: KeyValue) => void,
): Promise<string> {
  const { end } = rangeOf(prefix + start);
  let page: Range | undefined;
  let key = prefix + start;
  let revision: string | undefined;
  do {
    page = await etcd.range({ key, end, limit: PAGE, ...(revision === undefined ? {} : { revision }) });
    revision ??= page.revision;
    for (const record of page.found) take({ ...record, key: record.key.slice(prefix.length) });
    key = `${page.found.at(-1)?.key ?? ""}\u0000`;
  } while (page.more);
  return revision;
}
