import assert from "node:assert/strict";
import { test } from "node:test";
import { must, newRegion, refuses } from "../test-region.ts";
import { imageActions } from "./image.ts";

const { DescribeImages } = imageActions;

type Input = Parameters<typeof DescribeImages>[1];

function namesFor(input: Input, region = "us-east-1"): readonly (string | undefined)[] {
  return (newRegion({ region }).call(DescribeImages, input).Images ?? []).map(({ Name }) => Name);
}

const filter = (Name: string, ...Values: string[]): { readonly Name: string; readonly Values: string[] } => ({
  Name,
  Values,
});

/** What people's configurations search for, and the one image that they must find. */
const SEARCHES: readonly {
  readonly owner: string;
  readonly name: string;
  readonly architecture: string;
  readonly finds: RegExp;
}[] = [
  { owner: "amazon", name: "al2023-ami-2023.*-x86_64", architecture: "x86_64", finds: /^al2023-ami-2023\.6/ },
  { owner: "amazon", name: "al2023-ami-2023*", architecture: "arm64", finds: /-arm64$/ },
  {
    owner: "amazon",
    name: "amzn2-ami-hvm-*-x86_64-gp2",
    architecture: "x86_64",
    finds: /^amzn2-ami-hvm-2\.0/,
  },
  {
    owner: "137112412989",
    name: "amzn2-ami-kernel-5.10-hvm-*",
    architecture: "x86_64",
    finds: /^amzn2-ami-kernel/,
  },
  {
    owner: "099720109477",
    name: "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-*",
    architecture: "x86_64",
    finds: /jammy-22\.04-amd64/,
  },
  {
    owner: "099720109477",
    name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*",
    architecture: "x86_64",
    finds: /noble-24\.04-amd64/,
  },
  {
    owner: "099720109477",
    name: "ubuntu/images/*/ubuntu-noble-24.04-*",
    architecture: "arm64",
    finds: /noble-24\.04-arm64/,
  },
  { owner: "136693071363", name: "debian-12-amd64-*", architecture: "x86_64", finds: /^debian-12-amd64/ },
];

test("the usual searches find one image each", () => {
  for (const { owner, name, architecture, finds } of SEARCHES) {
    const Filters = [
      filter("name", name),
      filter("architecture", architecture),
      filter("virtualization-type", "hvm"),
      filter("root-device-type", "ebs"),
      filter("state", "available"),
    ];
    const found = namesFor({ Owners: [owner], Filters });
    assert.equal(found.length, 1, name);
    assert.match(must(found[0]), finds);
  }
});

test("owners: an account, an alias, self", () => {
  const everything = namesFor({});
  assert.ok(everything.length > 10);
  assert.equal(namesFor({ Filters: [filter("owner-alias", "amazon")] }).length, everything.length);
  assert.deepEqual(namesFor({ Owners: ["self"] }), []);
  assert.deepEqual(namesFor({ Owners: ["111111111111"] }), []);
  assert.deepEqual(namesFor({ ExecutableUsers: ["self"] }), []);
  refuses(
    "InvalidParameterValue",
    () => namesFor({ Filters: [filter("taste", "sweet")] }),
    "The filter 'taste' is invalid",
  );
});

test("ids are the same each time, differ between regions, and answer for themselves", () => {
  const ids = (region: string): readonly string[] =>
    (newRegion({ region }).call(DescribeImages, {}).Images ?? []).map(({ ImageId }) => must(ImageId));
  assert.deepEqual(ids("us-east-1"), ids("us-east-1"));
  const both = [...ids("us-east-1"), ...ids("eu-west-1")];
  assert.equal(new Set(both).size, both.length);
  for (const id of both) assert.match(id, /^ami-[0-9a-f]{17}$/);
  const one = must(ids("us-east-1")[0]);
  assert.equal(newRegion().call(DescribeImages, { ImageIds: [one] }).Images?.[0]?.ImageId, one);
});

test("an unlisted id is somebody's image; a malformed one is refused", () => {
  const image = must(newRegion().call(DescribeImages, { ImageIds: ["ami-abcd1234"] }).Images?.[0]);
  assert.deepEqual(
    [image.ImageId, image.State, image.RootDeviceName],
    ["ami-abcd1234", "available", "/dev/xvda"],
  );
  assert.equal(image.BlockDeviceMappings?.[0]?.DeviceName, "/dev/xvda");
  for (const id of ["ami-", "ami-xyz", "ami-ABCD1234", "vpc-abcd1234"]) {
    refuses(
      "InvalidAMIID.Malformed",
      () => namesFor({ ImageIds: [id] }),
      `Invalid id: "${id}" (expecting "ami-...")`,
    );
  }
});
