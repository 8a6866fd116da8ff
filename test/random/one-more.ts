import { isOffered, OFFERED, type Operation } from "../../src/actions/registry.ts";
import { Fault } from "../../src/model/fault.ts";
import type { Shape, StructureShape } from "../../src/wire/shape.ts";
import type { FixedRegion } from "../fuzz/corpus.ts";

/** A request for each operation that the region takes. */
export function taken(region: FixedRegion): ReadonlyMap<Operation, object> {
  const describe = OFFERED.map((operation) => ({ operation, input: {} }));
  const found = new Map<Operation, object>();
  for (const { operation, input } of [...describe, ...region.history]) {
    try {
      region.perform(operation, input);
      if (isOffered(operation)) found.set(operation, input);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
  }
  return found;
}

/** A request with one parameter more. */
type More = { readonly path: string; readonly request: object };

/** The request with each parameter that it does not have, one at a time: beside its own, and within them. */
export function withOneMore(shape: StructureShape | undefined, input: object): readonly More[] {
  const found: More[] = [];
  const visit = (shape: Shape, value: unknown, path: string, put: (value: unknown) => object): void => {
    if (shape.kind === "list" && Array.isArray(value) && value.length > 0) {
      visit(shape.item, value[0], `${path}.*`, (first) => put([first, ...value.slice(1)]));
    }
    if (shape.kind !== "structure" || value === null || typeof value !== "object") return;
    for (const member of shape.members) {
      const inner = (value as Readonly<Record<string, unknown>>)[member.name];
      const name = path === "" ? member.name : `${path}.${member.name}`;
      const putHere = (other: unknown): object => put({ ...value, [member.name]: other });
      if (inner !== undefined) visit(member.shape, inner, name, putHere);
      else if (!COMMON.has(member.name))
        found.push({ path: name, request: putHere(something(member.shape, 0)) });
    }
  };
  if (shape) visit(shape, input, "", (value) => value as object);
  return found;
}

/** `perform` looks at these for all actions. */
const COMMON: ReadonlySet<string> = new Set(["DryRun", "ClientToken"]);

function something(shape: Shape, depth: number): unknown {
  switch (shape.kind) {
    case "structure":
      return depth > 4
        ? {}
        : Object.fromEntries(
            shape.members.map((member) => [member.name, something(member.shape, depth + 1)]),
          );
    case "list":
      return [something(shape.item, depth + 1)];
    case "string":
      return "x";
    case "boolean":
      return true;
    case "integer":
    case "decimal":
      return 7;
    case "timestamp":
      return new Date(0);
    case "blob":
      return Buffer.from("x");
  }
}
