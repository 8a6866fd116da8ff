import { Fault } from "../model/fault.ts";

/** The names and values of a query or form, in the order sent. */
export type Parameters = readonly (readonly [name: string, value: string])[];

/**
 * Reads `application/x-www-form-urlencoded` text, from a query or from a body.
 * @throws MalformedQueryString for a percent sign without an escape after it, or for bytes that are not
 * UTF-8.
 */
export function parseParameters(text: string): Parameters {
  const parameters: [string, string][] = [];
  for (const piece of text.split("&")) {
    if (piece === "") continue;
    const equals = piece.indexOf("=");
    parameters.push(
      equals < 0
        ? [unescape(piece), ""]
        : [unescape(piece.slice(0, equals)), unescape(piece.slice(equals + 1))],
    );
  }
  return parameters;
}

/**
 * The value of a parameter that may appear only once. @throws MalformedQueryString when it appears more
 * often.
 */
export function parameter(parameters: Parameters, name: string): string | undefined {
  let value: string | undefined;
  for (const [other, text] of parameters) {
    if (other !== name) continue;
    if (value !== undefined) throw repeated(name);
    value = text;
  }
  return value;
}

export function repeated(name: string): Fault {
  return new Fault(
    "MalformedQueryString",
    `The query string contains a syntax error: the parameter ${clip(name)} stands in it twice.`,
  );
}

/** A user's text, short enough for a message. */
export function clip(text: string): string {
  return text.length > 128 ? `${text.slice(0, 128)}…` : text;
}

function unescape(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new Fault("MalformedQueryString", "The query string contains a syntax error.");
  }
}
