import type { LeafShape, Shape, StructureShape } from "../../src/wire/shape.ts";
import type { Pair } from "./mutate.ts";

/**
 * What is wrong with a decoded input, held against the parameters that it was decoded from, which are read
 * here in another way: each must be in it, in its place and with its value, and nothing else may be.
 * undefined: all is right.
 */
export function misreading(
  shape: StructureShape | undefined,
  input: object,
  text: string,
): string | undefined {
  const sent = ordered([...new URLSearchParams(`&${text}`)].filter(([name]) => !isCommon(name)));
  const leaves = new Map<string, Leaf>();
  const strange = shape ? walk(shape, input, "", leaves) : Object.keys(input)[0];
  if (strange !== undefined) return `${strange} is no part of it`;
  for (const [name, value] of sent) {
    const leaf = leaves.get(name);
    if (!leaf) {
      // `X=` for a list or structure says that it is empty.
      if (value === "") continue;
      return `${name}=${value.slice(0, 50)} was ignored`;
    }
    if (!means(leaf, value))
      return `${name}=${value.slice(0, 50)} was taken for ${String(leaf.value).slice(0, 50)}`;
    leaves.delete(name);
  }
  const [invented] = leaves.keys();
  return invented === undefined ? undefined : `${invented} was not asked for`;
}

function isCommon(name: string): boolean {
  return /^(Action|Version|AWSAccessKeyId|Expires|SecurityToken|Signature|SignatureMethod|SignatureVersion|Timestamp|X-Amz-.*)$/s.test(
    name,
  );
}

/** The parameters with the numbers of each list made 1, 2, 3, in their order. */
function ordered(pairs: readonly Pair[]): readonly Pair[] {
  const numbers = new Map<string, Set<number>>();
  for (const [name] of pairs) {
    const parts = name.split(".");
    for (const [at, part] of parts.entries()) {
      if (!/^\d+$/.test(part)) continue;
      const list = parts.slice(0, at).join(".");
      const known = numbers.get(list);
      if (known) known.add(Number(part));
      else numbers.set(list, new Set([Number(part)]));
    }
  }
  const places = new Map(
    [...numbers].map(([list, found]) => [
      list,
      new Map([...found].toSorted((a, b) => a - b).map((n, at) => [n, at + 1])),
    ]),
  );
  return pairs.map(([name, value]) => {
    const parts = name.split(".");
    const renamed = parts.map(
      (part, at) => places.get(parts.slice(0, at).join("."))?.get(Number(part)) ?? part,
    );
    return [renamed.join("."), value];
  });
}

type Leaf = { readonly kind: LeafShape["kind"]; readonly value: unknown };

/** Collects the leaves by the names that a query would give them; returns what does not belong there. */
function walk(shape: Shape, value: unknown, name: string, into: Map<string, Leaf>): string | undefined {
  if (shape.kind === "structure") {
    const members = new Map(shape.members.map((member) => [member.name, member]));
    for (const [key, inner] of Object.entries(value as object)) {
      const member = members.get(key);
      if (!member) return `${name}.${key}`;
      const strange = walk(
        member.shape,
        inner,
        name === "" ? member.queryName : `${name}.${member.queryName}`,
        into,
      );
      if (strange !== undefined) return strange;
    }
    return Object.getPrototypeOf(value) === Object.prototype ? undefined : `${name}'s prototype`;
  }
  if (shape.kind === "list") {
    if (!Array.isArray(value)) return name;
    for (const [at, item] of value.entries()) {
      const strange = walk(shape.item, item, `${name}.${at + 1}`, into);
      if (strange !== undefined) return strange;
    }
    return undefined;
  }
  into.set(name, { kind: shape.kind, value });
  return undefined;
}

function means({ kind, value }: Leaf, text: string): boolean {
  switch (kind) {
    case "string":
      return value === text;
    case "boolean":
      return String(value) === text.toLowerCase();
    case "integer":
      return Number.isSafeInteger(value) && BigInt(value as number) === BigInt(text.replace("+", ""));
    case "decimal":
      return value === Number(text);
    case "timestamp":
      return value instanceof Date && Math.abs(value.getUTCFullYear() - Number(text.slice(0, 4))) <= 1;
    case "blob":
      return Buffer.from(value as Uint8Array).equals(Buffer.from(text, "base64"));
  }
}
