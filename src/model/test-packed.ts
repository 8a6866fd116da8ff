import { IndexPacker } from "./index-packer.ts";
import { Packed } from "./packed.ts";
import type { Region } from "./region.ts";
import type { Kind, Resource } from "./resource.ts";

/**
 * A region's resources of one kind, packed. Each decoding makes a new object, as decoding from a file does.
 */
export function packedFrom(kind: Kind, region: Region): Packed {
  const all = region.list(kind) as readonly Resource[];
  const packer = new IndexPacker(kind);
  for (const resource of all) packer.add(resource);
  const indexes = packer.finish();
  const orders = all.map(({ id }) => region.orderOf(kind, id));
  return new Packed(kind, {
    size: all.length,
    orderAt: (place) => orders[place] ?? -1,
    record: (place) => JSON.parse(JSON.stringify(all[place])) as Resource,
    index: (name) =>
      indexes.get(name) ?? {
        hashes: new Uint32Array(),
        starts: new Uint32Array(1),
        places: new Uint32Array(),
      },
  });
}
