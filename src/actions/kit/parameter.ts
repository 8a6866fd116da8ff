import { type Ipv4Block, parseIpv4Block } from "../../lib/block.ts";
import { Fault } from "../../model/fault.ts";

/**
 * The parameter's value. @throws MissingParameter when it is absent or empty; `name` is spelled as AWS does,
 * `vpcId`.
 */
export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined || value === "")
    throw new Fault("MissingParameter", `The request must contain the parameter ${name}`);
  return value;
}

/** The value; an empty text, which some clients send for none, is absent. */
export function given(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

/** What a parameter gets that AWS knows and Genkan does not honour. */
export function unoffered(name: string): Fault {
  return new Fault("UnsupportedOperation", `Genkan does not offer the parameter ${name}.`);
}

/**
 * Refuses parameters that AWS knows and Genkan does not honour. `false`, 0, an empty list and absence ask for
 * nothing and pass.
 * @throws UnsupportedOperation naming the first such parameter.
 */
export function refuseUnoffered<T extends object>(input: T, names: readonly (keyof T & string)[]): void {
  for (const name of names) {
    const value: unknown = input[name];
    if (value === undefined || value === false || value === 0 || (Array.isArray(value) && value.length === 0))
      continue;
    throw unoffered(name);
  }
}

/**
 * The first value that appears twice in a list, found in time proportional to its length; undefined when all
 * differ.
 */
export function repeatedIn<T>(values: readonly T[]): T | undefined {
  const seen = new Set<T>();
  return values.find((value) => seen.has(value) || !seen.add(value));
}

/** The block in canonical form. @throws InvalidParameterValue when the text is no IPv4 block. */
export function requiredCidr(text: string | undefined, name: string): Ipv4Block {
  const cidr = parseIpv4Block(required(text, name));
  if (!cidr)
    throw new Fault(
      "InvalidParameterValue",
      `Value (${text}) for parameter ${name} is invalid. This is not a valid CIDR block.`,
    );
  return cidr;
}

/** The answer of an action that has nothing to tell but that it is done. */
export type Done = Readonly<Record<string, never>>;
export const DONE: Done = {};
