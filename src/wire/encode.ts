import { unreachable } from "../lib/assert.ts";
import { EC2_VERSION, type Operation } from "./operations.ts";
import type { Shape, StructureShape } from "./shape.ts";

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** An operation's answer as EC2's XML. Leaves out members that the shape doesn't know, and undefined ones. */
export function encodeOutput({ name, output: shape }: Operation, output: unknown, requestId: string): string {
  const body =
    shape && hasData(shape) ? structure(shape, withReturn(shape, output)) : "<return>true</return>";
  const root = `${name}Response`;
  return `${DECLARATION}<${root} xmlns="http://ec2.amazonaws.com/doc/${EC2_VERSION}/"><requestId>${escapeXml(requestId)}</requestId>${body}</${root}>`;
}

/** An error as EC2's XML; unlike an answer it has no namespace, and spells `RequestID` with a capital D. */
export function encodeFault(
  fault: { readonly code: string; readonly message: string },
  requestId: string,
): string {
  const error = `<Error><Code>${escapeXml(fault.code)}</Code><Message>${escapeXml(fault.message)}</Message></Error>`;
  return `${DECLARATION}<Response><Errors>${error}</Errors><RequestID>${escapeXml(requestId)}</RequestID></Response>`;
}

function hasData(shape: StructureShape): boolean {
  return shape.members.length > 0;
}

/** Adds `Return: true` where AWS answers `Return` and the action did not set it. */
function withReturn(shape: StructureShape, output: unknown): object {
  const value = (output ?? {}) as Readonly<Record<string, unknown>>;
  const says = shape.members.find(({ name, shape: { kind } }) => name === "Return" && kind === "boolean");
  return says && value["Return"] === undefined ? { ...value, Return: true } : value;
}

function structure(shape: StructureShape, value: object): string {
  const members = value as Readonly<Record<string, unknown>>;
  let xml = "";
  for (const { name, xmlName, shape: memberShape } of shape.members) {
    const member = members[name];
    if (member !== undefined && member !== null) xml += element(xmlName, memberShape, member);
  }
  return xml;
}

function element(name: string, shape: Shape, value: unknown): string {
  const content = contentOf(shape, value);
  return content === "" ? `<${name}/>` : `<${name}>${content}</${name}>`;
}

function contentOf(shape: Shape, value: unknown): string {
  switch (shape.kind) {
    case "structure":
      return structure(shape, value as object);
    case "list":
      return (value as readonly unknown[]).map((item) => element(shape.itemName, shape.item, item)).join("");
    case "timestamp":
      return (value as Date).toISOString();
    case "blob":
      return Buffer.from(value as Uint8Array).toString("base64");
    case "string":
    case "boolean":
    case "integer":
    case "decimal":
      return escapeXml(String(value));
    default:
      return unreachable(shape);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  // An XML parser would turn a bare carriage return into a line feed (XML 1.0 section 2.11).
  "\r": "&#xD;",
};

// oxlint-disable-next-line no-control-regex -- these are the characters in question
const UNSAFE = /[&<>"\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\p{Cs}]/gu;

/**
 * Text as the content of an XML element. What XML 1.0 (section 2.2) cannot carry in any form, such as most
 * control characters and lone surrogates, becomes U+FFFD, so that one odd tag can't make a whole answer
 * unreadable.
 */
export function escapeXml(text: string): string {
  return text.replaceAll(UNSAFE, (character) => ESCAPES[character] ?? "\ufffd");
}
