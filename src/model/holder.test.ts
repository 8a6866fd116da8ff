import assert from "node:assert/strict";
import { test } from "node:test";
import { newRegion } from "../actions/test-region.ts";
import { holderOf } from "./holder.ts";
import { SLOTTED } from "./resource.ts";

test("the resource that has a slot is found in any region, and no longer once it is deleted", () => {
  const east = newRegion({ defaultVpc: true });
  const west = east.elsewhere("us-west-2");
  const made = west.perform("CreateVpc", { CidrBlock: "10.0.0.0/16" }) as {
    readonly Vpc: { readonly VpcId: string };
  };
  const places = [east, west].map((region) => ({ region, reader: region.reader() }));
  let held = 0;
  for (const place of places) {
    for (const kind of SLOTTED) {
      for (const { id, slot } of place.reader.list(kind)) {
        held += 1;
        assert.deepEqual(
          [holderOf(places, kind, slot)?.place.region, holderOf(places, kind, slot)?.resource.id],
          [place.region, id],
        );
      }
    }
  }
  assert.ok(held > 10);
  const slot = west.reader().get("vpc", made.Vpc.VpcId)?.slot ?? 0;
  west.perform("DeleteVpc", { VpcId: made.Vpc.VpcId });
  assert.equal(holderOf(places, "vpc", slot), undefined);
});
