/** What all machines of a region share besides its state. */

import type { Etcd } from "../store/etcd-client.ts";

type Etcds = Pick<Etcd, "range" | "transact">;

/**
 * A text that all machines of the region share: whoever is first has it written. @throws EtcdError
 */
export async function shared(
  etcd: Etcds,
  key: string,
  first: () => string | Promise<string>,
): Promise<string> {
  for (;;) {
    const [found] = (await etcd.range({ key })).found;
    if (found) return found.value;
    const value = await first();
    if ((await etcd.transact([{ key, created: "0" }], [{ key, value }])) !== undefined) return value;
  }
}

/**
 * The options that the region has been told, each as it was told last.
 * @param given - what is told now
 * @throws EtcdError
 */
export async function sharedOptions<Options extends object>(
  etcd: Etcds,
  key: string,
  given: Partial<Options>,
): Promise<Partial<Options>> {
  for (;;) {
    const [found] = (await etcd.range({ key })).found;
    const told = JSON.parse(found?.value ?? "{}") as Partial<Options>;
    const value = JSON.stringify({ ...told, ...given });
    const isNew = Object.keys(given).length > 0 && value !== found?.value;
    if (!isNew) return told;
    const written = await etcd.transact([{ key, modified: found?.modified ?? "0" }], [{ key, value }]);
    if (written !== undefined) return { ...told, ...given };
  }
}
