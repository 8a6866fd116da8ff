/**
 * One EC2 request of a remedy, or a wait for what the request before began. Later requests can use its
 * results by name. `region`: where it is made, when that is not the region in question.
 */
export type Call = { readonly region?: string } & (
  | { readonly kind: "request"; readonly operation: string; readonly input: Input; readonly result?: Result }
  | {
      readonly kind: "wait";
      readonly until: "instance-running" | "instance-stopped";
      readonly instanceId: string;
    }
);

export type Input = { readonly [member: string]: Value };
export type Value = string | number | boolean | Named | Input | readonly Value[];

/** A value in the request's answer, at a path such as `RouteTable.RouteTableId`, and its name. */
type Result = { readonly name: string; readonly path: string };

/** The result of an earlier request, in place of a value. */
export type Named = { readonly named: string };

export function request(operation: string, input: Input, result?: Result): Call {
  return { kind: "request", operation, input, ...(result === undefined ? {} : { result }) };
}

/** The value, with the names in it replaced by their values. */
export function resolved(value: Value, meaning: (name: string) => Value): Value {
  if (typeof value !== "object") return value;
  if (isList(value)) return value.map((one) => resolved(one, meaning));
  if (isNamed(value)) return meaning(value.named);
  return Object.fromEntries(Object.entries(value).map(([member, one]) => [member, resolved(one, meaning)]));
}

export function isNamed(value: Value): value is Named {
  return typeof value === "object" && "named" in value;
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}
