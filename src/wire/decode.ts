import { unreachable } from "../lib/assert.ts";
import { Fault } from "../model/fault.ts";
import type { Operation } from "./operations.ts";
import { clip, type Parameters, repeated } from "./parameters.ts";
import type { LeafShape, Member, Shape, StructureShape } from "./shape.ts";

/**
 * Reads an operation's input from the parameters of an EC2 query, such as `Filter.1.Value.2=available`. It is
 * the inverse of what AWS's SDKs write (`aws.protocols#ec2Query`, Smithy 2.0 "AWS EC2 query protocol"): lists
 * are flat and numbered from 1; a gap in the numbers closes; the numbers' order counts, not the order in the
 * request.
 * @throws UnknownParameter, MissingParameter, InvalidParameterValue, MalformedQueryString
 */
export function decodeInput(operation: Operation, parameters: Parameters): object {
  const shape = operation.input ?? NO_INPUT;
  const draft: StructureDraft = { kind: "structure", shape, members: new Map() };
  for (const [name, text] of parameters) {
    if (!isCommon(name)) insert(draft, name, text);
  }
  return finishStructure(draft, "");
}

const NO_INPUT: StructureShape = { kind: "structure", name: "Unit", members: [], byQueryName: new Map() };

/**
 * Parameters that every request may have and that are no part of the input (EC2 API reference, "Common query
 * parameters").
 */
const COMMON: ReadonlySet<string> = new Set([
  "Action",
  "Version",
  "AWSAccessKeyId",
  "Expires",
  "SecurityToken",
  "Signature",
  "SignatureMethod",
  "SignatureVersion",
  "Timestamp",
]);

function isCommon(name: string): boolean {
  return COMMON.has(name) || name.startsWith("X-Amz-");
}

/** A value that is not complete yet. */
type Draft = LeafDraft | ListDraft | StructureDraft;
type LeafDraft = { readonly kind: "leaf"; readonly value: unknown };
type ListDraft = { readonly kind: "list"; readonly item: Shape; readonly items: Map<number, Draft> };
type StructureDraft = {
  readonly kind: "structure";
  readonly shape: StructureShape;
  readonly members: Map<Member, Draft>;
};

/** More parts than any parameter of EC2 has. */
const MAX_PARTS = 32;
const INDEX = /^(0|[1-9]\d{0,8})$/;

/** Puts one parameter into its position, creating the structures and lists on the way. */
function insert(root: StructureDraft, name: string, text: string): void {
  const parts = name.split(".", MAX_PARTS + 1);
  if (parts.length > MAX_PARTS) throw unknown(name);
  let draft: Draft = root;
  for (const [index, part] of parts.entries()) {
    draft = step(draft, part, name, index === parts.length - 1 ? text : undefined);
  }
  // An empty list or structure is written `X=`.
  if (draft.kind !== "leaf" && text !== "") throw unknown(name);
}

function step(draft: Draft, part: string, name: string, text: string | undefined): Draft {
  switch (draft.kind) {
    case "structure": {
      const member = draft.shape.byQueryName.get(part);
      if (!member) throw unknown(name);
      return entry(draft.members, member, member.shape, name, text);
    }
    case "list":
      if (!INDEX.test(part)) throw unknown(name);
      return entry(draft.items, Number(part), draft.item, name, text);
    case "leaf":
      throw unknown(name);
    default:
      return unreachable(draft);
  }
}

function entry<Key>(
  drafts: Map<Key, Draft>,
  key: Key,
  shape: Shape,
  name: string,
  text: string | undefined,
): Draft {
  const known = drafts.get(key);
  if (known) {
    if (text !== undefined) throw repeated(name);
    return known;
  }
  const made = newDraft(shape, name, text);
  drafts.set(key, made);
  return made;
}

function newDraft(shape: Shape, name: string, text: string | undefined): Draft {
  if (shape.kind === "structure") return { kind: "structure", shape, members: new Map() };
  if (shape.kind === "list") return { kind: "list", item: shape.item, items: new Map() };
  if (text === undefined) throw unknown(name);
  return { kind: "leaf", value: leaf(shape, name, text) };
}

function finish(draft: Draft, path: string): unknown {
  if (draft.kind === "leaf") return draft.value;
  if (draft.kind === "structure") return finishStructure(draft, path);
  const numbered = [...draft.items].toSorted(([a], [b]) => a - b);
  return numbered.map(([index, item]) => finish(item, `${path}.${index}`));
}

function finishStructure({ shape, members }: StructureDraft, path: string): object {
  const value: Record<string, unknown> = {};
  for (const member of shape.members) {
    const draft = members.get(member);
    const prefix = path === "" ? "" : `${path}.`;
    if (draft && !(draft.kind === "list" && draft.items.size === 0))
      value[member.name] = finish(draft, `${prefix}${member.queryName}`);
    else if (member.required) {
      throw new Fault(
        "MissingParameter",
        `The request must contain the parameter ${path === "" ? member.xmlName : `${prefix}${member.queryName}`}`,
      );
    }
  }
  return value;
}

const INTEGER = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const BASE64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}(==)?|[A-Za-z0-9+/]{3}=?)?$/;
/** ISO 8601 as `xs:dateTime` allows it; a time without a zone is UTC. */
const TIMESTAMP = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:?\d\d)?)?$/;

function leaf({ kind }: LeafShape, name: string, text: string): unknown {
  switch (kind) {
    case "string":
      return text;
    case "boolean":
      if (!/^(true|false)$/i.test(text)) throw invalid(name, text, "It must be true or false.");
      return text.toLowerCase() === "true";
    case "integer":
      if (!INTEGER.test(text) || !Number.isSafeInteger(Number(text)))
        throw invalid(name, text, "It must be an integer.");
      return Number(text) + 0;
    case "decimal":
      if (!DECIMAL.test(text) || !Number.isFinite(Number(text)))
        throw invalid(name, text, "It must be a number.");
      return Number(text);
    case "timestamp":
      return timestamp(name, text);
    case "blob":
      if (!BASE64.test(text)) throw invalid(name, text, "It must be base64-encoded.");
      return Uint8Array.from(Buffer.from(text, "base64"));
    default:
      return unreachable(kind);
  }
}

function timestamp(name: string, text: string): Date {
  const [, day = "", time = "00:00", zone = "Z"] = TIMESTAMP.exec(text) ?? [];
  const date = new Date(`${day}T${time}${zone}`);
  const midnight = new Date(`${day}T00:00Z`);
  // Date turns the 30th of February into the 2nd of March.
  if (Number.isNaN(date.getTime()) || !midnight.toISOString().startsWith(day)) {
    throw invalid(name, text, "It must be a time, as in 2030-01-31T23:59:59Z.");
  }
  return date;
}

function unknown(name: string): Fault {
  return new Fault("UnknownParameter", `The parameter ${clip(name)} is not recognized`);
}

function invalid(name: string, text: string, expected: string): Fault {
  return new Fault(
    "InvalidParameterValue",
    `Value (${clip(text)}) for parameter ${clip(name)} is invalid. ${expected}`,
  );
}
