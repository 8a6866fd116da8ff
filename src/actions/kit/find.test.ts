import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Fault } from "../../model/fault.ts";
import { newRegion } from "../test-region.ts";
import { find, found } from "./find.ts";
import { noSuch, notFound } from "./not-found.ts";

const of = (body: () => unknown): readonly [string, string] => {
  try {
    body();
  } catch (error) {
    if (error instanceof Fault) return [error.code, error.message];
    throw error;
  }
  return ["", "nothing was refused"];
};

test("an error names the id as it was sent, whatever it contains", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.constantFrom("$&", "%s", "$1%s$$")), (id) => {
      assert.equal(notFound("vpc", id).message, `The vpc ID '${id}' does not exist`);
      assert.equal(notFound("image", id).message, `The image id '[${id}]' does not exist`);
    }),
  );
});

test("an id that is well-formed is not found, any other is malformed where AWS distinguishes the two", () => {
  const reader = newRegion().reader();
  assert.deepEqual(
    of(() => find(reader, "internet-gateway", undefined)),
    ["MissingParameter", "The request must contain the parameter internetGatewayId"],
  );
  assert.deepEqual(
    of(() => find(reader, "internet-gateway", "igw-x")),
    ["InvalidInternetGatewayId.Malformed", 'Invalid id: "igw-x" (expecting "igw-...")'],
  );
  assert.deepEqual(
    of(() => find(reader, "internet-gateway", "igw-01234567")),
    ["InvalidInternetGatewayID.NotFound", "The internetGateway ID 'igw-01234567' does not exist"],
  );
  assert.equal(noSuch("vpc", "x").code, "InvalidVpcID.NotFound");
});

test("the same missing resource has other codes and words in other operations, as on AWS", () => {
  assert.equal(notFound("address", "eipalloc-1").code, "InvalidAllocationID.NotFound");
  assert.equal(notFound("elastic-ip", "eipalloc-1").code, "InvalidElasticIpID.NotFound");
  assert.equal(notFound("nat-gateway", "nat-1").message, "The Nat Gateway nat-1 was not found");
  assert.equal(notFound("target-nat-gateway", "nat-1").message, "The natGateway ID 'nat-1' does not exist");
  assert.deepEqual(
    of(() => found(undefined, "key-pair-id", "key-1")),
    ["InvalidKeyPair.NotFound", "The key pair ID 'key-1' does not exist"],
  );
  assert.equal(found(7, "zone", "us-east-1z"), 7);
});
