import assert from "node:assert/strict";
import { test } from "node:test";
import { newRegion, refuses } from "../test-region.ts";
import { addImageAlias, removeImageAlias, type WantedAlias } from "./image-alias.ts";
import { imagesOf } from "./image-catalogue.ts";
import { imageActions } from "./image.ts";

const { DescribeImages } = imageActions;
const NAME = "fck-nat-al2023-hvm-1.3.0-20240125-x86_64-ebs";

test("an image that was made known is found by name and owner, by its id, and no longer when it is removed", () => {
  const region = newRegion();
  const add = (wanted: WantedAlias): string =>
    region.change((tx, context) => addImageAlias(tx, wanted, context).id);
  const found = (Owners: string[], pattern = "fck-nat-al2023-*"): (string | undefined)[] =>
    (
      region.call(DescribeImages, { Owners, Filters: [{ Name: "name", Values: [pattern] }] }).Images ?? []
    ).map(({ ImageId }) => ImageId);
  assert.deepEqual(found(["568608671756"]), []);
  const id = add({ name: NAME, owner: "568608671756" });
  const arm = add({
    name: NAME.replace("x86_64", "arm64"),
    owner: "568608671756",
    architecture: "arm64",
    id: "ami-0123456789abcdef0",
  });
  assert.match(id, /^ami-[0-9a-f]{17}$/);
  assert.deepEqual([found(["568608671756"]), found(["self"]), found(["amazon"])], [[id, arm], [], []]);
  const [described] = region.call(DescribeImages, { ImageIds: [arm] }).Images ?? [];
  assert.deepEqual(
    [described?.Architecture, described?.OwnerId, described?.BootMode],
    ["arm64", "568608671756", "uefi"],
  );
  assert.equal(add({ name: NAME }), id, "the same name is the same image");
  assert.deepEqual(found(["self"]), [id]);
  assert.equal(add({ name: NAME, id: "ami-00000000000000001" }), "ami-00000000000000001");
  assert.deepEqual(found(["self"]), ["ami-00000000000000001"], "a name has one image");
  region.change((tx) => removeImageAlias(tx, NAME));
  region.change((tx) => removeImageAlias(tx, arm));
  assert.deepEqual([found([]), found(["self"])], [[], []]);
  assert.equal(
    region.call(DescribeImages, { ImageIds: [arm] }).Images?.[0]?.ImageId,
    arm,
    "it launches as any other",
  );
});

test("an invalid name, id, owner or architecture is refused, and Genkan's own images stay as they are", () => {
  const region = newRegion();
  const add = (wanted: WantedAlias) => () =>
    region.change((tx, context) => addImageAlias(tx, wanted, context));
  for (const bad of [
    { name: "ab" },
    { name: "a*b" },
    { name: "x".repeat(129) },
    { name: NAME, id: "i-0123456789abcdef0" },
    { name: NAME, owner: "amazon" },
    { name: NAME, architecture: "riscv" },
  ])
    refuses("InvalidParameterValue", add(bad));
  const [own] = imagesOf("us-east-1");
  refuses("InvalidAMIName.Duplicate", add({ name: own?.name ?? "" }));
  refuses("InvalidAMIName.Duplicate", add({ name: NAME, id: own?.id }));
  refuses("InvalidAMIID.NotFound", () => region.change((tx) => removeImageAlias(tx, "nothing")));
});
