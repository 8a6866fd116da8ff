import { statSync } from "node:fs";
import { join } from "node:path";
import { openReadOnly, type View } from "../store/read-only.ts";
import type { Realm, StateSource } from "./directory.ts";

/**
 * Reads the state under a home. Each call gives the state as it is now, an empty one while there is no store.
 */
export function openState(home: string): StateSource {
  const folder = join(home, "state");
  let open: { readonly view: View; readonly file: string } | undefined;
  const view = (): View | undefined => {
    const file = identity(join(folder, "data.mdb"));
    if (open && open.file !== file) {
      // The store was made anew: nobody writes the old file any more.
      void open.view.close();
      open = undefined;
    }
    if (!open && file !== undefined) open = { view: openReadOnly(folder), file };
    return open?.view;
  };
  const realm = (
    from: View,
    { account, region }: { readonly account: string; readonly region: string },
  ): Realm => ({
    account,
    region,
    reader: from.reader(account, region),
  });
  return {
    realms: () => {
      const from = view();
      return from ? from.realms().map((one) => realm(from, one)) : [];
    },
    holder: (slot) => {
      const from = view();
      const found = from?.interfaceAt(slot);
      return from && found && { realm: realm(from, found), id: found.networkInterface.id };
    },
  };
}

function identity(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat && `${stat.dev}:${stat.ino}`;
}
